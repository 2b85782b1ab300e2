/*
description: "Who uses what: the code graph with the roles of both files. A test's calls of code that is none appear once more, as `tests`."
grain: one use of one definition, package or unresolved name
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: edges
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  kind: calls, instantiates, reads, writes, types, imports, inherits, implements, overrides, tests
  source: definition around the line, qualified in its file; null at the top of the file
  source_kind: its kind
  source_line: line of its name
  source_role: role of its file
  target: definition that is used, qualified in its file; null outside of the repository and where the name alone is known
  target_kind: its kind
  target_path: its file
  target_line: line of its name
  target_role: role of its file
  package: module outside of the repository that the name comes from
  name: name as written; of a package's members the name inside of it
  path: file of the line that shows the edge
  line: that line, from 1
  column: byte of the line where the name starts, from 0
  grade: proven, inferred, textual (the name alone, no target is picked)
  rule: the rule that decided
  candidates: definitions of the repository that the use may mean
tests:
  - not_null: [partition, kind, path, line, grade]
*/
WITH roles AS (
    SELECT "partition", path, role
    FROM staging.stg_files
    WHERE status = 'kept'
),

placed AS (
    SELECT e.*, s.role AS source_role, t.role AS target_role
    FROM staging.stg_edges e
    LEFT JOIN roles s ON s."partition" = e."partition" AND s.path = e.path
    LEFT JOIN roles t ON t."partition" = e."partition" AND t.path = e.target_path
)

SELECT
    p."partition",
    k.kind,
    p.source,
    p.source_kind,
    p.source_line,
    p.source_role,
    p.target,
    p.target_kind,
    p.target_path,
    p.target_line,
    p.target_role,
    p.package,
    p.name,
    p.path,
    p.line,
    p."column",
    p.grade,
    p.rule,
    p.candidates
FROM placed p, (VALUES ('as stored'), ('tests')) AS v (shown),
    LATERAL (SELECT CASE v.shown WHEN 'tests' THEN 'tests' ELSE p.kind END AS kind) AS k
WHERE v.shown = 'as stored'
    OR (p.source_role = 'test' AND p.target_role != 'test' AND p.kind IN ('calls', 'instantiates'))
