/*
description: Public definitions of source files without a documentation comment.
grain: one public definition without documentation
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  folder: folder of the file
  qualified_name: name as the language writes it in full
  kind: kind of definition
  language: language
  signature: declaration without the body
  start_line: first line
tests:
  - not_null: [partition, path, qualified_name]
*/
SELECT
    s."partition",
    s.path,
    f.folder,
    s.qualified_name,
    s.kind,
    s.language,
    s.signature,
    s.start_line
FROM staging.stg_symbols s
JOIN intermediate.int_kept_files f ON f."partition" = s."partition" AND f.path = s.path
WHERE f.role = 'source'
    AND s.visibility = 'public'
    AND s.doc IS NULL
    AND s.kind IN (
        'function', 'method', 'constructor', 'class', 'interface', 'struct', 'enum', 'trait', 'record', 'object', 'type',
        'macro', 'module'
    )
