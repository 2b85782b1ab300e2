(module_declaration (module_fqn) @package)
(aggregate_body (variable_declaration (declarator . (identifier) @name)) @definition.field)
(module_def (variable_declaration (declarator . (identifier) @name)) @definition.variable)
(source_file (variable_declaration (declarator . (identifier) @name)) @definition.variable)
(template_declaration (variable_declaration (declarator . (identifier) @name)) @definition.variable)
(module_def (auto_declaration (identifier) @name) @definition.variable)
(constructor (this) @name) @definition.constructor
(enum_member . (identifier) @name) @definition.enum_member
(anonymous_enum_declaration (enum_member . (identifier) @name) @definition.enum_member)
(manifest_declarator . (identifier) @name) @definition.constant
(alias_initializer . (identifier) @name) @definition.type
(alias_declaration (declarator . (identifier) @name)) @definition.type
(template_declaration . (template) . (identifier) @name) @definition.mixin
(template_declaration (identifier) @name) @definition.mixin
