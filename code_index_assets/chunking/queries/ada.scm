(package_declaration name: (_) @name) @definition.package
(package_body name: (_) @name) @definition.package
(full_type_declaration . (identifier) @name) @definition.type
(subtype_declaration . (identifier) @name) @definition.type
(subprogram_body [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.function
(subprogram_declaration [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.prototype
(component_declaration . (identifier) @name) @definition.field
(with_clause (_) @import.module) @import
(comment) @comment
(string_literal) @mask
