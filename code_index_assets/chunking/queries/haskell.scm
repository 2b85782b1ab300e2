(header module: (module) @package)
[(data_type name: (_) @name) (newtype name: (_) @name)] @definition.type
(type_synomym name: (_) @name) @definition.type
(type_family name: (_) @name) @definition.type
(class name: (_) @name) @definition.trait
(instance name: (_) @name patterns: (_)) @definition.impl
[(data_constructor constructor: (_ name: (constructor) @name)) (newtype_constructor name: (constructor) @name) (gadt_constructor name: (constructor) @name)] @definition.enum_member
(field name: (field_name (variable) @name)) @definition.field
(pattern_synonym (equation synonym: (apply function: (constructor) @name))) @definition.function
[(function name: [(variable) (prefix_id)] @name patterns: (_)) (function (infix operator: (operator) @name))] @definition.function
(function name: [(variable) (prefix_id)] @name) @definition.function
[(declarations (bind name: (variable) @name) @definition.function) (instance_declarations (bind name: (variable) @name) @definition.function) (class_declarations (bind name: (variable) @name) @definition.function)]
(class_declarations (signature name: (variable) @name) @definition.method)
(import module: (module) @import.module) @import
[(comment) (haddock)] @comment
(string) @mask
