(named_module name: (long_identifier) @package)
(namespace name: (long_identifier) @package)
(module_defn (identifier) @name) @definition.module
(record_type_defn (type_name type_name: (identifier) @name)) @definition.record
(union_type_defn (type_name type_name: (identifier) @name)) @definition.union
(enum_type_defn (type_name type_name: (identifier) @name)) @definition.enum
[(type_abbrev_defn (type_name type_name: (identifier) @name)) (delegate_type_defn (type_name type_name: (identifier) @name))] @definition.type
[(interface_type_defn (type_name type_name: (identifier) @name))] @definition.interface
(anon_type_defn (type_name type_name: (identifier) @name)) @definition.class
(record_field . (identifier) @name) @definition.field
(union_type_case . (identifier) @name . (union_type_fields)) @definition.enum_member
(union_type_cases (union_type_case) . (union_type_case . (identifier) @name) @definition.enum_member)
(union_type_cases (union_type_case . (identifier) @name) @definition.enum_member . (union_type_case))
(enum_type_case . (identifier) @name) @definition.enum_member
(exception_definition exception_name: (long_identifier) @name) @definition.class
(method_or_prop_defn name: (property_or_ident (identifier) @name .) args: (_)) @definition.method
(method_or_prop_defn name: (property_or_ident (identifier) @name .)) @definition.property
(member_signature . (identifier) @name) @definition.method
(function_or_value_defn (function_declaration_left . [(identifier) (op_identifier) (active_pattern)] @name) body: (_) @body) @definition.function
(function_or_value_defn (value_declaration_left . (identifier_pattern . (long_identifier_or_op) @name . (_)))) @definition.function
(function_or_value_defn (value_declaration_left . (identifier_pattern . (long_identifier_or_op) @name .))) @definition.variable
(import_decl (_) @import.module) @import
(attributes) @decorator
[(line_comment) (block_comment)] @comment
[(string) (triple_quoted_string) (verbatim_string)] @mask
