(class_definition (class_identifier) @name) @definition.class
(defined_resource_type (class_identifier) @name) @definition.class
(type_declaration (class_identifier) @name) @definition.type
(function_declaration (class_identifier) @name) @definition.function
(node_definition (node_name) @name) @definition.object
