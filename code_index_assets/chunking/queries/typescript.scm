(class_declaration name: (_) @name) @definition.class
(abstract_class_declaration name: (type_identifier) @name) @definition.class
(interface_declaration name: (type_identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(enum_body name: (property_identifier) @name @definition.enum_member)
(enum_assignment name: (property_identifier) @name) @definition.enum_member
(type_alias_declaration name: (type_identifier) @name) @definition.type
(internal_module name: (_) @name) @definition.namespace
(module name: (_) @name) @definition.module
(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(function_signature name: (identifier) @name) @definition.function
(method_definition name: (_) @name) @definition.method
(method_signature name: (_) @name) @definition.method
(abstract_method_signature name: (_) @name) @definition.method
(property_signature name: (_) @name) @definition.property
(public_field_definition name: (_) @name value: (arrow_function)) @definition.method
(public_field_definition name: (_) @name) @definition.field
(variable_declarator name: (identifier) @name value: (class)) @definition.class
(variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (generator_function body: (_) @body)]) @definition.function
(assignment_expression left: (member_expression object: (_) @scope property: (property_identifier) @name) right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(pair key: (property_identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method
(program (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(ambient_declaration (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(ambient_declaration (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(ambient_declaration (statement_block (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable)))
(export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))

(extends_clause value: (_) @extends)
(implements_clause (_) @extends)
(extends_type_clause type: (_) @extends)
[(export_statement) (lexical_declaration) (variable_declaration) (ambient_declaration)] @outer
(import_statement source: (string) @import.module) @import
(import_statement (import_clause (identifier) @import.name) source: (string) @import.module) @import
(import_statement (import_clause (named_imports (import_specifier name: (identifier) @import.name))) source: (string) @import.module) @import
(import_statement (import_clause (named_imports (import_specifier name: (identifier) @import.name alias: (identifier) @import.alias))) source: (string) @import.module) @import
(import_statement (import_clause (namespace_import (identifier) @import.alias)) source: (string) @import.module) @import
(import_statement (import_require_clause (identifier) @import.alias source: (string) @import.module)) @import
(export_statement source: (string) @import.module) @import
(export_statement (export_clause (export_specifier name: (identifier) @import.name)) source: (string) @import.module) @import
(export_statement (export_clause (export_specifier name: (identifier) @import.name alias: (identifier) @import.alias)) source: (string) @import.module) @import
((call_expression function: (identifier) @_f arguments: (arguments . (string) @import.module)) @import (#eq? @_f "require"))
(call_expression function: (import) arguments: (arguments . (string) @import.module)) @import
(comment) @comment
[(string) (regex)] @mask
(template_string (string_fragment) @mask)
(decorator) @decorator
((call_expression function: [(identifier) @_t (member_expression object: (identifier) @_t)] arguments: (arguments . [(string) (template_string)] @name . [(arrow_function) (function_expression)] @body)) @definition.test (#any-of? @_t "describe" "it" "test" "suite" "context"))
(required_parameter (accessibility_modifier) pattern: (identifier) @name) @definition.promoted
(program (lexical_declaration (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name)) @definition.variable))
(export_statement declaration: (lexical_declaration (variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name)) @definition.variable))
(program (lexical_declaration (variable_declarator name: (object_pattern (pair_pattern value: (identifier) @name))) @definition.variable))
(export_statement declaration: (lexical_declaration (variable_declarator name: (object_pattern (pair_pattern value: (identifier) @name))) @definition.variable))
