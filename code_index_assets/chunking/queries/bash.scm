(function_definition name: (word) @name) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.variable)
(program (declaration_command (variable_assignment name: (variable_name) @name) @definition.variable))
((command name: (command_name (word) @_c) . argument: (_) @import.module) @import (#any-of? @_c "source" "."))
(comment) @comment
[(raw_string) (string_content) (heredoc_content)] @mask
