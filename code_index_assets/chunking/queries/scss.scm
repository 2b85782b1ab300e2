(mixin_statement name: (_) @name) @definition.mixin
(function_statement name: (_) @name) @definition.function
(stylesheet (declaration (variable) @name) @definition.variable)
(placeholder) @mask
(use_statement (string_value) @import.module) @import
(forward_statement (string_value) @import.module) @import
