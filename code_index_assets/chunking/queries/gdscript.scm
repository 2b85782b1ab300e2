(class_name_statement (name) @name) @definition.class
(class_definition name: (name) @name) @definition.class
(function_definition name: (name) @name) @definition.function
(constructor_definition "_init" @name) @definition.constructor
(enum_definition name: (name) @name) @definition.enum
(enumerator left: (identifier) @name) @definition.enum_member
(signal_statement (name) @name) @definition.field
(source (variable_statement name: (name) @name) @definition.variable)
(source (const_statement name: (name) @name) @definition.constant)
(class_body [(variable_statement name: (name) @name) (const_statement name: (name) @name)] @definition.field)
(comment) @comment
(string) @mask
