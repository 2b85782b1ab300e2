/*
description: How old what is searchable is, against the service level.
grain: one observed or published partition
materialized: table
owner: team:code-index
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  state: fresh, late (older than the service level), behind (the ref has moved), unpublished
  published_at: when it became searchable (Unix seconds)
  published_commit: published commit
  observed_commit: commit the ref was last seen at
  observed_at: when it was last seen (Unix seconds)
  hours_since_seen: hours since the ref was last looked at
  hours_behind: hours since the ref was seen at another commit than the published one; 0 if it is the same
  service_level_hours: hours up to which it counts as fresh
tests:
  - unique: [partition]
  - accepted_values: {column: state, values: [fresh, late, behind, unpublished]}
*/
SELECT
    coalesce(r."partition", o."partition") AS "partition",
    CASE
        WHEN r."partition" IS NULL THEN 'unpublished'
        WHEN o."commit" <> r."commit" THEN 'behind'
        WHEN (b.built_at - greatest(r.observed_at, coalesce(o.seen_at, 0))) / 3600 > b.freshness_hours THEN 'late'
        ELSE 'fresh'
    END AS state,
    r.published_at,
    r."commit" AS published_commit,
    o."commit" AS observed_commit,
    greatest(o.seen_at, r.observed_at) AS observed_at,
    (b.built_at - greatest(o.seen_at, r.observed_at)) / 3600 AS hours_since_seen,
    CASE WHEN o."commit" = r."commit" THEN 0 ELSE (b.built_at - r.observed_at) / 3600 END AS hours_behind,
    b.freshness_hours AS service_level_hours
FROM staging.stg_repositories r
FULL JOIN staging.stg_observations o ON o."partition" = r."partition"
CROSS JOIN raw.build b
