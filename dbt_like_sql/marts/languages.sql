/*
description: Languages by repository.
grain: one language of one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  language: language, text where none was recognised
  files: files indexed
  lines: lines
  bytes: bytes
  line_share: share of the repository's lines
  test_lines: lines in test files
tests:
  - unique: [partition, language]
  - expression: line_share BETWEEN 0 AND 1
    name: share_is_a_share
*/
SELECT
    "partition",
    language,
    count(*) AS files,
    CAST(sum(lines) AS BIGINT) AS lines,
    CAST(sum(size) AS BIGINT) AS bytes,
    coalesce(sum(lines) / nullif(sum(sum(lines)) OVER (PARTITION BY "partition"), 0), 0) AS line_share,
    CAST(coalesce(sum(lines) FILTER (role = 'test'), 0) AS BIGINT) AS test_lines
FROM intermediate.int_kept_files
GROUP BY "partition", language
