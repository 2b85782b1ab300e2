/*
description: "Every file of the commit: kept, or left out and why."
grain: one file of a published commit
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: files
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: path from the repository root
  blob: git blob id, or sha256:<hex> outside git
  mode: git file mode
  size: size in bytes
  hash: SHA-256 of the content; null where it was not read
  language: language, lower case, as tree-sitter names it; null if not recognised
  role: source, test, docs, example, config, data, vendored, generated, stub
  status: kept, skipped (by a rule), refused (credentials), unreadable
  reason: why it was not kept, one word
  detail: the rule or the particulars behind the reason
  encoding: encoding the text was decoded from
  lines: lines of the text
  secrets: secrets removed from the text before chunking
tests:
  - unique: [partition, path]
  - not_null: [partition, path, role, status]
  - accepted_values: {column: status, values: [kept, skipped, refused, unreadable]}
  - expression: "(status = 'kept') = (reason IS NULL)"
    severity: warn
    name: left_out_with_a_reason
  - relationships: {columns: [partition], to: staging.stg_repositories}
*/
SELECT
    "partition",
    path,
    blob,
    mode,
    size,
    hash,
    language,
    role,
    status,
    reason,
    detail,
    encoding,
    lines,
    secrets
FROM raw.files
