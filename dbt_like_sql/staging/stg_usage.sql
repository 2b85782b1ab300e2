/*
description: Every question that was asked, as recorded.
grain: one question
materialized: table
owner: team:code-index
columns:
  asked_at: when it was answered
  surface: "cli, http or mcp"
  tool: route of HTTP or tool of MCP
  outcome: "found, no_match, degraded, or the kind of the error"
  milliseconds: how long the answer took
  hits: what was found; null where that is not counted
  repositories: repositories of the answer
  confidence: confidence of the answer, if it has one
  confidence_word: the same in a word
  client: program that asked, as it names itself
  text: what was asked; null unless CODE_INDEX_USAGE_TEXT is on
tests:
  - not_null: [asked_at]
*/
SELECT
    CAST(to_timestamp(asked_at) AT TIME ZONE 'UTC' AS TIMESTAMP) AS asked_at,
    body ->> '$.surface' AS surface,
    body ->> '$.tool' AS tool,
    body ->> '$.outcome' AS outcome,
    TRY_CAST(body ->> '$.milliseconds' AS DOUBLE) AS milliseconds,
    TRY_CAST(body ->> '$.hits' AS BIGINT) AS hits,
    TRY_CAST(body -> '$.repositories' AS VARCHAR[]) AS repositories,
    TRY_CAST(body ->> '$.confidence' AS DOUBLE) AS confidence,
    body ->> '$.confidence_word' AS confidence_word,
    body ->> '$.client' AS client,
    body ->> '$.text' AS text
FROM raw.usage
WHERE asked_at IS NOT NULL
