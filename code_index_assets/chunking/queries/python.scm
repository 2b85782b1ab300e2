; Definitions. Module and class variables are symbols; locals are dropped by the engine.
(class_definition name: (identifier) @name) @definition.class
(function_definition name: (identifier) @name) @definition.function
(type_alias_statement left: (type (identifier) @name)) @definition.type
(module (assignment left: (identifier) @name) @definition.variable)
(module (assignment left: (pattern_list (identifier) @name)) @definition.variable)
(module (if_statement (block (assignment left: (identifier) @name) @definition.variable)))
(module (try_statement (block (assignment left: (identifier) @name) @definition.variable)))
(class_definition body: (block (assignment left: (identifier) @name) @definition.field))

(class_definition superclasses: (argument_list [(identifier) (attribute) (subscript) (call)] @extends))
(class_definition body: (block . (string) @doc))
(function_definition body: (block . (string) @doc))
(decorated_definition) @outer
(decorator) @decorator
(comment) @comment
(string_content) @mask

(import_statement name: (dotted_name) @import.module) @import
(import_statement name: (aliased_import name: (dotted_name) @import.module alias: (identifier) @import.alias)) @import
(import_from_statement module_name: (_) @import.module name: (dotted_name) @import.name) @import
(import_from_statement module_name: (_) @import.module name: (aliased_import name: (dotted_name) @import.name alias: (identifier) @import.alias)) @import
(import_from_statement module_name: (_) @import.module (wildcard_import) @import.name) @import
(future_import_statement name: (dotted_name) @import.name) @import

(yield) @flag.generator
