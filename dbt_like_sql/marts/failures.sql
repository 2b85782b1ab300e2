/*
description: Steps that failed, with the message.
grain: one failed step
materialized: table
owner: team:code-index
columns:
  run_id: run
  partition: "partition key: the repository's name, with @ref for further refs"
  asset: asset
  failed_at: when (Unix seconds)
  failed: when (UTC)
  error: message
  recovered: whether the partition was published later
tests:
  - not_null: [run_id, partition, asset]
*/
SELECT
    s.run_id,
    s."partition",
    s.asset,
    s.ended_at AS failed_at,
    make_timestamp(CAST(s.ended_at * 1000000 AS BIGINT)) AS failed,
    s.error,
    EXISTS (
        SELECT 1
        FROM intermediate.int_publications p
        WHERE p."partition" = s."partition" AND p.published_at > s.ended_at
    ) AS recovered
FROM staging.stg_run_steps s
WHERE s.outcome = 'failed'
