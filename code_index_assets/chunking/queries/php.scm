(class_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.trait
(enum_declaration name: (name) @name) @definition.enum
(enum_case name: (name) @name) @definition.enum_member
(method_declaration name: (name) @name) @definition.method
(function_definition name: (name) @name) @definition.function
(property_declaration (property_element name: (variable_name (name) @name))) @definition.property
(property_promotion_parameter name: (variable_name (name) @name)) @definition.promoted
(const_declaration (const_element (name) @name)) @definition.constant
(expression_statement (assignment_expression left: (variable_name (name) @name) right: [(anonymous_function) (arrow_function)])) @definition.function
((function_call_expression function: (name) @_f arguments: (arguments . (argument (string (string_content) @name)))) @definition.constant (#eq? @_f "define"))
((function_call_expression function: (name) @_f arguments: (arguments . (argument (string (string_content) @name)) . (argument [(anonymous_function) (arrow_function)]))) @definition.test (#any-of? @_f "it" "test" "describe"))
(namespace_definition name: (namespace_name) @package)
(base_clause (_) @extends)
(class_interface_clause (_) @extends)
(use_declaration [(name) (qualified_name)] @extends)
(namespace_use_declaration (namespace_use_clause [(qualified_name) (name)] @import.module)) @import
(namespace_use_declaration (namespace_use_clause [(qualified_name) (name)] @import.module alias: (name) @import.alias)) @import
(namespace_use_declaration (namespace_name) @import.module (namespace_use_group (namespace_use_clause . [(name) (qualified_name) (namespace_name)] @import.name))) @import
(namespace_use_declaration (namespace_name) @import.module (namespace_use_group (namespace_use_clause . [(name) (qualified_name) (namespace_name)] @import.name alias: (name) @import.alias))) @import
[(require_once_expression (string (string_content) @import.module)) (require_expression (string (string_content) @import.module))
 (include_expression (string (string_content) @import.module)) (include_once_expression (string (string_content) @import.module))] @import
(comment) @comment
[(string_content) (nowdoc_string) (text)] @mask
(attribute_list) @decorator
