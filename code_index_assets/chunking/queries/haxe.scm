(class_declaration body: (block (variable_declaration name: (identifier) @name) @definition.field))
(interface_declaration body: (block (variable_declaration name: (identifier) @name) @definition.field))
(typedef_declaration (block (variable_declaration name: (identifier) @name) @definition.field))
(typedef_declaration name: (_) @name) @definition.type
(class_declaration body: (block (function_declaration "new" @name) @definition.constructor))
(ERROR (variable_declaration name: (identifier) @name) @definition.field)
(module (variable_declaration name: (identifier) @name) @definition.field)
(module (block (variable_declaration name: (identifier) @name) @definition.field))
(ERROR "class" . (identifier) @name) @definition.class
(ERROR "interface" . (identifier) @name) @definition.interface
