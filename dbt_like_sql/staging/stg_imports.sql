/*
description: What files import.
grain: one name imported on one line of a file
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: imports
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  line: line, from 1
  module: module, package or file as written
  name: name taken from it, if one is named
  alias: name it gets here, if another
  resolved: path inside the repository it resolves to, where the language's rules tell
tests:
  - not_null: [partition, path, module]
  - relationships: {columns: [partition, path], to: staging.stg_files}
*/
SELECT
    "partition",
    path,
    line,
    module,
    name,
    alias,
    resolved
FROM raw.imports
