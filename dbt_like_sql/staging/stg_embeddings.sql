/*
description: Which vector each chunk has; the vectors are in the artifacts.
grain: one vector of one chunk in one embedding space
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: embeddings
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  space: embedding space
  chunk_id: chunk
  part: which vector of a long chunk, from 0
  vector_key: "key in the vector cache: hash of the embedded text in this space"
tests:
  - not_null: [partition, space, chunk_id, vector_key]
*/
SELECT
    "partition",
    space,
    chunk_id,
    part,
    vector_key
FROM raw.embeddings
