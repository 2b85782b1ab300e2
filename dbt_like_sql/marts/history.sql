/*
description: What each repository held at each publication.
grain: one publication of one repository
materialized: table
owner: team:code-index
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  published_at: when (Unix seconds)
  day: day (UTC)
  run_id: run
  commit: commit
  files: files of the commit
  kept: files indexed
  lines: lines indexed
  chunks: chunks
  symbols: definitions
  line_change: lines more (or fewer) than at the publication before
tests:
  - not_null: [partition, published_at, run_id]
*/
SELECT
    "partition",
    published_at,
    CAST(make_timestamp(CAST(published_at * 1000000 AS BIGINT)) AS DATE) AS day,
    run_id,
    "commit",
    files,
    kept,
    lines,
    chunks,
    symbols,
    lines - lag(lines) OVER (PARTITION BY "partition" ORDER BY published_at) AS line_change
FROM intermediate.int_publications
