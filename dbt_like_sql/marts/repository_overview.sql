/*
description: Every repository at a glance.
grain: one published partition
materialized: table
owner: team:code-index
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  repository: name in the registry
  ref: branch, tag or commit
  commit: published commit
  label: the same as people see it
  published: when it became searchable (UTC)
  state: fresh, late, behind
  hours_behind: hours since its ref was seen at another commit; 0 if it is current
  files: files of the commit
  kept: files indexed
  coverage: kept files among all
  lines: lines indexed
  chunks: chunks published
  points: vectors published
  symbols: definitions
  main_language: language of most lines of source
  failed_checks: expectations of the last verdict that failed (warnings)
  secrets: secrets removed
  publications: publications so far
  run_seconds: seconds of all runs so far
  vectors_computed: vectors computed so far
  price_usd: what providers charged for it so far; null without any
tests:
  - unique: [partition]
  - not_null: [partition, repository, commit, state]
  - expression: coverage BETWEEN 0 AND 1
    name: coverage_is_a_share
  - relationships: {columns: [partition], to: staging.stg_repositories}
*/
WITH symbols AS (
    SELECT "partition", count(*) AS symbols FROM staging.stg_symbols GROUP BY "partition"
), languages AS (
    SELECT "partition", arg_max(language, lines) AS main_language
    FROM marts.languages
    WHERE language NOT IN ('text', 'markdown', 'json', 'yaml')
    GROUP BY "partition"
), secrets AS (
    SELECT "partition", CAST(sum(findings) AS BIGINT) AS secrets FROM marts.secrets_found GROUP BY "partition"
), published AS (
    SELECT
        "partition",
        count(*) AS publications,
        arg_max(failed_checks, published_at) AS failed_checks
    FROM marts.publications
    GROUP BY "partition"
), work AS (
    SELECT "partition", CAST(sum(computed) AS BIGINT) AS vectors_computed FROM intermediate.int_publications GROUP BY "partition"
), spent AS (
    SELECT "partition", sum(seconds) AS run_seconds FROM staging.stg_run_steps GROUP BY "partition"
), paid AS (
    SELECT "partition", sum(price_usd) AS price_usd FROM staging.stg_provider_usage GROUP BY "partition"
)
SELECT
    r."partition",
    r.repository,
    r.ref,
    r."commit",
    r.label,
    make_timestamp(CAST(r.published_at * 1000000 AS BIGINT)) AS published,
    f.state,
    f.hours_behind,
    r.files,
    r.kept,
    r.kept / r.files AS coverage,
    r.lines,
    r.chunks,
    r.points,
    coalesce(s.symbols, 0) AS symbols,
    l.main_language,
    p.failed_checks,
    coalesce(x.secrets, 0) AS secrets,
    coalesce(p.publications, 0) AS publications,
    t.run_seconds,
    w.vectors_computed,
    u.price_usd
FROM staging.stg_repositories r
JOIN marts.freshness f ON f."partition" = r."partition"
LEFT JOIN symbols s ON s."partition" = r."partition"
LEFT JOIN languages l ON l."partition" = r."partition"
LEFT JOIN secrets x ON x."partition" = r."partition"
LEFT JOIN published p ON p."partition" = r."partition"
LEFT JOIN work w ON w."partition" = r."partition"
LEFT JOIN spent t ON t."partition" = r."partition"
LEFT JOIN paid u ON u."partition" = r."partition"
