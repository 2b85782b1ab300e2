(class_declaration name: (identifier) @name) @definition.class
(object_declaration name: (identifier) @name) @definition.object
(companion_object name: (identifier) @name) @definition.object
(companion_object "companion" . "object" @name) @definition.object
(function_declaration [(user_type) (nullable_type) (function_type) (parenthesized_type)] @scope . name: (identifier) @name) @definition.function
(function_declaration name: (identifier) @name) @definition.function
(secondary_constructor "constructor" @name) @definition.constructor
(class_body (property_declaration (variable_declaration (identifier) @name)) @definition.property)
(source_file (property_declaration [(user_type) (nullable_type)] @scope . (variable_declaration (identifier) @name)) @definition.property)
(source_file (property_declaration (variable_declaration (identifier) @name)) @definition.property)
(class_parameter ["val" "var"] (identifier) @name) @definition.property
(enum_entry (identifier) @name) @definition.enum_member
(type_alias type: (identifier) @name) @definition.type
(package_header (qualified_identifier) @package)
(import (qualified_identifier) @import.module) @import
(import (qualified_identifier) @import.module "as" (identifier) @import.alias) @import
(import (qualified_identifier) @import.module "*" @import.name) @import
[(line_comment) (block_comment)] @comment
[(string_content) (character_literal)] @mask
(annotation) @decorator
(delegation_specifier [(user_type) (constructor_invocation (user_type)) (explicit_delegation (user_type))] @extends)
((call_expression (identifier) @flag.coroutine) (#any-of? @flag.coroutine "launch" "async" "runBlocking" "withContext"))
