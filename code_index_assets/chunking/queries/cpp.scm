(type_definition type: (struct_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.struct
(type_definition type: (union_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.union
(type_definition type: (enum_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.enum
(function_definition declarator: (_) @name) @definition.declared
(declaration declarator: (_) @name) @definition.declared
(class_specifier name: (_) @name body: (_)) @definition.class
(struct_specifier name: (_) @name body: (_)) @definition.struct
(union_specifier name: (_) @name body: (_)) @definition.union
(enum_specifier name: (_) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.enum_member
(namespace_definition name: (_) @name) @definition.namespace
(concept_definition name: (identifier) @name) @definition.concept
(alias_declaration name: (type_identifier) @name) @definition.type
(field_declaration declarator: (_) @name) @definition.declared
(type_definition declarator: (_) @name) @definition.declared
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro

(base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @extends)
(template_declaration) @outer
(preproc_include path: (_) @import.module) @import
(using_declaration (qualified_identifier) @import.module) @import
(comment) @comment
[(string_literal) (char_literal) (system_lib_string) (raw_string_literal)] @mask
