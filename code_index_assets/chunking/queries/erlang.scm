(module_attribute name: (atom) @name) @definition.module
(fun_decl clause: (function_clause name: (atom) @name)) @definition.function
(record_decl name: (atom) @name) @definition.record
(record_decl (record_field name: (atom) @name) @definition.field)
[(type_alias name: (type_name name: (atom) @name)) (opaque name: (type_name name: (atom) @name))] @definition.type
(callback fun: (atom) @name) @definition.prototype
(pp_define lhs: (macro_lhs name: (_) @name)) @definition.macro
(pp_include file: (string) @import.module) @import
(pp_include_lib file: (string) @import.module) @import
(comment) @comment
(string) @mask
