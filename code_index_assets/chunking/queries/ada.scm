(package_declaration name: (_) @name) @definition.package
(package_body name: (_) @name) @definition.package
(full_type_declaration . (identifier) @name) @definition.type
(subtype_declaration . (identifier) @name) @definition.type
(subprogram_body [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.function
(subprogram_declaration [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.prototype
(component_declaration . (identifier) @name) @definition.field
(with_clause (_) @import.module) @import
(comment) @comment
(string_literal) @mask
(object_declaration . (identifier) @name "constant") @definition.constant
(object_declaration "," . (identifier) @name "constant") @definition.constant
(object_declaration . (identifier) @name) @definition.variable
(object_declaration "," . (identifier) @name) @definition.variable
(number_declaration . (identifier) @name) @definition.constant
(number_declaration "," . (identifier) @name) @definition.constant
(component_declaration "," . (identifier) @name) @definition.field
(exception_declaration "," . (identifier) @name) @definition.type
(exception_declaration . (identifier) @name) @definition.type
(private_type_declaration . (identifier) @name) @definition.type
(private_extension_declaration . (identifier) @name) @definition.type
(incomplete_type_declaration . (identifier) @name) @definition.type
(task_type_declaration . (identifier) @name) @definition.type
(protected_type_declaration . (identifier) @name) @definition.type
(single_task_declaration . (identifier) @name) @definition.type
(single_protected_declaration . (identifier) @name) @definition.type
(entry_declaration entry_name: (_) @name) @definition.prototype
(enumeration_type_definition (identifier) @name @definition.enum_member)
(generic_instantiation "package" name: (_) @name) @definition.package
(generic_instantiation ["procedure" "function"] name: (_) @name) @definition.function
(package_renaming_declaration name: (_) @name) @definition.package
(expression_function_declaration (function_specification name: (_) @name)) @definition.function
(subprogram_renaming_declaration [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.function
(null_procedure_declaration (procedure_specification name: (_) @name)) @definition.function
(generic_subprogram_declaration [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.prototype
(subprogram_body_stub [(procedure_specification name: (_) @name) (function_specification name: (_) @name)]) @definition.prototype
[(protected_body . (identifier) @name) (task_body . (identifier) @name) (exception_renaming_declaration . (identifier) @name)] @definition.type
(entry_body . (identifier) @name) @definition.function
