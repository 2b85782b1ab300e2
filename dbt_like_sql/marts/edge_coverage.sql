/*
description: "What the edges of each repository cover: files, edges by grade, and the share whose target is not known."
grain: one published partition
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  state: "made, pending (the next build makes them), too_large (took longer than CODE_INDEX_EDGES_SECONDS), off, none (no file in a language with resolution)"
  files: files whose names are resolved
  files_without: source and test files in languages without resolution
  edges: edges
  proven: edges that imports and scopes prove, or a precise index
  inferred: edges that a named rule decided
  textual: edges of which the name alone is known
  textual_share: their share of the edges inside of the repository
  external: edges to packages outside of the repository
  seconds: how long making them took
  scip_edges: uses that a precise index (SCIP) ties to a definition of the repository
  scip_recall: the share of these that our own resolution ties to the same
  scip_precision: of these, where our own resolution decides, the share of the same
tests:
  - unique: [partition]
  - expression: "edges = proven + inferred + textual"
    name: grades_add_up
  - expression: "scip_precision IS NULL OR scip_precision > 0.9"
    severity: warn
    name: own_edges_agree_with_the_precise_index
*/
SELECT
    c."partition",
    c.state,
    c.files,
    c.files_without,
    c.edges,
    count(e.grade) FILTER (e.grade = 'proven') AS proven,
    count(e.grade) FILTER (e.grade = 'inferred') AS inferred,
    count(e.grade) FILTER (e.grade = 'textual') AS textual,
    count(e.grade) FILTER (e.grade = 'textual') / nullif(count(e.grade) FILTER (e.package IS NULL), 0) AS textual_share,
    count(e.package) AS "external",
    c.seconds,
    c.scip_edges,
    c.scip_recall,
    c.scip_precision
FROM staging.stg_edge_coverage c
LEFT JOIN staging.stg_edges e ON e."partition" = c."partition"
GROUP BY ALL
