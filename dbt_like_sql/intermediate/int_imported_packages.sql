/*
description: Imports by file, with the package the language takes the module from.
grain: one module imported by one file
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  language: language of the file
  module: module as written
  mentions: times it is imported there
  package: "package by the language's rules: Go the module path's first three parts, Python and Rust the first name, JavaScript with its scope, JVM languages the first two or three names"
  resolved: file of the repository it stands for, if it is internal
  internal: whether it is inside the repository
tests:
  - unique: [partition, path, module, resolved]
  - not_null: [partition, path, module, internal]
*/
SELECT
    i."partition",
    i.path,
    f.language,
    i.module,
    count(*) AS mentions,
    any_value(
        CASE
            WHEN f.language = 'go' AND contains(split_part(i.module, '/', 1), '.')
                THEN array_to_string(string_split(i.module, '/')[1:3], '/')
            WHEN f.language IN ('javascript', 'typescript', 'tsx', 'vue', 'svelte') AND starts_with(i.module, '@')
                THEN array_to_string(string_split(i.module, '/')[1:2], '/')
            WHEN f.language IN ('java', 'kotlin', 'scala', 'groovy')
                THEN array_to_string(
                    string_split(i.module, '.')[
                        1 : CASE WHEN split_part(i.module, '.', 1) IN ('com', 'org', 'io', 'net', 'dev') THEN 3 ELSE 2 END
                    ],
                    '.'
                )
            WHEN f.language IN ('python', 'csharp', 'elixir', 'haskell') THEN split_part(i.module, '.', 1)
            WHEN f.language = 'rust' THEN split_part(i.module, '::', 1)
            WHEN f.language = 'php' THEN split_part(ltrim(i.module, '\'), '\', 1)
            ELSE split_part(i.module, '/', 1)
        END
    ) AS package,
    i.resolved,
    i.resolved IS NOT NULL
    OR starts_with(i.module, '.')
    OR (f.language = 'rust' AND split_part(i.module, '::', 1) IN ('crate', 'self', 'super')) AS internal
FROM staging.stg_imports i
JOIN intermediate.int_kept_files f ON f."partition" = i."partition" AND f.path = i.path
GROUP BY i."partition", i.path, f.language, i.module, i.resolved
