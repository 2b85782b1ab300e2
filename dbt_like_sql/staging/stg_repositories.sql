/*
description: Every published repository and ref, by its newest publication over all embedding spaces.
grain: one partition
materialized: view
owner: team:code-index
partitioned_by: partition
exposed_as: repositories
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  repository: name in the registry
  ref: branch, tag or commit that was asked for
  default_ref: whether searches without a ref ask this one
  kind: git, worktree or folder
  location: where it came from, without credentials
  commit: published commit, or folder digest
  label: "the same as people see it: <commit>+dirty for uncommitted work"
  committed_at: time of the commit (Unix seconds)
  observed_at: when the ref was last seen at this commit (Unix seconds)
  published_at: when it became searchable (Unix seconds)
  space: embedding space of the publication
  subject: digest of what was checked and published
  suite: digest of the expectations it passed
  files: files of the commit
  kept: files indexed
  lines: lines of the files indexed
  chunks: chunks published
  points: vectors published
  rolled_back: whether it is an older publication that was gone back to
  run_id: run that published it
tests:
  - unique: [partition]
  - not_null: [partition, repository, commit, published_at, space]
  - accepted_values: {column: kind, values: [git, worktree, folder]}
  - expression: kept <= files AND kept >= 1
    name: something_kept
*/
SELECT
    "partition",
    repository,
    ref,
    default_ref,
    kind,
    location,
    "commit",
    label,
    committed_at,
    observed_at,
    published_at,
    space,
    subject,
    suite,
    files,
    kept,
    lines,
    chunks,
    points,
    rolled_back,
    run_id
FROM raw.repositories
WHERE latest
