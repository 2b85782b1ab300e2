/*
description: Embedding work and its price, by model and day.
grain: one model on one day
materialized: table
owner: team:code-index
columns:
  day: day (UTC)
  model: model
  space: embedding space
  publications: publications
  vectors: vectors of these publications
  computed: vectors computed
  reused: vectors taken from the last version or the cache
  cache_hit_rate: share of vectors that were not computed
  tokens: tokens charged by the provider; null for local models
  price_usd: price in US dollars; null for local models
tests:
  - unique: [day, model, space]
  - expression: cache_hit_rate BETWEEN 0 AND 1
    name: rate_is_a_share
*/
WITH work AS (
    SELECT
        CAST(make_timestamp(CAST(published_at * 1000000 AS BIGINT)) AS DATE) AS day,
        model,
        space,
        count(*) AS publications,
        CAST(sum(vectors) AS BIGINT) AS vectors,
        CAST(sum(computed) AS BIGINT) AS computed,
        CAST(sum(reused) AS BIGINT) AS reused
    FROM intermediate.int_publications
    WHERE model IS NOT NULL
    GROUP BY ALL
), usage AS (
    SELECT
        CAST(make_timestamp(CAST(used_at * 1000000 AS BIGINT)) AS DATE) AS day,
        model,
        CAST(sum(tokens) AS BIGINT) AS tokens,
        sum(price_usd) AS price_usd
    FROM staging.stg_provider_usage
    GROUP BY ALL
)
SELECT
    w.day,
    w.model,
    w.space,
    w.publications,
    w.vectors,
    w.computed,
    w.reused,
    CASE WHEN w.vectors > 0 THEN 1 - w.computed / w.vectors ELSE 1 END AS cache_hit_rate,
    u.tokens,
    u.price_usd
FROM work w
LEFT JOIN usage u ON u.day = w.day AND u.model = w.model
