/*
description: Functions, methods, constructors and tests, with their size and where they are.
grain: one callable definition
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  symbol_id: definition
  path: file
  qualified_name: name as the language writes it in full
  kind: function, method, constructor, test
  language: language
  role: role of the file
  start_line: first line
  end_line: last line
  lines: lines from first to last
  documented: whether it has a documentation comment
  is_test: whether the language says it is a test
tests:
  - not_null: [partition, symbol_id, path, lines]
  - expression: lines >= 1
    name: at_least_a_line
*/
SELECT
    s."partition",
    s.symbol_id,
    s.path,
    s.qualified_name,
    s.kind,
    s.language,
    f.role,
    s.start_line,
    s.end_line,
    s.end_line - s.start_line + 1 AS lines,
    s.doc IS NOT NULL AS documented,
    s.kind = 'test' OR list_contains(s.facts, 'test') AS is_test
FROM staging.stg_symbols s
JOIN staging.stg_files f ON f."partition" = s."partition" AND f.path = s.path
WHERE s.kind IN ('function', 'method', 'constructor', 'test')
