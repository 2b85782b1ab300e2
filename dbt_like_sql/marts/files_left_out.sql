/*
description: Files that are not in the index, by reason.
grain: one status and reason in one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  status: skipped (by a rule), refused (credentials), unreadable
  reason: why, one word
  files: files
  bytes: their bytes
  example: one of them
tests:
  - unique: [partition, status, reason]
  - expression: files >= 1
    name: some_files
*/
SELECT
    "partition",
    status,
    reason,
    count(*) AS files,
    CAST(coalesce(sum(size), 0) AS BIGINT) AS bytes,
    min(path) AS example
FROM staging.stg_files
WHERE status <> 'kept'
GROUP BY "partition", status, reason
