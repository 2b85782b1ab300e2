/*
description: Where the ref of each partition was last seen, published or not.
grain: one partition
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  commit: commit the ref was at
  label: the same as people see it
  seen_at: when (Unix seconds)
tests:
  - unique: [partition]
  - not_null: [partition, commit, seen_at]
*/
SELECT
    "partition",
    "commit",
    label,
    seen_at
FROM raw.observations
