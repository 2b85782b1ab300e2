/*
description: Lines, files and chunks of each language at each publication.
grain: one language of one repository at one publication
materialized: table
owner: team:code-index
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  published_at: when (Unix seconds)
  day: day (UTC)
  run_id: run
  commit: commit
  language: language
  files: files indexed
  lines: lines
  bytes: bytes
  chunks: chunks; null for publications of before they were recorded
tests:
  - not_null: [partition, published_at, language]
*/
SELECT
    p."partition",
    p.published_at,
    CAST(make_timestamp(CAST(p.published_at * 1000000 AS BIGINT)) AS DATE) AS day,
    p.run_id,
    p."commit",
    l.entry ->> '$.language' AS language,
    CAST(l.entry ->> '$.files' AS BIGINT) AS files,
    CAST(l.entry ->> '$.lines' AS BIGINT) AS lines,
    CAST(l.entry ->> '$.bytes' AS BIGINT) AS bytes,
    CAST(json_extract_string(p.chunk_languages, '$."' || (l.entry ->> '$.language') || '"') AS BIGINT) AS chunks
FROM intermediate.int_publications p
CROSS JOIN LATERAL (SELECT unnest(CAST(p.languages AS JSON[])) AS entry) l
