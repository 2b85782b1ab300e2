/*
description: Which folders of a repository import which.
grain: one folder that imports another
materialized: table
owner: team:code-index
partitioned_by: partition
columns:
  partition: "partition key: the repository's name, with @ref for further refs"
  from_folder: folder that imports
  to_folder: folder that is imported
  imports: files that do
  mutual: whether the other imports this one as well
tests:
  - unique: [partition, from_folder, to_folder]
*/
WITH edges AS (
    SELECT
        i."partition",
        f.folder AS from_folder,
        t.folder AS to_folder,
        count(DISTINCT i.path) AS imports
    FROM intermediate.int_imported_packages i
    JOIN intermediate.int_kept_files f ON f."partition" = i."partition" AND f.path = i.path
    JOIN (
        SELECT "partition", path, folder FROM intermediate.int_kept_files
        UNION
        SELECT "partition", folder, folder FROM intermediate.int_kept_files
    ) t ON t."partition" = i."partition" AND t.path = i.resolved
    WHERE i.resolved IS NOT NULL AND t.folder <> f.folder
    GROUP BY i."partition", f.folder, t.folder
)
SELECT
    e."partition",
    e.from_folder,
    e.to_folder,
    e.imports,
    b.imports IS NOT NULL AS mutual
FROM edges e
LEFT JOIN edges b
    ON b."partition" = e."partition" AND b.from_folder = e.to_folder AND b.to_folder = e.from_folder
