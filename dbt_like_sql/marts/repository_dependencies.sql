/*
description: Which repositories import what others provide (Go packages; JVM, PHP and C# types).
grain: one repository that imports another
materialized: table
owner: team:code-index
columns:
  importer: partition that imports
  provider: partition that provides
  files: files that import it
  modules: different modules
  example: one of the modules
tests:
  - unique: [importer, provider]
  - expression: importer <> provider
    name: not_itself
*/
SELECT
    i."partition" AS importer,
    p."partition" AS provider,
    count(DISTINCT i.path) AS files,
    count(DISTINCT i.module) AS modules,
    min(i.module) AS example
FROM intermediate.int_imported_packages i
JOIN intermediate.int_provided_packages p ON p.name = i.module AND p.language = i.language
WHERE NOT i.internal AND p."partition" <> i."partition"
GROUP BY i."partition", p."partition"
