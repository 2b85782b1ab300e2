/*
description: Questions that found nothing.
grain: one question without a hit
materialized: table
owner: team:code-index
columns:
  asked_at: when
  surface: "cli, http or mcp"
  tool: route or tool
  outcome: outcome
  milliseconds: how long it took
  text: what was asked, if that is kept
tests:
  - not_null: [asked_at]
*/
SELECT asked_at, surface, tool, outcome, milliseconds, text
FROM staging.stg_usage
WHERE hits = 0
