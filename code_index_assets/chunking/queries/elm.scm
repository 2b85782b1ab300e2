(module_declaration name: (_) @package)
(type_alias_declaration name: (_) @name) @definition.type
(type_declaration name: (_) @name) @definition.type
(union_variant name: (_) @name) @definition.enum_member
(value_declaration functionDeclarationLeft: (function_declaration_left . (lower_case_identifier) @name)) @definition.function
(port_annotation name: (_) @name) @definition.prototype
(import_clause moduleName: (_) @import.module) @import
[(line_comment) (block_comment)] @comment
(string_constant_expr) @mask
