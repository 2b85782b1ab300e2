(class_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.trait
(enum_declaration name: (name) @name) @definition.enum
(enum_case name: (name) @name) @definition.enum_member
(method_declaration name: (name) @name) @definition.method
(function_definition name: (name) @name) @definition.function
(property_declaration (property_element name: (variable_name (name) @name))) @definition.property
(property_promotion_parameter name: (variable_name (name) @name)) @definition.property
(const_declaration (const_element (name) @name)) @definition.constant
(namespace_definition name: (namespace_name) @package)
(base_clause (_) @extends)
(class_interface_clause (_) @extends)
(namespace_use_clause [(qualified_name) (name)] @import.module) @import
(comment) @comment
[(string_content) (nowdoc_string)] @mask
(attribute_list) @decorator
