/*
description: Owners of kept files by the repository's CODEOWNERS, the last rule that matches.
grain: one owned file
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  owners: owners as written; empty where the rule takes ownership away
  rule: pattern of the rule
  line: line of the rule
tests:
  - unique: [partition, path]
  - not_null: [partition, path]
*/
SELECT
    "partition",
    path,
    owners,
    rule,
    line
FROM raw.code_owners
