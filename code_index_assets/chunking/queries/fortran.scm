(derived_type_definition (derived_type_statement (type_name) @name)) @definition.struct
(derived_type_definition (variable_declaration declarator: [(identifier) @name (init_declarator left: (identifier) @name) (sized_declarator . (identifier) @name) (init_declarator left: (sized_declarator . (identifier) @name)) (pointer_init_declarator left: (identifier) @name)]) @definition.field)
(derived_type_procedures (procedure_statement declarator: [(method_name) @name (binding . (_) @name)]) @definition.method)
(module (variable_declaration declarator: [(identifier) @name (init_declarator left: (identifier) @name) (sized_declarator . (identifier) @name) (init_declarator left: (sized_declarator . (identifier) @name))]) @definition.variable)
(submodule (variable_declaration declarator: [(identifier) @name (init_declarator left: (identifier) @name) (sized_declarator . (identifier) @name) (init_declarator left: (sized_declarator . (identifier) @name))]) @definition.variable)
(submodule (submodule_statement (name) @name)) @definition.module
(interface (interface_statement (name) @name)) @definition.interface
(enumerator_statement declarator: [(identifier) @name (init_declarator left: (identifier) @name)]) @definition.enum_member
(namelist_statement (variable_group (name) @name)) @definition.variable
