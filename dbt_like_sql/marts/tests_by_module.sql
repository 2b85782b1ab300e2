/*
description: "Tests of each module: a test file belongs to the source files of its name, else to its own folder."
grain: one folder of source files in one language
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  folder: folder of the source files
  language: language
  source_files: source files
  source_lines: their lines
  tested_files: source files that a test file is named after
  test_files: test files of these
  test_lines: lines of these test files
  test_functions: tests the language knows in them
  tested_share: tested files among the source files
tests:
  - unique: [partition, folder, language]
  - expression: tested_files <= source_files
    name: tested_are_some_of_all
*/
WITH tests AS (
    SELECT
        t."partition",
        t.path,
        t.folder,
        t.stem,
        t.language,
        t.lines,
        count(c.symbol_id) AS functions
    FROM intermediate.int_kept_files t
    LEFT JOIN intermediate.int_callables c ON c."partition" = t."partition" AND c.path = t.path AND c.is_test
    WHERE t.role = 'test'
    GROUP BY t."partition", t.path, t.folder, t.stem, t.language, t.lines
), pairs AS (
    SELECT
        t."partition",
        t.path AS test_path,
        s.path,
        s.folder,
        s.language,
        t.lines,
        t.functions
    FROM tests t
    JOIN intermediate.int_kept_files s
        ON s."partition" = t."partition" AND s.stem = t.stem AND s.language = t.language AND s.role = 'source'
    QUALIFY row_number() OVER (
        PARTITION BY t."partition", t.path ORDER BY s.folder = t.folder DESC, length(s.path), s.path
    ) = 1
), of_modules AS (
    SELECT
        "partition",
        folder,
        language,
        count(DISTINCT path) AS tested_files,
        count(*) AS test_files,
        CAST(sum(lines) AS BIGINT) AS test_lines,
        CAST(sum(functions) AS BIGINT) AS test_functions
    FROM pairs
    GROUP BY "partition", folder, language
)
SELECT
    s."partition",
    s.folder,
    s.language,
    count(*) AS source_files,
    CAST(sum(s.lines) AS BIGINT) AS source_lines,
    coalesce(any_value(m.tested_files), 0) AS tested_files,
    coalesce(any_value(m.test_files), 0) AS test_files,
    coalesce(any_value(m.test_lines), 0) AS test_lines,
    coalesce(any_value(m.test_functions), 0) AS test_functions,
    coalesce(any_value(m.tested_files), 0) / count(*) AS tested_share
FROM intermediate.int_kept_files s
LEFT JOIN of_modules m ON m."partition" = s."partition" AND m.folder = s.folder AND m.language = s.language
WHERE s.role = 'source'
GROUP BY s."partition", s.folder, s.language
