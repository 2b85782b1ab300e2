/*
description: Uses of names outside their definitions.
grain: one name used in one file
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: references_
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  name: identifier
  lines: lines it is used on, from 1
tests:
  - not_null: [partition, path, name]
  - expression: len(lines) >= 1
    name: used_somewhere
*/
SELECT
    "partition",
    path,
    name,
    lines
FROM raw.references_
