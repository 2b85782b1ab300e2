(class name: (_) @name) @definition.class
(module name: (_) @name) @definition.module
(method name: (_) @name) @definition.method
(singleton_method object: (_) @scope name: (_) @name) @definition.method
(assignment left: (constant) @name right: (call method: (identifier) @_new block: (_)) (#eq? @_new "new")) @definition.class
(assignment left: (constant) @name) @definition.constant
(alias name: (_) @name) @definition.alias
((call method: (identifier) @_m arguments: (argument_list [(simple_symbol) (string)] @name)) @definition.property
  (#any-of? @_m "attr_accessor" "attr_reader" "attr_writer" "mattr_accessor" "cattr_accessor" "class_attribute" "thread_mattr_accessor"))
((call method: (identifier) @_m arguments: (argument_list . [(simple_symbol) (string)] @name)) @definition.method
  (#any-of? @_m "define_method" "define_singleton_method"))
((call method: (identifier) @_m arguments: (argument_list . [(simple_symbol) (string)] @name)) @definition.alias
  (#any-of? @_m "alias_method" "alias_attribute"))
((call method: (identifier) @_m arguments: (argument_list . [(simple_symbol) (string)] @name) block: (_)) @definition.test
  (#any-of? @_m "describe" "context" "it" "specify" "feature" "scenario" "shared_examples" "test" "shared_context"))
((call method: (identifier) @_m arguments: (argument_list . [(constant) (scope_resolution)] @name) block: (_)) @definition.test
  (#any-of? @_m "describe" "context"))
((call method: (identifier) @_m arguments: (argument_list . [(simple_symbol) (string)] @name)) @definition.fixture
  (#any-of? @_m "let" "let!" "subject" "factory"))
((call method: (identifier) @_m arguments: (argument_list . [(simple_symbol) @name (string) @name (pair key: (_) @name)])) @definition.task
  (#any-of? @_m "task" "multitask" "file"))
((call !receiver method: (identifier) @_m arguments: (argument_list . [(simple_symbol) (string)] @name)) @definition.route
  (#any-of? @_m "get" "post" "put" "patch" "delete" "resources" "resource" "root" "mount" "match"))
((call method: (identifier) @_m arguments: (argument_list . [(simple_symbol) (string)] @name) block: (_)) @definition.namespace
  (#eq? @_m "namespace"))
(class superclass: (superclass (_) @extends))
(comment) @comment
[(string_content) (heredoc_content)] @mask
((call method: (identifier) @_m arguments: (argument_list . (string (string_content) @import.module))) @import
  (#any-of? @_m "require" "require_relative" "load" "require_dependency"))
((call method: (identifier) @_m arguments: (argument_list (string (string_content) @import.module) .)) @import (#eq? @_m "autoload"))
