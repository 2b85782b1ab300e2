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
    seconds
FROM raw.edge_coverage
