/*
description: Secrets that were removed before indexing, by rule; never their content.
grain: one rule in one repository
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  rule: rule that found them
  findings: secrets removed
  files: files they were in
  example: one of these files
tests:
  - unique: [partition, rule]
  - expression: findings >= 1
    name: some_findings
*/
SELECT
    "partition",
    rule,
    count(*) AS findings,
    count(DISTINCT path) AS files,
    min(path) AS example
FROM staging.stg_findings
GROUP BY "partition", rule
