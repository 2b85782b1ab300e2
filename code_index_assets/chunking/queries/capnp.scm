(struct (type_identifier) @name) @definition.struct
(enum (enum_identifier) @name) @definition.enum
(enum_field (enum_member) @name) @definition.enum_member
(interface . (type_identifier) @name) @definition.interface
(method (method_identifier) @name) @definition.method
(field (field_identifier) @name) @definition.field
(const (const_identifier) @name) @definition.constant
(comment) @comment
