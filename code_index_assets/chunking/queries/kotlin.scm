(class_declaration name: (identifier) @name) @definition.class
(object_declaration name: (identifier) @name) @definition.object
(function_declaration name: (identifier) @name) @definition.function
(property_declaration (variable_declaration (identifier) @name)) @definition.property
(enum_entry (identifier) @name) @definition.enum_member
(type_alias type: (identifier) @name) @definition.type
(package_header (qualified_identifier) @package)
(import (qualified_identifier) @import.module) @import
[(line_comment) (block_comment)] @comment
(string_content) @mask
(annotation) @decorator
(delegation_specifier (_) @extends)
