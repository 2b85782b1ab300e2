/*
description: Definitions.
grain: one definition
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: symbols
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  symbol_id: hash of path, kind, qualified name and ordinal among equals in the file
  path: file
  name: its own name
  qualified_name: its name as the language writes it in full
  local_name: its name qualified within the file alone
  kind: function, method, class, interface, struct, enum, field, constant, macro, …
  language: language
  start_line: first line, from 1
  end_line: last line, inclusive
  signature: declaration without the body
  doc: documentation comment
  parent: qualified name of what encloses it
  visibility: public, private, protected, internal
  decorators: decorators, annotations or attributes as written
  extends: base types, interfaces, traits as written
  facts: what the language's community asks about it, as key or key=value
tests:
  - unique: [partition, symbol_id]
    severity: warn
  - not_null: [partition, path, name, kind]
  - expression: end_line >= start_line
    name: lines_in_order
  - relationships: {columns: [partition, path], to: staging.stg_files}
*/
SELECT
    "partition",
    symbol_id,
    path,
    name,
    qualified_name,
    local_name,
    kind,
    language,
    start_line,
    end_line,
    signature,
    doc,
    parent,
    visibility,
    decorators,
    extends,
    facts
FROM raw.symbols
