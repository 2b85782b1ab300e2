(binary_operator lhs: [(identifier) (string)] @name operator: ["<-" "<<-" "=" ":="] rhs: (function_definition body: (_) @body)) @definition.function
(binary_operator lhs: (extract_operator lhs: (_) @scope rhs: (identifier) @name) operator: ["<-" "<<-" "="] rhs: (function_definition body: (_) @body)) @definition.function
(binary_operator lhs: (parenthesized_expression (function_definition)) operator: ["->" "->>"] rhs: (identifier) @name) @definition.function
((binary_operator lhs: (identifier) @name operator: ["<-" "="] rhs: (call function: [(identifier) @_k (namespace_operator rhs: (identifier) @_k)])) @definition.class
  (#any-of? @_k "R6Class" "setRefClass" "new_class" "setClass" "ggproto"))
((call function: (identifier) @_k arguments: (arguments . (argument value: (string content: (_) @name)))) @definition.class
  (#any-of? @_k "setClass" "setRefClass" "setClassUnion" "setValidity"))
((call function: (identifier) @_k arguments: (arguments . (argument value: (string content: (_) @name)))) @definition.function
  (#eq? @_k "setGeneric"))
((call function: (identifier) @_k arguments: (arguments . (argument value: (string content: (_) @name)))) @definition.method
  (#any-of? @_k "setMethod" "setReplaceMethod"))
((call function: (identifier) @_k arguments: (arguments . (argument value: (string content: (_) @name)) (argument value: (function_definition)))) @definition.function
  (#eq? @_k "assign"))
; Members of R6 and reference classes: list(push = function(x) …).
((call function: (identifier) @_l arguments: (arguments (argument name: (identifier) @name value: (function_definition)) @definition.method)) (#eq? @_l "list"))
(program (binary_operator lhs: (identifier) @name operator: ["<-" "="]) @definition.variable)
(program (binary_operator operator: "->" rhs: (identifier) @name) @definition.variable)
((call function: (identifier) @_i arguments: (arguments . (argument value: [(identifier) (string)] @import.module))) @import
  (#any-of? @_i "library" "require" "source" "requireNamespace"))
(comment) @comment
(string_content) @mask
