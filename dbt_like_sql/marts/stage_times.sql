/*
description: How long each stage takes, by day.
grain: one stage of one asset on one day
materialized: table
owner: team:code-index
columns:
  day: day (UTC)
  asset: asset
  stage: stage
  unit: what an item is
  runs: times it ran
  seconds: seconds in all
  p50_seconds: median seconds
  p95_seconds: 95th percentile of the seconds
  items: items handled
  items_per_second: items by second
tests:
  - unique: [day, asset, stage, unit]
*/
SELECT
    CAST(make_timestamp(CAST(started_at * 1000000 AS BIGINT)) AS DATE) AS day,
    asset,
    stage,
    unit,
    count(*) AS runs,
    sum(seconds) AS seconds,
    median(seconds) AS p50_seconds,
    quantile_cont(seconds, 0.95) AS p95_seconds,
    CAST(sum(items) AS BIGINT) AS items,
    sum(items) / nullif(sum(seconds), 0) AS items_per_second
FROM staging.stg_run_stages
GROUP BY ALL
