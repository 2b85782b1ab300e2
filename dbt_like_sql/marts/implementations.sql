/*
description: Types and what they extend or implement; for Go, interfaces whose methods a type of the module has.
grain: one base of one type
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  base: name of the interface, trait or base class, without qualifier and type arguments
  base_path: file that defines it, where this repository does
  implementer: type that extends or implements it
  implementer_qualified: name as the language writes it in full
  path: file of the type, or of the `impl` that ties both
  start_line: first line
  language: language
  how: "declared as written, or method_set: a Go type with all methods of the interface by name, embedded types not looked into"
tests:
  - not_null: [partition, base, implementer, path, how]
  - accepted_values: {column: how, values: [declared, method_set]}
*/
WITH bases AS (
    SELECT DISTINCT "partition", name, path, language
    FROM staging.stg_symbols
    WHERE kind IN ('interface', 'trait', 'class', 'struct', 'record', 'mixin', 'enum', 'object', 'module')
),

declared AS (
    SELECT
        s."partition",
        regexp_extract(regexp_replace(e.base, '[<(\[].*$', '', 's'), '([\w$]+)\s*$', 1) AS base,
        regexp_replace(s.name, '[<(\[].*$', '', 's') AS implementer,
        s.qualified_name,
        s.path,
        s.start_line,
        s.language
    FROM staging.stg_symbols s, unnest(s.extends) AS e (base)
    WHERE s.kind IN ('class', 'interface', 'trait', 'struct', 'record', 'mixin', 'enum', 'object', 'impl')
),

methods AS (
    SELECT
        "partition",
        regexp_replace(path, '[^/]*$', '') AS folder,
        list_filter(facts, lambda f: starts_with(f, 'receiver='))[1][10:] AS receiver,
        list(DISTINCT name) AS names
    FROM staging.stg_symbols
    WHERE language = 'go' AND kind = 'method' AND len(list_filter(facts, lambda f: starts_with(f, 'receiver='))) > 0
    GROUP BY ALL
),

interfaces AS (
    SELECT i."partition", i.name, i.path, list(DISTINCT m.name) AS names
    FROM staging.stg_symbols i
    JOIN staging.stg_symbols m
        ON m."partition" = i."partition" AND m.path = i.path AND m.parent = i.qualified_name AND m.kind = 'method'
    WHERE i.language = 'go' AND i.kind = 'interface'
    GROUP BY ALL
),

by_methods AS (
    SELECT i."partition", i.name AS base, i.path AS base_path, m.receiver, m.folder
    FROM interfaces i
    JOIN methods m ON m."partition" = i."partition" AND list_has_all(m.names, i.names)
)

SELECT
    d."partition",
    d.base,
    b.path AS base_path,
    d.implementer,
    d.qualified_name AS implementer_qualified,
    d.path,
    d.start_line,
    d.language,
    'declared' AS how
FROM declared d
LEFT JOIN bases b
    ON b."partition" = d."partition" AND b.name = d.base AND b.language = d.language AND b.path != d.path
WHERE d.base != ''
UNION ALL
SELECT
    g."partition",
    g.base,
    g.base_path,
    t.name,
    t.qualified_name,
    t.path,
    t.start_line,
    t.language,
    'method_set'
FROM by_methods g
JOIN staging.stg_symbols t
    ON t."partition" = g."partition" AND t.language = 'go' AND t.name = g.receiver
    AND t.kind IN ('struct', 'type', 'interface') AND regexp_replace(t.path, '[^/]*$', '') = g.folder
