/*
description: "Secrets found in kept files: where and by which rule, never the content."
grain: one secret found in one file
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  blob: content it was found in
  rule: rule that found it
  line: line it starts on, from 1
tests:
  - not_null: [partition, path, rule, line]
  - relationships: {columns: [partition, path], to: staging.stg_files}
*/
SELECT
    "partition",
    path,
    blob,
    rule,
    line
FROM raw.findings
