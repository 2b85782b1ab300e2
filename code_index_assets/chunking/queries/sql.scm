(create_table (object_reference) @name) @definition.table
(create_view (object_reference) @name) @definition.view
(create_materialized_view (object_reference) @name) @definition.view
(create_function (object_reference) @name) @definition.function
(create_index column: (_) @name) @definition.index
(create_type (object_reference) @name) @definition.type
(create_trigger (object_reference) @name) @definition.trigger
(create_schema (identifier) @name) @definition.schema
(create_sequence (object_reference) @name) @definition.sequence
(alter_table (object_reference) @name) @definition.statement
(insert (object_reference) @name) @definition.statement
(column_definition name: [(identifier) (literal)] @name) @definition.column
(cte (identifier) @name) @definition.view
(from (relation (object_reference) @fact.reads))
(join (relation (object_reference) @fact.reads))
[(comment) (marginalia)] @comment
