/*
description: What the edges of each repository cover, as stored.
grain: one published partition
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  state: "made, pending (the next build makes them), too_large (took longer than CODE_INDEX_EDGES_SECONDS), off, none (no file in a language with resolution)"
  files: files whose names are resolved
  files_without: source and test files in languages without resolution
  edges: edges
  seconds: how long making them took
  scip_edges: uses that a precise index (SCIP) ties to a definition of the repository
  scip_recall: the share of these that our own resolution ties to the same
  scip_precision: of these, where our own resolution decides, the share of the same
tests:
  - unique: [partition]
  - accepted_values: {column: state, values: [made, pending, too_large, "off", none]}
*/
SELECT
    "partition",
    state,
    files,
    files_without,
    edges,
    seconds,
    scip_edges,
    scip_recall,
    scip_precision
FROM raw.edge_coverage
