(class_definition name: (identifier) @name) @definition.class
(mixin_declaration (identifier) @name) @definition.mixin
(extension_declaration name: (identifier) @name) @definition.impl
(extension_type_declaration name: (identifier) @name) @definition.class
(enum_declaration name: (identifier) @name) @definition.enum
(enum_constant name: (identifier) @name) @definition.enum_member
(type_alias . (type_identifier) @name "=") @definition.type
(type_alias (type_identifier) @name . (formal_parameter_list)) @definition.type
(constructor_signature name: (identifier) @name .  parameters: (_)) @definition.constructor
(factory_constructor_signature (identifier) @name . (formal_parameter_list)) @definition.constructor
(redirecting_factory_constructor_signature (identifier) @name . (formal_parameter_list)) @definition.constructor
(constant_constructor_signature (_) @name . (formal_parameter_list)) @definition.constructor
(function_signature name: (identifier) @name) @definition.function
[(getter_signature name: (identifier) @name) (setter_signature name: (identifier) @name)] @definition.property
(operator_signature [(binary_operator) "==" "[]" "[]=" "~"] @name) @definition.method
(class_body (declaration (initialized_identifier_list (initialized_identifier . (identifier) @name))) @definition.field)
(class_body (declaration (static_final_declaration_list (static_final_declaration . (identifier) @name))) @definition.field)
(program (static_final_declaration_list (static_final_declaration . (identifier) @name) @definition.constant))
(program (initialized_identifier_list (initialized_identifier . (identifier) @name) @definition.variable))
(import_or_export (_ (_ (configurable_uri (uri) @import.module)))) @import
(superclass [(type_identifier) @extends (mixins (type_identifier) @extends)])
(interfaces (type_identifier) @extends)
(annotation) @decorator
[(comment) (documentation_comment)] @comment
(string_literal) @mask
