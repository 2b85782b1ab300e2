(class name: (_) @name) @definition.class
(module name: (_) @name) @definition.module
(method name: (_) @name) @definition.method
(singleton_method object: (_) @scope name: (_) @name) @definition.method
(assignment left: (constant) @name right: (call method: (identifier) @_new block: (_)) (#eq? @_new "new")) @definition.class
(assignment left: (constant) @name) @definition.constant
(alias name: (_) @name) @definition.alias
; Calls that define: what each makes is in the facts (CALLS). One pattern for all first arguments: a predicate a call is dear.
((call method: (identifier) @call arguments: (argument_list . [(simple_symbol) (string) (constant) (scope_resolution)] @name)) @definition.call
  (#any-of? @call "attr_accessor" "attr_reader" "attr_writer" "mattr_accessor" "cattr_accessor" "class_attribute"
   "thread_mattr_accessor" "define_method" "define_singleton_method" "alias_method" "alias_attribute" "describe" "context" "it"
   "specify" "feature" "scenario" "shared_examples" "shared_context" "test" "let" "let!" "subject" "factory" "task" "multitask"
   "file" "get" "post" "put" "patch" "delete" "resources" "resource" "root" "mount" "match" "namespace"))
((call method: (identifier) @call arguments: (argument_list (_) [(simple_symbol) (string)] @name)) @definition.call
  (#any-of? @call "attr_accessor" "attr_reader" "attr_writer" "mattr_accessor" "cattr_accessor" "class_attribute"))
((call method: (identifier) @call arguments: (argument_list . (pair key: (_) @name))) @definition.call
  (#any-of? @call "task" "multitask" "file"))
(class superclass: (superclass (_) @extends))
(comment) @comment
[(string_content) (heredoc_content)] @mask
((call method: (identifier) @_m arguments: (argument_list . (string (string_content) @import.module))) @import
  (#any-of? @_m "require" "require_relative" "load" "require_dependency"))
((call method: (identifier) @_m arguments: (argument_list (string (string_content) @import.module) .)) @import (#eq? @_m "autoload"))
