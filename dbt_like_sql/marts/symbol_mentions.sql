/*
description: Who mentions a name, outside its definition.
grain: one name used in one file
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  name: name
  path: file
  mentions: lines it is used on
  first_line: first of these lines
tests:
  - not_null: [partition, name, path]
*/
SELECT
    "partition",
    name,
    path,
    len(lines) AS mentions,
    lines[1] AS first_line
FROM staging.stg_references
