/*
description: How often files changed in the commits looked at.
grain: one file that changed in the commits looked at
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file, under the name it had in the commit
  commits: commits that changed it (merges left out)
  authors: different author addresses
  first_changed_at: oldest of these commits (Unix seconds)
  last_changed_at: newest of them (Unix seconds)
tests:
  - unique: [partition, path]
  - expression: commits >= 1
    name: changed_at_least_once
*/
SELECT
    "partition",
    path,
    commits,
    authors,
    first_changed_at,
    last_changed_at
FROM raw.churn
