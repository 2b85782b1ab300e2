(message (message_name) @name) @definition.message
(enum (enum_name) @name) @definition.enum
(service (service_name) @name) @definition.service
(rpc (rpc_name) @name) @definition.method
(field (identifier) @name) @definition.field
(map_field (identifier) @name) @definition.field
(oneof_field (identifier) @name) @definition.field
(oneof (identifier) @name) @definition.oneof
(enum_field . (identifier) @name) @definition.enum_member
(package (full_ident) @package)
(import path: (string) @import.module) @import
(comment) @comment
(string) @mask
