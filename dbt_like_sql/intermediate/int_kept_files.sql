/*
description: Kept files with the parts of their names.
grain: one kept file
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  folder: folder it is in, . for the root
  file_name: name without folders
  stem: name without folders, extension, and what marks a test (test_, _test, Test, .spec, …), lower case
  language: language, text where none was recognised
  role: source, test, docs, example, config, data, stub, …
  lines: lines
  size: bytes
  hash: SHA-256 of the content
tests:
  - unique: [partition, path]
  - not_null: [partition, path, folder, language]
  - relationships: {columns: [partition], to: staging.stg_repositories}
*/
SELECT
    "partition",
    path,
    coalesce(nullif(regexp_extract(path, '^(.*)/[^/]*$', 1), ''), '.') AS folder,
    split_part(path, '/', -1) AS file_name,
    regexp_replace(
        regexp_replace(lower(split_part(path, '/', -1)), '(\.(test|spec|stories|d))?\.[^.]*$', ''),
        '^(test|spec)[_-]|[_-]?(tests?|spec)$',
        '',
        'g'
    ) AS stem,
    coalesce(language, 'text') AS language,
    role,
    coalesce(lines, 0) AS lines,
    coalesce(size, 0) AS size,
    hash
FROM staging.stg_files
WHERE status = 'kept'
