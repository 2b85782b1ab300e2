(rule (targets) @name) @definition.target
(variable_assignment name: (_) @name) @definition.variable
(define_directive name: (_) @name) @definition.macro
(include_directive filenames: (_) @import.module) @import
(comment) @comment
