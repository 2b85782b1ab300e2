/*
description: How much of the public API is documented.
grain: one language of one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  language: language
  public_symbols: public definitions in source files
  documented: of these, with a documentation comment
  share: documented share
tests:
  - unique: [partition, language]
  - expression: share BETWEEN 0 AND 1
    name: share_is_a_share
*/
SELECT
    s."partition",
    s.language,
    count(*) AS public_symbols,
    count(s.doc) AS documented,
    count(s.doc) / count(*) AS share
FROM staging.stg_symbols s
JOIN intermediate.int_kept_files f ON f."partition" = s."partition" AND f.path = s.path
WHERE f.role = 'source'
    AND s.visibility = 'public'
    AND s.kind IN (
        'function', 'method', 'constructor', 'class', 'interface', 'struct', 'enum', 'trait', 'record', 'object', 'type',
        'macro', 'module'
    )
GROUP BY s."partition", s.language
