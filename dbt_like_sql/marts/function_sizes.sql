/*
description: Functions and methods of ten lines and more, by size and depth.
grain: one function or method of at least ten lines
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  qualified_name: name as the language writes it in full
  kind: function, method, constructor, test
  language: language
  role: role of the file
  start_line: first line
  lines: lines
  depth: deepest indentation below its own, in columns (a tab is 4)
  documented: whether it has a documentation comment
tests:
  - not_null: [partition, path, qualified_name, lines]
  - expression: lines >= 10
    name: ten_lines
*/
SELECT
    c."partition",
    c.path,
    c.qualified_name,
    c.kind,
    c.language,
    c.role,
    c.start_line,
    c.lines,
    max(k.indent) AS depth,
    c.documented
FROM intermediate.int_callables c
LEFT JOIN staging.stg_chunks k
    ON k."partition" = c."partition"
    AND k.path = c.path
    AND k.start_line >= c.start_line
    AND k.end_line <= c.end_line
WHERE c.lines >= 10
GROUP BY c."partition", c.path, c.symbol_id, c.qualified_name, c.kind, c.language, c.role, c.start_line, c.lines, c.documented
