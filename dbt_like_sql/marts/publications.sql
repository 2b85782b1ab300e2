/*
description: Every publication with the verdict it passed, newest last.
grain: "one publication: a run that made a partition searchable"
materialized: table
owner: team:code-index
exposed_as: publications
columns:
  run_id: run
  partition: "partition key: the repository's name, with @ref for further refs"
  published_at: when (Unix seconds)
  published: when (UTC)
  commit: published commit
  outcome: built, or reused where nothing had changed
  points: vectors published
  written: vectors written for it
  removed: vectors removed
  subject: digest of what was checked and published
  space: embedding space
  checks: expectations of the verdict
  failed_checks: expectations that failed (warnings)
  failed_names: their names
  judged_at: when the verdict was given (Unix seconds); null where an older verdict still held
tests:
  - not_null: [run_id, partition, published_at, commit]
*/
WITH verdicts AS (
    SELECT
        "partition",
        subject,
        space,
        count(*) AS checks,
        count(*) FILTER (NOT passed) AS failed_checks,
        string_agg("check", ', ' ORDER BY "check") FILTER (NOT passed) AS failed_names,
        max(judged_at) AS judged_at
    FROM (
        SELECT *
        FROM staging.stg_checks
        QUALIFY row_number() OVER (PARTITION BY "partition", subject, space, "check" ORDER BY judged_at DESC) = 1
    )
    GROUP BY "partition", subject, space
)
SELECT
    p.run_id,
    p."partition",
    p.published_at,
    make_timestamp(CAST(p.published_at * 1000000 AS BIGINT)) AS published,
    p."commit",
    p.outcome,
    p.points,
    p.written,
    p.removed,
    p.subject,
    p.space,
    v.checks,
    v.failed_checks,
    v.failed_names,
    v.judged_at
FROM intermediate.int_publications p
LEFT JOIN verdicts v ON v."partition" = p."partition" AND v.subject = p.subject AND v.space = p.space
