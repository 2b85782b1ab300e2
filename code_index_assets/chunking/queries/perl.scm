(package_statement name: (package) @name) @definition.package
(package_statement name: (package) @package .)
[(subroutine_declaration_statement name: (_) @name) (method_declaration_statement name: (_) @name)] @definition.function
(class_statement name: (package) @name) @definition.class
(role_statement name: (package) @name) @definition.trait
(source_file (expression_statement (assignment_expression left: (variable_declaration variable: (_ (varname) @name)))) @definition.variable)
((use_statement module: (package) @_c (list_expression . (autoquoted_bareword) @name)) @definition.constant (#eq? @_c "constant"))
((use_statement module: (package) @_c (anonymous_hash_expression (list_expression (autoquoted_bareword) @name @definition.constant))) (#eq? @_c "constant"))
(expression_statement (assignment_expression left: (glob (varname) @name))) @definition.alias
(use_statement module: (package) @import.module) @import
[(comment) (pod)] @comment
[(string_content) (heredoc_content)] @mask
