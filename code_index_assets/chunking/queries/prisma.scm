(model_block . (identifier) @name) @definition.class
(model_field field_name: (identifier) @name) @definition.field
(enum_block . (identifier) @name) @definition.enum
(enum_block (identifier) (identifier) @name @definition.enum_member)
(comment) @comment
(string) @mask
