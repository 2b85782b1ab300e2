/*
description: "Names under which a repository can be imported by others: Go packages and JVM, PHP and C# types."
grain: one name provided by one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  language: language
  name: name that others import
tests:
  - unique: [partition, language, name]
  - not_null: [partition, name]
*/
SELECT DISTINCT
    "partition",
    'go' AS language,
    substr(fact, 9) AS name
FROM (SELECT "partition", unnest(facts) AS fact FROM staging.stg_symbols WHERE language = 'go')
WHERE starts_with(fact, 'package=')
UNION
SELECT DISTINCT
    "partition",
    language,
    qualified_name AS name
FROM staging.stg_symbols
WHERE language IN ('java', 'kotlin', 'scala', 'php', 'csharp')
    AND kind IN ('class', 'interface', 'enum', 'record', 'trait', 'object')
    AND contains(qualified_name, CASE WHEN language = 'php' THEN '\' ELSE '.' END)
