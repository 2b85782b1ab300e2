/*
description: Files with the same content in more than one place.
grain: one content of at least 200 bytes that is in several files
materialized: table
owner: team:code-index
columns:
  hash: SHA-256 of the content
  files: files with it
  repositories: repositories that hold it
  size: bytes of one
  lines: lines of one
  language: language
  places: up to ten of them, as partition:path
tests:
  - unique: [hash]
  - expression: files > 1
    name: more_than_one
*/
SELECT
    hash,
    count(*) AS files,
    count(DISTINCT "partition") AS repositories,
    any_value(size) AS size,
    any_value(lines) AS lines,
    min(language) AS language,
    list_slice(list_sort(list("partition" || ':' || path)), 1, 10) AS places
FROM intermediate.int_kept_files
WHERE hash IS NOT NULL AND size >= 200
GROUP BY hash
HAVING count(*) > 1
