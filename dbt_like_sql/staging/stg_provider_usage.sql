/*
description: What embedding providers were asked and what they charged.
grain: one record of use
materialized: table
owner: team:code-index
columns:
  run_id: run
  partition: partition key
  model: model
  space: embedding space
  requests: requests sent
  tokens: tokens charged
  price_usd: price in US dollars
  used_at: when (Unix seconds)
tests:
  - not_null: [run_id]
*/
SELECT
    run_id,
    body ->> '$.partition' AS "partition",
    body ->> '$.model' AS model,
    body ->> '$.space' AS space,
    CAST(body ->> '$.requests' AS BIGINT) AS requests,
    CAST(body ->> '$.tokens' AS BIGINT) AS tokens,
    CAST(body ->> '$.price_usd' AS DOUBLE) AS price_usd,
    written_at AS used_at
FROM raw.log_records
WHERE record = 'usage'
