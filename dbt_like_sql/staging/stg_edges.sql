/*
description: "The code graph: one row a use of one definition or package, as stored."
grain: one use of one definition, package or unresolved name
materialized: view
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file of the line that shows the edge
  line: that line, from 1
  column: byte of the line where the name starts, from 0
  kind: calls, instantiates, reads, writes, types, imports, inherits, implements, overrides
  grade: proven, inferred, textual (the name alone, no target is picked)
  rule: the rule that decided
  source: definition around the line, qualified in its file; null at the top
  source_kind: its kind
  source_line: line of its name
  target: definition that is used, qualified in its file
  target_kind: its kind
  target_path: its file
  target_line: line of its name
  package: module outside of the repository that the name comes from
  name: name as written; of a package's members the name inside of it
  candidates: definitions of the repository that the use may mean
tests:
  - not_null: [partition, path, line, kind, grade, rule, name]
  - accepted_values: {column: kind, values: [calls, instantiates, reads, writes, types, imports, inherits, implements, overrides]}
  - accepted_values: {column: grade, values: [proven, inferred, textual]}
  - expression: "(target IS NULL) = (target_path IS NULL) AND (target IS NULL) = (target_line IS NULL)"
    name: a_target_has_a_place
  - expression: "target IS NULL OR grade != 'textual'"
    name: textual_edges_have_no_target
  - expression: "target IS NOT NULL OR package IS NOT NULL OR grade = 'textual'"
    name: every_edge_leads_somewhere
*/
SELECT
    "partition",
    path,
    line,
    "column",
    kind,
    grade,
    rule,
    source,
    source_kind,
    source_line,
    target,
    target_kind,
    target_path,
    target_line,
    package,
    name,
    candidates
FROM raw.edges
