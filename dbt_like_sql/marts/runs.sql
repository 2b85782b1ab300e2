/*
description: "Every run: when, how long, what failed."
grain: one run
materialized: table
owner: team:code-index
exposed_as: runs
columns:
  run_id: run
  started_at: start (Unix seconds)
  ended_at: end (Unix seconds)
  started: start (UTC)
  partitions: partitions it worked on
  steps: steps
  failed_steps: steps that failed
  reused_steps: steps that had nothing to do
  seconds: seconds of all its steps
tests:
  - unique: [run_id]
  - expression: seconds >= 0
    name: time_goes_forward
*/
SELECT
    run_id,
    min(started_at) AS started_at,
    max(ended_at) AS ended_at,
    make_timestamp(CAST(min(started_at) * 1000000 AS BIGINT)) AS started,
    count(DISTINCT "partition") AS partitions,
    count(*) AS steps,
    count(*) FILTER (outcome = 'failed') AS failed_steps,
    count(*) FILTER (outcome = 'reused') AS reused_steps,
    sum(seconds) AS seconds
FROM staging.stg_run_steps
GROUP BY run_id
