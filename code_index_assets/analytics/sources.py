"""The `raw` tables of the catalogue: what they hold and which asset it comes from.

What lives here: their declaration, one source for the build, the binding of models and the docs. What does not:
filling them (`load.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..tables import (
    CHUNKS,
    DIAGNOSTICS,
    FILES,
    FINDINGS,
    FLAG,
    IMPORTS,
    INT,
    REFERENCES,
    SYMBOLS,
    TEXT,
    TEXTS,
    WHOLE,
    Column,
    Table,
)

TIME = pl.Float64()
PARTITION = Column("partition", TEXT, "partition key: the repository's name, with @ref for further refs")


@dataclass(frozen=True)
class RawTable:
    """One table of the schema `raw`. `assets` are those its rows come from; `kind` is the artifact, if it is one."""

    table: Table
    assets: tuple[str, ...]
    kind: str | None = None

    @property
    def key(self) -> str:
        """`raw.name`, as the graph of models names the table."""
        return f"raw.{self.table.name}"

    @property
    def partitioned(self) -> bool:
        """Whether its rows belong to partitions."""
        return self.table.columns[0].name == "partition"


def _of(table: Table, kind: str, name: str | None = None, without: tuple[str, ...] = ("path_raw",)) -> RawTable:
    columns = (PARTITION, *(column for column in table.columns if column.name not in without))
    return RawTable(Table(name or table.name, table.description, columns), (kind,), kind)


REPOSITORIES = Table(
    "repositories",
    "What is published: one row a partition and embedding space.",
    (
        PARTITION,
        Column("repository", TEXT, "name in the registry"),
        Column("ref", TEXT, "branch, tag or commit that was asked for"),
        Column("default_ref", FLAG, "whether searches without a ref ask this one"),
        Column("kind", TEXT, "git, worktree or folder", nullable=True),
        Column("location", TEXT, "where it came from, without credentials", nullable=True),
        Column("commit", TEXT, "published commit, or folder digest"),
        Column("label", TEXT, "the same as people see it: <commit>+dirty for uncommitted work"),
        Column("committed_at", TIME, "time of the commit (Unix seconds)", nullable=True),
        Column("observed_at", TIME, "when the ref was last seen at this commit (Unix seconds)"),
        Column("published_at", TIME, "when it became searchable (Unix seconds)"),
        Column("space", TEXT, "embedding space of the publication"),
        Column("latest", FLAG, "whether it is the partition's newest publication over all spaces"),
        Column("subject", TEXT, "digest of what was checked and published"),
        Column("suite", TEXT, "digest of the expectations it passed"),
        Column("files", WHOLE, "files of the commit", nullable=True),
        Column("kept", WHOLE, "files indexed", nullable=True),
        Column("lines", WHOLE, "lines of the files indexed", nullable=True),
        Column("chunks", WHOLE, "chunks published", nullable=True),
        Column("points", WHOLE, "vectors published"),
        Column("rolled_back", FLAG, "whether it is an older publication that was gone back to"),
        Column("run_id", TEXT, "run that published it"),
    ),
)
OBSERVATIONS = Table(
    "observations",
    "Where the ref of each partition was last seen.",
    (
        PARTITION,
        Column("commit", TEXT, "commit the ref was at"),
        Column("label", TEXT, "the same as people see it"),
        Column("seen_at", TIME, "when (Unix seconds)"),
    ),
)
EMBEDDINGS = Table(
    "embeddings",
    "Which vector each chunk has; the vectors are in the artifacts.",
    (
        PARTITION,
        Column("space", TEXT, "embedding space"),
        Column("chunk_id", TEXT, "chunk"),
        Column("part", pl.Int16(), "which vector of a long chunk, from 0"),
        Column("vector_key", TEXT, "key in the vector cache: hash of the embedded text in this space"),
    ),
)
CODE_OWNERS = Table(
    "code_owners",
    "Owners of kept files by the repository's CODEOWNERS, the last rule that matches.",
    (
        PARTITION,
        Column("path", TEXT, "file"),
        Column("owners", TEXTS, "owners as written; empty where the rule takes ownership away"),
        Column("rule", TEXT, "pattern of the rule"),
        Column("line", pl.Int32(), "line of the rule"),
    ),
)
CHURN = Table(
    "churn",
    "How often files changed in the commits looked at.",
    (
        PARTITION,
        Column("path", TEXT, "file, under the name it had in the commit"),
        Column("commits", WHOLE, "commits that changed it (merges left out)"),
        Column("authors", WHOLE, "different author addresses"),
        Column("first_changed_at", TIME, "oldest of these commits (Unix seconds)"),
        Column("last_changed_at", TIME, "newest of them (Unix seconds)"),
    ),
)
CHURN_WINDOWS = Table(
    "churn_windows",
    "Which commits the churn was counted over.",
    (
        PARTITION,
        Column("commit", TEXT, "newest commit looked at"),
        Column("state", TEXT, "read, pending (the next build reads it), none (no git history)"),
        Column("commits", WHOLE, "commits looked at"),
        Column("since", TIME, "time of the oldest of them (Unix seconds)", nullable=True),
    ),
)
EDGES = Table(
    "edges",
    "The code graph: one row a use of one definition or package.",
    (
        PARTITION,
        Column("path", TEXT, "file of the line that shows the edge"),
        Column("line", INT, "that line, from 1"),
        Column("column", INT, "byte of the line where the name starts, from 0"),
        Column("kind", TEXT, "calls, instantiates, reads, writes, types, imports, inherits, implements, overrides"),
        Column("grade", TEXT, "proven, inferred, textual (the name alone: no target is picked)"),
        Column("rule", TEXT, "the rule that decided"),
        Column("source", TEXT, "definition around the line, qualified in its file; null at the top", nullable=True),
        Column("source_kind", TEXT, "its kind", nullable=True),
        Column("source_line", INT, "line of its name", nullable=True),
        Column("target", TEXT, "definition that is used, qualified in its file", nullable=True),
        Column("target_kind", TEXT, "its kind", nullable=True),
        Column("target_path", TEXT, "its file", nullable=True),
        Column("target_line", INT, "line of its name", nullable=True),
        Column("package", TEXT, "module outside of the repository that the name comes from", nullable=True),
        Column("name", TEXT, "name as written; of a package's members the name inside of it"),
        Column("candidates", INT, "definitions of the repository that the use may mean"),
    ),
)
EDGE_COVERAGE = Table(
    "edge_coverage",
    "What the edges of each repository cover.",
    (
        PARTITION,
        Column("state", TEXT, "made, pending (the next build makes them), too_large (took longer than "
               "CODE_INDEX_EDGES_SECONDS), off, none (no file in a language with resolution)"),
        Column("files", WHOLE, "files whose names are resolved"),
        Column("files_without", WHOLE, "source and test files in languages without resolution"),
        Column("edges", WHOLE, "edges"),
        Column("seconds", TIME, "how long making them took"),
        Column("scip_edges", WHOLE, "uses that a precise index (SCIP) ties to a definition of the repository"),
        Column("scip_recall", TIME, "the share of these that our own resolution ties to the same", nullable=True),
        Column("scip_precision", TIME, "where our own resolution decides one, the share of the same", nullable=True),
    ),
)  # fmt: skip
LOG_RECORDS = Table(
    "log_records",
    "The run log, record by record.",
    (
        Column("log_file", TEXT, "file below run_log/"),
        Column("record", TEXT, "step, stage, check, usage"),
        Column("run_id", TEXT, "run"),
        Column("written_at", TIME, "when it was written (Unix seconds)"),
        Column("body", TEXT, "the record as JSON"),
    ),
)
USAGE = Table(
    "usage",
    "Every question that was asked (CODE_INDEX_USAGE), record by record.",
    (
        Column("segment", TEXT, "file below usage/"),
        Column("asked_at", TIME, "when it was answered (Unix seconds)"),
        Column("body", TEXT, "the record as JSON"),
    ),
)
BUILD = Table(
    "build",
    "The build of this catalogue: one row.",
    (
        Column("built_at", TIME, "when its sources were read (Unix seconds)"),
        Column("freshness_hours", TIME, "service level: the age up to which a publication is fresh"),
    ),
)

_INDENT = Column(
    "indent",
    pl.Int32(),
    "deepest indentation of a line below that of the first, in columns (a tab is 4)",
    nullable=True,
)
_CHUNKS = Table("chunks", CHUNKS.description, (PARTITION, *(c for c in CHUNKS.columns if c.name != "text"), _INDENT))

ALL: tuple[RawTable, ...] = (
    RawTable(REPOSITORIES, ("repository", "search_index")),
    RawTable(OBSERVATIONS, ("repository",)),
    _of(FILES, "file_hashes"),
    _of(FINDINGS, "file_hashes", without=("start", "end")),
    RawTable(_CHUNKS, ("chunks",), "chunks"),
    _of(SYMBOLS, "chunks"),
    _of(IMPORTS, "chunks"),
    _of(REFERENCES, "chunks", "references_"),
    _of(DIAGNOSTICS, "chunks"),
    RawTable(EMBEDDINGS, ("embeddings",), "embeddings"),
    RawTable(CODE_OWNERS, ("chunks",)),
    RawTable(CHURN, ("repository",)),
    RawTable(CHURN_WINDOWS, ("repository",)),
    RawTable(EDGES, ("chunks",)),
    RawTable(EDGE_COVERAGE, ("chunks",)),
    RawTable(LOG_RECORDS, ("index_quality", "search_index")),
    RawTable(USAGE, ()),
    RawTable(BUILD, ()),
)
RAW: dict[str, RawTable] = {raw.key: raw for raw in ALL}

_TYPES: dict[pl.DataType, str] = {
    pl.String(): "VARCHAR", pl.Int64(): "BIGINT", pl.Int32(): "INTEGER", pl.Int16(): "SMALLINT",
    pl.Float64(): "DOUBLE", pl.Boolean(): "BOOLEAN", pl.List(pl.String): "VARCHAR[]", pl.List(pl.Int32): "INTEGER[]",
}  # fmt: skip


# Columns computed from those of the artifact while they are loaded.
DERIVED: dict[tuple[str, str], str] = {
    ("raw.chunks", "indent"): (
        "CAST(list_max(list_transform(regexp_extract_all(p.text, '\\n[\\t ]+[^\\s]'), "
        "lambda line: length(replace(line, chr(9), '    ')))) - 2 "
        "- length(replace(regexp_extract(p.text, '^[\\t ]*'), chr(9), '    ')) AS INTEGER)"
    ),
}


def duckdb_type(dtype: pl.DataType) -> str:
    """DuckDB's name of a column's type."""
    return next(name for known, name in _TYPES.items() if known == dtype)


RAW_TYPES: dict[str, dict[str, str]] = {
    key: {column.name: duckdb_type(column.dtype) for column in raw.table.columns} for key, raw in RAW.items()
}
