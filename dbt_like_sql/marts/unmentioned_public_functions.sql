/*
description: Public functions and methods that nothing in their repository mentions; they look dead.
grain: one public function or method
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  qualified_name: name as the language writes it in full
  kind: function or method
  language: language
  signature: declaration without the body
  start_line: first line
  lines: how many lines it has
tests:
  - not_null: [partition, path, qualified_name]
  - expression: lines >= 1
    name: has_lines
*/
-- Found by name, so what shares its name with something used is not here. Left out is what others call by rules of their
-- own: tests, overrides, trait methods, routes and other decorated functions, entry points, special names, default exports.
SELECT
    s."partition",
    s.path,
    s.qualified_name,
    s.kind,
    s.language,
    s.signature,
    s.start_line,
    s.end_line - s.start_line + 1 AS lines
FROM staging.stg_symbols s
JOIN intermediate.int_kept_files f ON f."partition" = s."partition" AND f.path = s.path
WHERE f.role = 'source'
    AND s.visibility = 'public'
    AND s.kind IN ('function', 'method')
    AND len(s.name) > 1
    AND regexp_full_match(s.name, '[A-Za-z][\w$]*[?!=]?')
    AND s.name NOT IN ('main', 'init', 'setup', 'teardown')
    AND len(s.decorators) = 0
    AND len(list_filter(s.facts, lambda x: x IN ('test', 'fixture', 'override', 'overload', 'default_export', 'component')
        OR starts_with(x, 'trait=') OR starts_with(x, 'route') OR starts_with(x, 'satisfies'))) = 0
    AND NOT EXISTS (
        SELECT 1
        FROM staging.stg_references r
        WHERE r."partition" = s."partition" AND r.name = rtrim(s.name, '?!=')
    )
    -- A method that several types have is called through what they share.
    AND NOT (s.kind = 'method' AND EXISTS (
        SELECT 1
        FROM staging.stg_symbols o
        WHERE o."partition" = s."partition" AND o.name = s.name AND o.symbol_id != s.symbol_id
    ))
    AND NOT EXISTS (
        SELECT 1 FROM staging.stg_imports i WHERE i."partition" = s."partition" AND i.name = s.name
    )
