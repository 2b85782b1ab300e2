/*
description: Where the time of each run went.
grain: one stage of one step
materialized: table
owner: team:code-index
exposed_as: run_stages
columns:
  run_id: run
  partition: partition key
  asset: asset whose step it was
  stage: stage
  started_at: start (Unix seconds)
  seconds: wall seconds
  items: items handled
  unit: what an item is
  info: particulars as JSON
tests:
  - not_null: [run_id, asset, stage]
  - expression: seconds >= 0
    name: time_goes_forward
*/
SELECT
    run_id,
    body ->> '$.partition' AS "partition",
    body ->> '$.asset' AS asset,
    body ->> '$.stage' AS stage,
    CAST(body ->> '$.started_at' AS DOUBLE) AS started_at,
    CAST(body ->> '$.seconds' AS DOUBLE) AS seconds,
    CAST(body ->> '$.items' AS BIGINT) AS items,
    body ->> '$.unit' AS unit,
    body ->> '$.info' AS info
FROM raw.log_records
WHERE record = 'stage'
