(class name: (_) @name) @definition.class
(module name: (_) @name) @definition.module
(method name: (_) @name) @definition.method
(singleton_method object: (_) @scope name: (_) @name) @definition.method
(assignment left: (constant) @name) @definition.constant
(alias name: (_) @name) @definition.alias
(superclass (_) @extends)
(comment) @comment
(string_content) @mask
((call method: (identifier) @_m arguments: (argument_list . (string (string_content) @import.module))) @import (#any-of? @_m "require" "require_relative" "load"))
