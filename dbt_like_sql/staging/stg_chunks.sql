/*
description: "Pieces of kept files on definition bounds: what is embedded and found."
grain: one chunk of a kept file
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: chunks
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  chunk_id: hash of path, kind, qualified name, text hash and ordinal among equals in the file
  path: file
  blob: content of the file
  ordinal: position among the file's chunks, from 0
  start_line: first line, from 1
  end_line: last line, inclusive
  start_byte: first byte in the redacted UTF-8 text
  end_byte: byte after the last
  language: language of the chunk
  kind: function, method, class, …, section, block, lines
  name: name of the definition the chunk is (part of)
  qualified_name: its name as the language writes it in full
  local_name: its name qualified within the file alone
  signature: declaration without the body
  doc: documentation comment
  names: names of all definitions that start inside the chunk
  text_hash: BLAKE2b-128 of the text
  parser: tree-sitter, structure or lines
  indent: deepest indentation of a line below that of the first, in columns (a tab is 4)
tests:
  - unique: [partition, chunk_id]
  - not_null: [partition, chunk_id, path, kind]
  - expression: end_line >= start_line AND start_line >= 1
    name: lines_in_order
  - relationships: {columns: [partition, path], to: staging.stg_files}
*/
SELECT
    "partition",
    chunk_id,
    path,
    blob,
    ordinal,
    start_line,
    end_line,
    start_byte,
    end_byte,
    language,
    kind,
    name,
    qualified_name,
    local_name,
    signature,
    doc,
    names,
    text_hash,
    parser,
    indent
FROM raw.chunks
