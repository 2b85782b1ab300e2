/*
description: What each step of each run did.
grain: one step of one run
materialized: table
owner: team:code-index
exposed_as: run_steps
columns:
  run_id: run
  partition: partition key
  asset: asset whose step it was
  outcome: built, reused, refused, failed
  started_at: start (Unix seconds)
  ended_at: end (Unix seconds)
  seconds: wall seconds of the step
  commit: commit it speaks of
  fingerprint: artifact it made or reused
  error: message of a failure
  info: the step's facts as JSON
tests:
  - not_null: [run_id, partition, asset, outcome]
  - accepted_values: {column: outcome, values: [built, reused, refused, failed]}
*/
SELECT
    run_id,
    body ->> '$.partition' AS "partition",
    body ->> '$.asset' AS asset,
    body ->> '$.outcome' AS outcome,
    written_at - CAST(body ->> '$.seconds' AS DOUBLE) AS started_at,
    written_at AS ended_at,
    CAST(body ->> '$.seconds' AS DOUBLE) AS seconds,
    body ->> '$.commit' AS "commit",
    body ->> '$.fingerprint' AS fingerprint,
    body ->> '$.error' AS error,
    body ->> '$.info' AS info
FROM raw.log_records
WHERE record = 'step'
