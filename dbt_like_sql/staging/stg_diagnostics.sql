/*
description: What parsing had to give up on, file by file.
grain: one thing parsing gave up on in one file
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  code: syntax_errors, no_grammar, timeout, too_deep, memory, crashed, …
  detail: particulars
tests:
  - not_null: [partition, path, code]
*/
SELECT
    "partition",
    path,
    code,
    detail
FROM raw.diagnostics
