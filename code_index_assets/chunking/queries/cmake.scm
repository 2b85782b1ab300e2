(function_def (function_command (argument_list . (argument) @name))) @definition.function
(macro_def (macro_command (argument_list . (argument) @name))) @definition.macro
((normal_command (identifier) @_k (argument_list . (argument) @name)) @definition.target (#any-of? @_k "add_library" "add_executable" "add_custom_target" "ADD_LIBRARY" "ADD_EXECUTABLE"))
((normal_command (identifier) @_k (argument_list . (argument) @name)) @definition.variable (#any-of? @_k "set" "option" "SET" "OPTION"))
((normal_command (identifier) @_k (argument_list . (argument) @import.module)) @import (#any-of? @_k "include" "find_package" "add_subdirectory"))
[(line_comment) (bracket_comment)] @comment
(quoted_argument) @mask
