(block (identifier) @fact.block . (string_lit (template_literal) @scope) . (string_lit (template_literal) @name)) @definition.block
(block (identifier) @fact.block . (string_lit (template_literal) @name) . (block_start)) @definition.block
(block . (identifier) @name . (block_start)) @definition.block
(config_file (body (attribute (identifier) @name) @definition.variable))
(comment) @comment
