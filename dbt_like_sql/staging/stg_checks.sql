/*
description: Results of every expectation of every verdict.
grain: one expectation of one verdict
materialized: table
owner: team:code-index
exposed_as: checks
columns:
  run_id: run
  partition: partition key
  space: embedding space
  subject: digest of what was checked
  suite: digest of the expectations
  commit: commit it speaks of
  check: expectation
  severity: warn or error
  passed: result
  observed: what was seen, as JSON
  judged_at: when (Unix seconds)
tests:
  - not_null: [run_id, partition, check, severity, passed]
  - accepted_values: {column: severity, values: [warn, error]}
*/
SELECT
    run_id,
    body ->> '$.partition' AS "partition",
    body ->> '$.space' AS space,
    body ->> '$.subject' AS subject,
    body ->> '$.suite' AS suite,
    body ->> '$.commit' AS "commit",
    body ->> '$.check' AS "check",
    body ->> '$.severity' AS severity,
    CAST(body ->> '$.passed' AS BOOLEAN) AS passed,
    body ->> '$.observed' AS observed,
    written_at AS judged_at
FROM raw.log_records
WHERE record = 'check'
