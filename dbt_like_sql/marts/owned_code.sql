/*
description: What each owner of CODEOWNERS owns; (nobody) where a repository with CODEOWNERS names none.
grain: one owner in one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  owner_name: owner as written, or (nobody)
  files: kept files
  lines: their lines
  example: one of them
tests:
  - unique: [partition, owner_name]
  - expression: files >= 1
    name: some_files
*/
WITH with_rules AS (
    SELECT DISTINCT "partition" FROM staging.stg_code_owners
)
SELECT
    f."partition",
    o.owner_name,
    count(*) AS files,
    CAST(sum(f.lines) AS BIGINT) AS lines,
    min(f.path) AS example
FROM intermediate.int_kept_files f
JOIN with_rules r ON r."partition" = f."partition"
LEFT JOIN staging.stg_code_owners c ON c."partition" = f."partition" AND c.path = f.path
CROSS JOIN LATERAL (
    SELECT unnest(CASE WHEN len(c.owners) > 0 THEN c.owners ELSE ['(nobody)'] END) AS owner_name
) o
GROUP BY f."partition", o.owner_name
