/*
description: Which repositories the answers of each surface are about.
grain: one repository and surface
materialized: table
owner: team:code-index
columns:
  repository: repository
  surface: "cli, http or mcp"
  answers: answers with a hit in it
  last_asked_at: newest of them
tests:
  - not_null: [repository]
*/
SELECT repository, surface, count(*) AS answers, max(asked_at) AS last_asked_at
FROM (SELECT unnest(repositories) AS repository, surface, asked_at FROM staging.stg_usage)
GROUP BY repository, surface
