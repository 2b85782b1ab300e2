(module_definition name: (identifier) @name) @definition.module
(struct_definition (type_head [(identifier) @name (parametrized_type_expression . (identifier) @name)
  (binary_expression . [(identifier) @name (parametrized_type_expression . (identifier) @name)])])) @definition.struct
(abstract_definition (type_head [(identifier) @name (parametrized_type_expression . (identifier) @name)
  (binary_expression . [(identifier) @name (parametrized_type_expression . (identifier) @name)])])) @definition.type
(primitive_definition (type_head [(identifier) @name (binary_expression . (identifier) @name)])) @definition.type
(struct_definition (block [(identifier) @name (typed_expression . (identifier) @name)
  (assignment . [(identifier) @name (typed_expression . (identifier) @name)])] @definition.field))
[(function_definition (signature [(identifier) @name
   (call_expression . [(identifier) @name (operator) @name (field_expression (identifier) @name .)])
   (typed_expression . (call_expression . [(identifier) @name (operator) @name (field_expression (identifier) @name .)]))
   (where_expression . [(call_expression . [(identifier) @name (operator) @name (field_expression (identifier) @name .)])
     (typed_expression . (call_expression . [(identifier) @name (field_expression (identifier) @name .)]))])]))
 (assignment . [(call_expression . [(identifier) @name (operator) @name (field_expression (identifier) @name .)])
   (typed_expression . (call_expression . [(identifier) @name (field_expression (identifier) @name .)]))
   (where_expression . [(call_expression . [(identifier) @name (operator) @name (field_expression (identifier) @name .)])
     (typed_expression . (call_expression . [(identifier) @name (field_expression (identifier) @name .)]))])])] @definition.function
(assignment . (identifier) @name (operator) . [(arrow_function_expression) (function_definition)]) @definition.function
(macro_definition (signature (call_expression . (identifier) @name))) @definition.macro
(const_statement (assignment . [(identifier) @name (typed_expression . (identifier) @name)])) @definition.constant
[(source_file (assignment . (identifier) @name) @definition.variable) (module_definition (block (assignment . (identifier) @name) @definition.variable))]
((macrocall_expression (macro_identifier (identifier) @_m) (macro_argument_list . (identifier) @name)) @definition.enum (#eq? @_m "enum"))
((macrocall_expression (macro_identifier (identifier) @_m) (macro_argument_list (identifier) (identifier) @name @definition.enum_member)) (#eq? @_m "enum"))
[(using_statement (_) @import.module) (import_statement (identifier) @import.module) (import_statement (selected_import . (_) @import.module))] @import
[(line_comment) (block_comment)] @comment
[(string_literal) (command_literal) (prefixed_string_literal)] @mask
