/*
description: Who imports which package, over the whole organisation.
grain: one package imported by one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  language: language
  package: package
  files: files that import it
  modules: different modules of it
  example: one of the files
tests:
  - unique: [partition, language, package]
  - not_null: [partition, package]
*/
SELECT
    "partition",
    language,
    package,
    count(DISTINCT path) AS files,
    count(DISTINCT module) AS modules,
    min(path) AS example
FROM intermediate.int_imported_packages
WHERE NOT internal AND package <> ''
GROUP BY "partition", language, package
