(command_statement name: (command_name) @name) @definition.function
((augroup_statement (augroup_name) @name) @definition.object (#not-match? @name "^(END|end)"))
(script_file (let_statement . (scoped_identifier (scope) (identifier) @name)) @definition.variable)
