"""The catalogue: what is published, and what every run did, as one DuckDB file.

What lives here: building the next catalogue beside the live one and swapping it in. What does not: reading it
(`query.py`).

DuckDB lets one process write a file or many read it, never both: so nobody ever writes the live file. It is written
in DuckDB 1.5's format, which 1.5 and 2 both read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..index.manifest import PublicationStore, Receipt
from ..layout import Layout
from ..progress import Stages
from ..run_log import RunLog
from ..sources.snapshot import Snapshot
from ..tables import CHUNKS, FILES, IMPORTS, REFERENCES, SYMBOLS, Table

CATALOG_VERSION = "1"
STORAGE_VERSION = "v1.5.0"
_CHUNKS_WITHOUT_TEXT = Table("chunks", CHUNKS.description, tuple(c for c in CHUNKS.columns if c.name != "text"))
_REPOSITORIES = {
    "partition": "partition key: the repository's name, with @ref for further refs",
    "repository": "name in the registry",
    "ref": "branch, tag or commit that was asked for",
    "default_ref": "whether searches without a ref ask this one",
    "kind": "git, worktree or folder",
    "location": "where it came from, without credentials",
    "commit": "published commit, or folder digest",
    "label": "the same as people see it: <commit>+dirty for uncommitted work",
    "committed_at": "time of the commit",
    "observed_at": "when the ref was last seen at this commit",
    "published_at": "when it became searchable",
    "space": "embedding space of the publication",
    "subject": "digest of what was checked and published",
    "files": "files of the commit",
    "kept": "files indexed",
    "chunks": "chunks published",
    "points": "vectors published",
    "run_id": "run that published it",
}


@dataclass(frozen=True)
class CatalogResult:
    """A finished build."""

    path: Path
    rows: dict[str, int]


def build_catalog(layout: Layout, stages: Stages) -> CatalogResult:
    """Builds the catalogue from the current publications and the run log, and swaps it in."""
    receipts = _published(layout)
    with layout.lock("catalog", timeout=600), layout.temporary("catalog") as folder:
        target = folder / "catalog.duckdb"
        with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as connection:
            connection.execute(f"ATTACH '{_quoted(target)}' AS next (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("USE next")
            builder = _Builder(connection, layout, receipts, stages)
            builder.run()
            connection.execute("USE memory")
            connection.execute("CHECKPOINT next")
            connection.execute("DETACH next")
        target.replace(layout.catalog)
    return CatalogResult(layout.catalog, builder.rows)


def _published(layout: Layout) -> list[tuple[str, Receipt]]:
    base = layout.root / "index"
    spaces = sorted(path.name for path in base.iterdir() if path.is_dir()) if base.is_dir() else []
    found = []
    for space in spaces:
        manifest = PublicationStore(layout, space).current()
        found += [(space, receipt) for _, receipt in sorted(manifest.receipts.items())] if manifest else []
    return found


@dataclass
class _Builder:
    connection: duckdb.DuckDBPyConnection
    layout: Layout
    receipts: list[tuple[str, Receipt]]
    stages: Stages

    def __post_init__(self) -> None:
        self.rows: dict[str, int] = {}

    def run(self) -> None:
        self._repositories()
        self._artifact_table("files", "file_hashes", "files", FILES)
        self._artifact_table("chunks", "chunks", "chunks", _CHUNKS_WITHOUT_TEXT)
        self._artifact_table("symbols", "chunks", "symbols", SYMBOLS)
        self._artifact_table("imports", "chunks", "imports", IMPORTS)
        self._artifact_table("references_", "chunks", "references", REFERENCES)
        self._embeddings()
        self._log()

    def _repositories(self) -> None:
        rows = []
        for space, receipt in self.receipts:
            snapshot = self._snapshot(receipt)
            rows.append(
                {
                    "partition": receipt.key,
                    "repository": receipt.repository,
                    "ref": receipt.ref,
                    "default_ref": receipt.default_ref,
                    "kind": snapshot.kind if snapshot else None,
                    "location": snapshot.location if snapshot else None,
                    "commit": receipt.commit,
                    "label": receipt.label,
                    "committed_at": snapshot.committed_at if snapshot else None,
                    "observed_at": receipt.observed_at,
                    "published_at": receipt.published_at,
                    "space": space,
                    "subject": receipt.subject,
                    "files": receipt.coverage.get("files"),
                    "kept": receipt.coverage.get("kept"),
                    "chunks": receipt.coverage.get("chunks"),
                    "points": receipt.points,
                    "run_id": receipt.run_id,
                }
            )
        schema = {
            name: pl.Boolean if name == "default_ref" else pl.Float64 if name.endswith("_at")
            else pl.Int64 if name in ("files", "kept", "chunks", "points") else pl.String
            for name in _REPOSITORIES
        }  # fmt: skip
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        self._create("repositories", frame, "Every published repository and ref.", _REPOSITORIES)

    def _snapshot(self, receipt: Receipt) -> Snapshot | None:
        files = self.layout.artifact_home("file_hashes", receipt.key) / receipt.artifacts["file_hashes"]
        try:
            parent = json.loads((files / "manifest.json").read_bytes())["inputs"]["repository"]
            home = self.layout.artifact_home("repository", receipt.key) / parent
            return Snapshot.from_json(json.loads((home / "manifest.json").read_bytes())["info"]["snapshot"])
        except (OSError, KeyError, ValueError):
            return None

    def _parts(self, kind: str, table: str, *, space: bool = False) -> list[tuple[str, str, str]]:
        """(file, partition, space) of every part of a table in the published artifacts."""
        found = {}
        for name, receipt in self.receipts:
            home = self.layout.artifact_home(kind, receipt.key, name if space else None)
            folder = home / receipt.artifacts[kind]
            for path in sorted(folder.glob(f"{table}-[0-9][0-9][0-9].parquet")):
                found[str(path)] = (str(path), receipt.key, name)
        return list(found.values())

    def _artifact_table(self, name: str, kind: str, table: str, schema: Table) -> None:
        with self.stages.stage(f"table {name}", unit="rows") as ticker:
            parts = self._parts(kind, table)
            columns = ", ".join(f'"{column.name}"' for column in schema.columns if column.name != "path_raw")
            if parts:
                self._from_parts(name, parts, columns, "")
            else:
                empty = schema.empty()
                frame = empty.drop([c for c in ("path_raw",) if c in empty.columns])
                self._table(name, frame.insert_column(0, pl.Series("partition", [], dtype=pl.String)))
            comments = {"partition": "partition key", **{c.name: c.description for c in schema.columns}}
            self._describe(name, schema.description, comments)
            ticker.advance(self.rows[name])

    def _embeddings(self) -> None:
        with self.stages.stage("table embeddings", unit="rows") as ticker:
            parts = self._parts("embeddings", "embeddings", space=True)
            if parts:
                self._from_parts("embeddings", parts, "chunk_id, part, vector_key", "space, ")
            else:
                texts = dict.fromkeys(("partition", "space", "chunk_id"), pl.String)
                self._table("embeddings", pl.DataFrame(schema={**texts, "part": pl.Int16, "vector_key": pl.String}))
            self._describe("embeddings", "Which vector each chunk has; the vectors are in the artifacts.", {})
            ticker.advance(self.rows["embeddings"])

    def _from_parts(self, name: str, parts: list[tuple[str, str, str]], columns: str, extra: str) -> None:
        sources = pl.DataFrame(parts, schema=["filename", "partition", "space"], orient="row")
        self.connection.register("sources", sources)
        files = ", ".join(f"'{_quoted(Path(path))}'" for path, _, _ in parts)
        self.connection.execute(
            f'CREATE TABLE "{name}" AS SELECT "partition", {extra}{columns} '  # noqa: S608 - names are ours
            f"FROM read_parquet([{files}], filename = true, union_by_name = true) JOIN sources USING (filename)"
        )
        self.connection.unregister("sources")
        self._count(name)

    def _log(self) -> None:
        log = RunLog(self.layout)
        with self.stages.stage("run log", unit="records") as ticker:
            steps = [
                (r["run_id"], r["partition"], r["asset"], r["outcome"], r["at"], r["seconds"], r.get("commit"),
                 r.get("fingerprint"), r.get("error"), json.dumps(r.get("info", {})))
                for r in log.read("step")
            ]  # fmt: skip
            self._rows("run_steps", "What each step of each run did.", steps,
                       "run_id partition asset outcome ended_at:f seconds:f commit fingerprint error info")  # fmt: skip
            self.connection.execute(
                "CREATE TABLE runs AS SELECT run_id, min(ended_at - seconds) AS started_at, max(ended_at) AS ended_at, "
                "count(DISTINCT partition) AS partitions, count(*) AS steps, "
                "count(*) FILTER (outcome = 'failed') AS failed_steps, sum(seconds) AS seconds "
                "FROM run_steps GROUP BY run_id"
            )
            self._describe("runs", "Every run.", {})
            stages = [
                (r["run_id"], r["partition"], r["asset"], r["stage"], r["started_at"], r["seconds"], r.get("items"),
                 r.get("unit"), json.dumps(r.get("info", {})))
                for r in log.read("stage")
            ]  # fmt: skip
            self._rows("run_stages", "Where the time of each run went.", stages,
                       "run_id partition asset stage started_at:f seconds:f items:i unit info")  # fmt: skip
            checks = [
                (r["run_id"], r["partition"], r["space"], r["subject"], r["suite"], r["commit"], r["check"],
                 r["severity"], r["passed"], json.dumps(r.get("observed", {})), r["at"])
                for r in log.read("check")
            ]  # fmt: skip
            self._rows("checks", "Results of every expectation of every verdict.", checks,
                       "run_id partition space subject suite commit check severity passed:b observed judged_at:f")  # fmt: skip
            self.connection.execute(
                "CREATE TABLE publications AS SELECT run_id, partition, ended_at AS published_at, commit, outcome, "
                "CAST(json_extract(info, '$.points') AS BIGINT) AS points, "
                "CAST(json_extract(info, '$.written') AS BIGINT) AS written, "
                "CAST(json_extract(info, '$.removed') AS BIGINT) AS removed, "
                "json_extract_string(info, '$.subject') AS subject, json_extract_string(info, '$.space') AS space "
                "FROM run_steps WHERE asset = 'search_index' AND outcome IN ('built', 'reused')"
            )
            self._describe("publications", "Every publication, newest last.", {})
            ticker.advance(len(steps) + len(stages) + len(checks))

    def _rows(self, name: str, description: str, rows: list[tuple[Any, ...]], columns: str) -> None:
        kinds = {"f": pl.Float64, "i": pl.Int64, "b": pl.Boolean}
        schema = {
            column.partition(":")[0]: kinds.get(column.partition(":")[2], pl.String) for column in columns.split()
        }
        self._create(name, pl.DataFrame(rows, schema=schema, orient="row"), description, {})

    def _create(self, name: str, frame: pl.DataFrame, description: str, comments: dict[str, str]) -> None:
        self._table(name, frame)
        self._describe(name, description, comments)

    def _table(self, name: str, frame: pl.DataFrame) -> None:
        self.connection.register("frame", frame)
        self.connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM frame')  # noqa: S608 - names are ours
        self.connection.unregister("frame")
        self._count(name)

    def _count(self, name: str) -> None:
        row = self.connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608
        self.rows[name] = int(row[0]) if row else 0

    def _describe(self, name: str, description: str, comments: dict[str, str]) -> None:
        self.connection.execute(f"COMMENT ON TABLE \"{name}\" IS '{description.replace(chr(39), chr(39) * 2)}'")
        present = {row[0] for row in self.connection.execute(f'DESCRIBE "{name}"').fetchall()}
        for column, text in comments.items():
            if column in present:
                quoted = text.replace("'", "''")
                self.connection.execute(f'COMMENT ON COLUMN "{name}"."{column}" IS \'{quoted}\'')


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
