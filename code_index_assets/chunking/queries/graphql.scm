(object_type_definition (name) @name) @definition.type
(object_type_extension (name) @name) @definition.type
(interface_type_definition (name) @name) @definition.interface
(enum_type_definition (name) @name) @definition.enum
(enum_value_definition (enum_value (name) @name)) @definition.enum_member
(input_object_type_definition (name) @name) @definition.input
(union_type_definition (name) @name) @definition.union
(scalar_type_definition (name) @name) @definition.scalar
(directive_definition (name) @name) @definition.directive
(field_definition (name) @name) @definition.field
(input_fields_definition (input_value_definition (name) @name) @definition.field)
(operation_definition (operation_type) (name) @name) @definition.operation
(fragment_definition (fragment_name) @name) @definition.fragment
(implements_interfaces (named_type) @extends)
(description) @doc
(comment) @comment
