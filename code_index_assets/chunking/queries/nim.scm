(proc_declaration name: [(exported_symbol (identifier) @name) (identifier) @name (accent_quoted) @name]) @definition.function
(func_declaration name: [(exported_symbol (identifier) @name) (identifier) @name (accent_quoted) @name]) @definition.function
(method_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]) @definition.method
(iterator_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]) @definition.function
(converter_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]) @definition.function
(template_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]) @definition.macro
(macro_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]) @definition.macro
(type_declaration (type_symbol_declaration name: [(exported_symbol (identifier) @name) (identifier) @name])) @definition.type
(enum_field_declaration (symbol_declaration name: (_) @name)) @definition.enum_member
(field_declaration (symbol_declaration_list (symbol_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]))) @definition.field
(source_file (const_section (variable_declaration (symbol_declaration_list (symbol_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]))) @definition.constant))
(source_file [(var_section (variable_declaration (symbol_declaration_list (symbol_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]))) @definition.variable) (let_section (variable_declaration (symbol_declaration_list (symbol_declaration name: [(exported_symbol (identifier) @name) (identifier) @name]))) @definition.variable)])
[(comment) (block_comment) (documentation_comment) (block_documentation_comment)] @comment
