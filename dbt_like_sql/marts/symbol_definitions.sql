/*
description: Who defines a name.
grain: one definition
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  name: its own name
  qualified_name: its name as the language writes it in full
  kind: kind of definition
  path: file
  start_line: first line
  language: language
  visibility: public, private, protected, internal
tests:
  - not_null: [partition, name, path]
*/
SELECT
    "partition",
    name,
    qualified_name,
    kind,
    path,
    start_line,
    language,
    visibility
FROM staging.stg_symbols
