/*
description: Which commits the churn of a repository was counted over.
grain: one published partition
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  commit: newest commit looked at
  state: read, pending (the next build reads it), none (no git history)
  commits: commits looked at
  since: time of the oldest of them (Unix seconds)
tests:
  - unique: [partition]
  - accepted_values: {column: state, values: [read, pending, none]}
*/
SELECT
    "partition",
    "commit",
    state,
    commits,
    since
FROM raw.churn_windows
