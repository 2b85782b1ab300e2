(class_property_definition (variable) @name) @definition.property
(class_method_definition (simple_name) @name) @definition.method
(enum_member (simple_name) @name) @definition.enum_member
(program (statement_list (pipeline (assignment_expression (left_assignment_expression (logical_expression (bitwise_expression (comparison_expression (additive_expression (multiplicative_expression (format_expression (range_expression (array_literal_expression (unary_expression (variable) @name))))))))))) @definition.variable)))
