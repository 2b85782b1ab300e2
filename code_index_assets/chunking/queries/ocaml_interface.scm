(exception_definition (constructor_declaration (constructor_name) @name)) @definition.class
(module_definition (module_binding (module_name) @name)) @definition.module
(module_type_definition (module_type_name) @name) @definition.interface
(type_definition (type_binding name: (_) @name) @definition.type)
(constructor_declaration (constructor_name) @name) @definition.enum_member
(field_declaration (field_name) @name) @definition.field
(class_definition (class_binding (class_name) @name) @definition.class)
(class_type_definition (class_type_binding (class_type_name) @name) @definition.interface)
[(external (value_name) @name) (value_specification [(value_name) @name (parenthesized_operator (_) @name)])] @definition.prototype
(open_module module: (_) @import.module) @import
(comment) @comment
[(string_content) (quoted_string_content)] @mask
