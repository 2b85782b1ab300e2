(properties (property name: (identifier) @name) @definition.property)
(enumeration (enum . (identifier) @name) @definition.enum_member)
(events (identifier) @name @definition.property)
