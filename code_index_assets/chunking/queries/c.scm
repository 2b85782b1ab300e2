(type_definition type: (struct_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.struct
(type_definition type: (union_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.union
(type_definition type: (enum_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.enum
(function_definition declarator: (_) @name) @definition.declared
(translation_unit (declaration declarator: (_) @name) @definition.declared)
(declaration_list (declaration declarator: (_) @name) @definition.declared)
(preproc_ifdef (declaration declarator: (_) @name) @definition.declared)
(preproc_if (declaration declarator: (_) @name) @definition.declared)
(preproc_else (declaration declarator: (_) @name) @definition.declared)
(preproc_elif (declaration declarator: (_) @name) @definition.declared)
(struct_specifier name: (type_identifier) @name body: (_)) @definition.struct
(union_specifier name: (type_identifier) @name body: (_)) @definition.union
(enum_specifier name: (type_identifier) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.enum_member
(field_declaration declarator: (_) @name) @definition.declared
(type_definition declarator: (_) @name) @definition.declared
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro

(preproc_include path: (_) @import.module) @import
(comment) @comment
[(string_literal) (char_literal) (system_lib_string)] @mask
