(entity_declaration name: (_) @name) @definition.module
(architecture_body name: (_) @name) @definition.module
(package_declaration name: (_) @name) @definition.package
(package_body package: (_) @name) @definition.package
(component_declaration name: (_) @name) @definition.prototype
(full_type_declaration name: (_) @name (record_type_definition)) @definition.struct
(full_type_declaration name: (_) @name) @definition.type
(subtype_declaration name: (_) @name) @definition.type
(element_declaration (identifier_list (identifier) @name)) @definition.field
(enumeration_type_definition literal: (identifier) @name @definition.enum_member)
[(function_body designator: (_) @name) (procedure_body designator: (_) @name)] @definition.function
[(function_declaration designator: (_) @name) (procedure_declaration designator: (_) @name)] @definition.prototype
(constant_declaration (identifier_list (identifier) @name)) @definition.constant
(alias_declaration designator: (_) @name) @definition.alias
