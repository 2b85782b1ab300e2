(module_declaration (module_header (simple_identifier) @name)) @definition.module
(interface_declaration (interface_ansi_header (interface_identifier) @name)) @definition.interface
(class_declaration (class_identifier) @name) @definition.class
(package_declaration (package_identifier) @name) @definition.package
(function_body_declaration (function_identifier) @name) @definition.function
(task_body_declaration (task_identifier) @name) @definition.function
(comment) @comment
(param_assignment (parameter_identifier) @name) @definition.constant
(text_macro_definition (text_macro_name (text_macro_identifier) @name)) @definition.macro
(type_declaration (data_type) (simple_identifier) @name) @definition.type
(enum_name_declaration (enum_identifier) @name) @definition.enum_member
