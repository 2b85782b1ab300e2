/*
description: Every publication the run log tells of, with the facts of the run's other steps.
grain: "one publication: a run that made a partition searchable"
materialized: table
owner: team:code-index
columns:
  run_id: run
  partition: "partition key: the repository's name, with @ref for further refs"
  published_at: when (Unix seconds)
  outcome: built, or reused where nothing had changed
  commit: published commit
  space: embedding space
  subject: digest of what was published
  points: vectors published
  written: vectors written for it
  removed: vectors removed
  files: files of the commit
  kept: files indexed
  lines: lines indexed
  chunks: chunks
  symbols: definitions
  languages: files, lines and bytes by language, as JSON
  chunk_languages: chunks by language, as JSON
  model: embedding model
  vectors: vectors of the publication
  computed: vectors computed for it
  reused: vectors taken over
  seconds: seconds of all steps of the run for the partition
tests:
  - unique: [run_id, partition]
    severity: warn
  - not_null: [run_id, partition, published_at]
*/
WITH steps AS (
    SELECT
        run_id,
        "partition",
        asset,
        arg_max(info, ended_at) AS info,
        sum(seconds) AS seconds
    FROM staging.stg_run_steps
    WHERE outcome IN ('built', 'reused')
    GROUP BY run_id, "partition", asset
), runs AS (
    SELECT
        run_id,
        "partition",
        max(info) FILTER (asset = 'file_hashes') AS file_info,
        max(info) FILTER (asset = 'chunks') AS chunk_info,
        max(info) FILTER (asset = 'embeddings') AS embedding_info,
        sum(seconds) AS seconds
    FROM steps
    GROUP BY run_id, "partition"
), published AS (
    SELECT
        run_id,
        "partition",
        max(ended_at) AS published_at,
        arg_max(outcome, ended_at) AS outcome,
        arg_max("commit", ended_at) AS "commit",
        arg_max(info, ended_at) AS info
    FROM staging.stg_run_steps
    WHERE asset = 'search_index' AND outcome IN ('built', 'reused')
    GROUP BY run_id, "partition"
)
SELECT
    p.run_id,
    p."partition",
    p.published_at,
    p.outcome,
    p."commit",
    p.info ->> '$.space' AS space,
    p.info ->> '$.subject' AS subject,
    CAST(p.info ->> '$.points' AS BIGINT) AS points,
    CAST(p.info ->> '$.written' AS BIGINT) AS written,
    CAST(p.info ->> '$.removed' AS BIGINT) AS removed,
    CAST(r.file_info ->> '$.files' AS BIGINT) AS files,
    CAST(r.file_info ->> '$.kept' AS BIGINT) AS kept,
    CAST(r.file_info ->> '$.lines' AS BIGINT) AS lines,
    CAST(r.chunk_info ->> '$.chunks' AS BIGINT) AS chunks,
    CAST(r.chunk_info ->> '$.symbols' AS BIGINT) AS symbols,
    r.file_info ->> '$.languages' AS languages,
    p.info ->> '$.coverage.chunk_languages' AS chunk_languages,
    r.embedding_info ->> '$.model' AS model,
    CAST(r.embedding_info ->> '$.vectors' AS BIGINT) AS vectors,
    CAST(r.embedding_info ->> '$.computed' AS BIGINT) AS computed,
    CAST(r.embedding_info ->> '$.reused' AS BIGINT) AS reused,
    r.seconds
FROM published p
JOIN runs r ON r.run_id = p.run_id AND r."partition" = p."partition"
