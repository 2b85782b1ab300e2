/*
description: "Files that change often and are large: where work, and errors, gather."
grain: one kept source or test file that changed in the commits looked at
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  path: file
  language: language
  role: role of the file
  lines: lines
  commits: commits that changed it, of those looked at
  authors: different authors of these
  last_changed_at: newest of them (Unix seconds)
  window_commits: commits looked at
  score: commits times lines
  rank: place in its repository by the score, from 1
tests:
  - unique: [partition, path]
  - expression: commits <= window_commits
    name: within_the_window
*/
SELECT
    f."partition",
    f.path,
    f.language,
    f.role,
    f.lines,
    c.commits,
    c.authors,
    c.last_changed_at,
    w.commits AS window_commits,
    c.commits * f.lines AS score,
    row_number() OVER (PARTITION BY f."partition" ORDER BY c.commits * f.lines DESC, f.path) AS rank
FROM intermediate.int_kept_files f
JOIN staging.stg_churn c ON c."partition" = f."partition" AND c.path = f.path
JOIN staging.stg_churn_windows w ON w."partition" = f."partition"
WHERE f.role IN ('source', 'test')
