(class_definition name: (_) @name) @definition.class
(object_definition name: (_) @name) @definition.object
(package_object name: (_) @name) @definition.object
(trait_definition name: (_) @name) @definition.trait
(enum_definition name: (_) @name) @definition.enum
[(simple_enum_case name: (_) @name) (full_enum_case name: (_) @name)] @definition.enum_member
[(function_definition name: (_) @name) (function_declaration name: (_) @name)] @definition.function
(given_definition name: (_) @name) @definition.variable
[(val_definition pattern: (identifier) @name) (var_definition pattern: (identifier) @name)
 (val_declaration name: (identifier) @name) (var_declaration name: (identifier) @name)] @definition.property
(type_definition name: (_) @name) @definition.type
(package_clause name: (package_identifier) @package)
(import_declaration) @import
[(class_definition extend: (extends_clause type: (_) @extends)) (object_definition extend: (extends_clause type: (_) @extends))
 (trait_definition extend: (extends_clause type: (_) @extends))]
(annotation) @decorator
[(comment) (block_comment)] @comment
[(string) (interpolated_string)] @mask
