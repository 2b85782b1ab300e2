/*
description: Functions and types with the same text in more than one place.
grain: one text of at least 200 bytes that is in several chunks
materialized: table
owner: team:code-index
columns:
  text_hash: digest of the text
  copies: chunks with it
  repositories: repositories that hold it
  kind: kind of definition
  name: its name
  language: language
  lines: lines of one
  places: up to ten of them, as partition:path:line
tests:
  - unique: [text_hash]
  - expression: copies > 1
    name: more_than_one
*/
SELECT
    text_hash,
    count(*) AS copies,
    count(DISTINCT "partition") AS repositories,
    min(kind) AS kind,
    min(name) AS name,
    min(language) AS language,
    min(end_line - start_line + 1) AS lines,
    list_slice(list_sort(list("partition" || ':' || path || ':' || start_line)), 1, 10) AS places
FROM staging.stg_chunks
WHERE kind IN ('function', 'method', 'constructor', 'class', 'struct', 'interface', 'test')
    AND end_byte - start_byte >= 200
    AND text_hash IN (
        SELECT text_hash FROM staging.stg_chunks WHERE end_byte - start_byte >= 200 GROUP BY text_hash HAVING count(*) > 1
    )
GROUP BY text_hash
HAVING count(*) > 1
