/*
description: Questions that took a second or longer.
grain: one slow question
materialized: table
owner: team:code-index
columns:
  asked_at: when
  surface: "cli, http or mcp"
  tool: route or tool
  outcome: outcome
  milliseconds: how long it took
  hits: what was found
  text: what was asked, if that is kept
tests:
  - not_null: [asked_at]
*/
SELECT asked_at, surface, tool, outcome, milliseconds, hits, text
FROM staging.stg_usage
WHERE milliseconds >= 1000
