/*
description: How much each tool is used, how fast it answers, and how often it finds nothing.
grain: one tool of one surface on one day
materialized: table
owner: team:code-index
columns:
  day: day (UTC)
  surface: "cli, http or mcp"
  tool: route or tool
  questions: questions
  empty: questions without a hit
  failed: questions that ended with an error or a failed lane
  median_ms: median time
  p95_ms: time that 95 of 100 stay within
tests:
  - not_null: [day]
*/
SELECT
    CAST(asked_at AS DATE) AS day,
    surface,
    tool,
    count(*) AS questions,
    count(*) FILTER (WHERE hits = 0) AS empty,
    count(*) FILTER (WHERE outcome NOT IN ('found', 'no_match', 'relaxed', '')) AS failed,
    round(quantile_cont(milliseconds, 0.5), 1) AS median_ms,
    round(quantile_cont(milliseconds, 0.95), 1) AS p95_ms
FROM staging.stg_usage
GROUP BY day, surface, tool
