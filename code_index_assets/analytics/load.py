"""Filling the `raw` tables from published artifacts, observations, git history and the run log.

What lives here: what each source should hold now, and replacing just the partitions that differ from what the
catalogue copied from the last one holds. What does not: the tables' declaration (`sources.py`), models.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..errors import CorruptArtifactError
from ..index.manifest import Receipt
from ..index.published import PublishedIndex
from ..index.reader import SnapshotGoneError
from ..progress import Stages
from ..records import usage
from ..records.observations import last_observation
from ..settings import Settings
from ..sources.snapshot import Snapshot
from ..storage.artifacts import ArtifactStore
from ..storage.fingerprint import digest
from ..storage.layout import Layout, segment_key
from .audit import literal
from .edges import KIND as EDGES_KIND
from .edges import edges_fingerprint, expected_seconds, make_edges
from .history import git_folder, history_fingerprint, history_folder, make_history
from .owners import PLACES, owned, parse_owners
from .sources import ALL, DERIVED, RAW, RAW_TYPES, RawTable

# History is read in the build itself, at most for so long: what is not reached is `pending` and the next build's.
HISTORY_SECONDS = 60.0
# Edges that are expected to take longer together are made after the catalogue is published, and it is built once more.
EDGES_SECONDS = 1.0
_LONGEST_RECORD = 8 << 20


@dataclass(frozen=True)
class Change:
    """What differs from the last catalogue in a table: everything, some partitions, or nothing."""

    everything: bool = False
    partitions: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or bool(self.partitions)

    def __or__(self, other: Change) -> Change:
        return Change(self.everything or other.everything, self.partitions | other.partitions)


@dataclass(frozen=True)
class Published:
    """The receipts of all spaces, and for each partition the newest one."""

    receipts: tuple[tuple[str, Receipt], ...]
    newest: dict[str, Receipt] = field(init=False)

    def __post_init__(self) -> None:
        newest: dict[str, Receipt] = {}
        for _, receipt in self.receipts:
            known = newest.get(receipt.key)
            if known is None or known.published_at < receipt.published_at:
                newest[receipt.key] = receipt
        object.__setattr__(self, "newest", newest)


def receipts_of_all_spaces(layout: Layout) -> Published:
    """What CURRENT names in every space, in the order of their names."""
    manifests = sorted(PublishedIndex(layout).publications(), key=lambda manifest: manifest.space)
    return Published(tuple((m.space, receipt) for m in manifests for _, receipt in sorted(m.receipts.items())))


def wanted_fingerprints(layout: Layout, current: Published) -> dict[str, dict[str, str]]:
    """Source → partition → fingerprint of what it should hold (partitioned tables but for the history)."""
    fingerprints: dict[str, dict[str, str]] = {raw.key: {} for raw in ALL if raw.partitioned}
    by_key: dict[str, list[tuple[str, Receipt]]] = {}
    for space, receipt in current.receipts:
        by_key.setdefault(receipt.key, []).append((space, receipt))
    for key, receipts in by_key.items():
        newest = current.newest[key]
        for raw in ALL:
            if raw.kind in ("file_hashes", "chunks"):
                fingerprints[raw.key][key] = newest.artifacts[raw.kind]
        fingerprints["raw.code_owners"][key] = newest.artifacts["chunks"]
        fingerprints["raw.embeddings"][key] = digest(*(f"{space}:{r.artifacts['embeddings']}" for space, r in receipts))
        fingerprints["raw.repositories"][key] = digest(
            *(f"{space}:{r.subject}:{r.published_at}:{r.observed_at}:{r.run_id}" for space, r in receipts)
        )
    for home in layout.keys("repository"):
        seen = (home / "OBSERVED").read_bytes() if (home / "OBSERVED").exists() else b""
        if seen:
            fingerprints["raw.observations"][home.name] = digest(seen)
    return fingerprints


class Loader:
    """Brings the `raw` tables of one catalogue file (attached and in use) up to date."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, layout: Layout, settings: Settings, stages: Stages
    ) -> None:
        self.connection, self.layout, self.settings, self.stages = connection, layout, settings, stages
        self.current = receipts_of_all_spaces(layout)
        self.changes: dict[str, Change] = {}

    def run(self, *, fresh: bool) -> dict[str, Change]:
        """Loads what changed; returns the change of every raw table."""
        fingerprints = wanted_fingerprints(self.layout, self.current)
        if fresh:
            for raw in ALL:
                columns = ", ".join(f'"{name}" {kind}' for name, kind in RAW_TYPES[raw.key].items())
                self.connection.execute(f"CREATE TABLE {raw.key} ({columns})")
        have = self._loaded()
        fingerprints["raw.churn"] = fingerprints["raw.churn_windows"] = self._history(have.get("raw.churn_windows", {}))
        fingerprints["raw.edges"] = fingerprints["raw.edge_coverage"] = self._edges(have.get("raw.edge_coverage", {}))
        for raw in ALL:
            if not raw.partitioned:
                continue
            before, after = have.get(raw.key, {}), fingerprints[raw.key]
            added = [key for key, name in after.items() if before.get(key) != name]
            gone = [key for key in before if key not in after or before[key] != after[key]]
            self._replace(raw, added, gone, after)
            # The folder of an observation is the key as a path segment; the rows hold the key itself.
            names = {self._key_of(raw, key) for key in (*added, *gone)}
            self.changes[raw.key] = Change(everything=fresh, partitions=frozenset(names))
        self.changes["raw.log_records"] = Change(everything=self._log(fresh))
        self.changes["raw.usage"] = Change(everything=self._usage(have, fresh))
        self._build_row()
        self.changes["raw.build"] = Change(everything=True)
        return self.changes

    def _loaded(self) -> dict[str, dict[str, str]]:
        loaded: dict[str, dict[str, str]] = {}
        for source, partition, name in self.connection.execute("SELECT * FROM meta.loaded").fetchall():
            loaded.setdefault(source, {})[partition] = name
        return loaded

    def _replace(self, raw: RawTable, added: list[str], gone: list[str], after: dict[str, str]) -> None:
        if not added and not gone:
            return
        with self.stages.stage(f"raw {raw.table.name}", unit="partitions") as ticker:
            if gone:
                keys = ", ".join(literal(self._key_of(raw, key)) for key in gone)
                self.connection.execute(f'DELETE FROM {raw.key} WHERE "partition" IN ({keys})')
                keys = ", ".join(map(literal, gone))
                self.connection.execute(
                    f"DELETE FROM meta.loaded WHERE source = '{raw.key}' AND \"partition\" IN ({keys})"
                )
            if added:
                if raw.key in ("raw.churn", "raw.churn_windows"):
                    self._churn(raw, added, after)
                elif raw.key in ("raw.edges", "raw.edge_coverage"):
                    self._edge_rows(raw, added, after)
                else:
                    after = after | self._insert_sound(raw, added)
                rows = pl.DataFrame(
                    {"source": [raw.key] * len(added), "partition": added, "fingerprint": [after[k] for k in added]}
                )
                self._append("meta.loaded", rows)
            ticker.advance(len(added))

    def _key_of(self, raw: RawTable, key: str) -> str:
        return segment_key(key) if raw.key == "raw.observations" else key

    def _insert_sound(self, raw: RawTable, keys: list[str]) -> dict[str, str]:
        """Inserts the rows of some partitions. One whose artifact is damaged is left out until it was made anew;
        returns what is noted of those in place of their fingerprint."""
        try:
            self._insert(raw, keys)
            return {}
        except (duckdb.Error, CorruptArtifactError):
            if raw.kind is None and raw.key != "raw.code_owners":
                raise
            damaged = [key for key in keys if not self._is_sound(raw.kind or "chunks", key)]
            if not damaged:
                raise
            for name in ("sources", "frame"):
                self.connection.unregister(name)
            if sound := [key for key in keys if key not in damaged]:
                self._insert(raw, sound)
            return {key: f"damaged-{time.time()}" for key in damaged}

    def _is_sound(self, kind: str, key: str) -> bool:
        spaces = [(space, receipt) for space, receipt in self.current.receipts if receipt.key == key]
        return all(
            self._whole(
                self.layout.artifact_home(kind, key, space if kind == "embeddings" else None) / receipt.artifacts[kind]
            )
            for space, receipt in spaces
        )

    def _insert(self, raw: RawTable, keys: list[str]) -> None:
        if raw.kind is not None:
            self._from_parquet(raw, list(self._parts(raw, keys)))
            return
        readers: dict[str, Callable[[list[str]], Iterator[dict[str, Any]]]] = {
            "raw.repositories": self._repositories,
            "raw.observations": self._observations,
            "raw.code_owners": self._code_owners,
        }
        frame = raw.table.frame(readers[raw.key](keys))
        self._append(raw.key, frame.select(raw.table.schema.keys()))

    def _append(self, table: str, frame: pl.DataFrame) -> None:
        self.connection.register("frame", frame.to_arrow())
        self.connection.execute(f"INSERT INTO {table} SELECT * FROM frame")
        self.connection.unregister("frame")

    # -- artifacts -----------------------------------------------------------------------------------------------

    def _parts(self, raw: RawTable, keys: list[str]) -> Iterator[tuple[str, str, str]]:
        """(file, partition, space) of every part of a table in the artifacts of these partitions."""
        chosen = set(keys)
        assert raw.kind is not None
        name = raw.table.name.removesuffix("_")
        if raw.kind == "embeddings":
            sources = [(space, receipt) for space, receipt in self.current.receipts if receipt.key in chosen]
        else:
            sources = [("", self.current.newest[key]) for key in keys]
        for space, receipt in sources:
            home = self.layout.artifact_home(raw.kind, receipt.key, space or None)
            for path in sorted((home / receipt.artifacts[raw.kind]).glob(f"{name}-[0-9][0-9][0-9].parquet")):
                yield str(path), receipt.key, space

    def _from_parquet(self, raw: RawTable, parts: list[tuple[str, str, str]]) -> None:
        if not parts:
            return
        added = ("partition", "space") if raw.kind == "embeddings" else ("partition",)
        columns = [column.name for column in raw.table.columns]
        chosen = ", ".join(
            f's."{name}"' if name in added else DERIVED.get((raw.key, name), f'p."{name}"') for name in columns
        )
        self.connection.register(
            "sources", pl.DataFrame(parts, schema=["filename", "partition", "space"], orient="row").to_arrow()
        )
        files = ", ".join(literal(path) for path, _, _ in parts)
        self.connection.execute(
            f"INSERT INTO {raw.key} SELECT {chosen} FROM read_parquet([{files}], filename = true) p "
            "JOIN sources s USING (filename)"
        )
        self.connection.unregister("sources")

    # -- small sources -------------------------------------------------------------------------------------------

    def _repositories(self, keys: list[str]) -> Iterator[dict[str, Any]]:
        chosen = set(keys)
        for space, receipt in self.current.receipts:
            if receipt.key not in chosen:
                continue
            snapshot = self._snapshot(receipt)
            coverage = receipt.coverage
            yield {
                "partition": receipt.key, "repository": receipt.repository, "ref": receipt.ref,
                "default_ref": receipt.default_ref, "kind": snapshot.kind if snapshot else None,
                "location": snapshot.location if snapshot else None, "commit": receipt.commit, "label": receipt.label,
                "committed_at": receipt.committed_at, "observed_at": receipt.observed_at,
                "published_at": receipt.published_at, "space": space,
                "latest": self.current.newest[receipt.key] is receipt, "subject": receipt.subject,
                "suite": receipt.suite, "files": coverage.get("files"), "kept": coverage.get("kept"),
                "lines": coverage.get("lines"), "chunks": coverage.get("chunks"), "points": receipt.points,
                "rolled_back": receipt.rolled_back, "run_id": receipt.run_id,
            }  # fmt: skip

    def _snapshot(self, receipt: Receipt) -> Snapshot | None:
        files = self.layout.artifact_home("file_hashes", receipt.key) / receipt.artifacts["file_hashes"]
        try:
            parent = json.loads((files / "manifest.json").read_bytes())["inputs"]["repository"]
            home = self.layout.artifact_home("repository", receipt.key) / parent
            return Snapshot.from_json(json.loads((home / "manifest.json").read_bytes())["info"]["snapshot"])
        except (OSError, KeyError, ValueError):
            return None

    def _observations(self, keys: list[str]) -> Iterator[dict[str, Any]]:
        for segment in keys:
            key = segment_key(segment)
            seen = last_observation(self.layout, key)
            if seen is not None:
                yield {"partition": key, "commit": seen.commit, "label": seen.label, "seen_at": seen.seen_at}

    def _code_owners(self, keys: list[str]) -> Iterator[dict[str, Any]]:
        """Matches the files of partitions that hold a CODEOWNERS against its rules, read from the kept chunks."""
        chosen = ", ".join(map(literal, keys))
        places = ", ".join(map(literal, PLACES))
        paths_of: dict[str, set[str]] = {}
        for key, path in self.connection.execute(
            f"SELECT \"partition\", path FROM raw.files WHERE path IN ({places}) AND status = 'kept' "
            f'AND "partition" IN ({chosen})'
        ).fetchall():
            paths_of.setdefault(key, set()).add(path)
        if not paths_of:
            return
        # The first place counts; all partitions are read in one go: one by one 2,000 took 8 s.
        owner_files = {key: next(place for place in PLACES if place in paths) for key, paths in paths_of.items()}
        parts = [(path, key) for path, key, _ in self._parts(RAW["raw.chunks"], list(owner_files))]
        self.connection.register(
            "sources", pl.DataFrame(parts, schema=["filename", "partition"], orient="row").to_arrow()
        )
        files = ", ".join(literal(path) for path, _ in parts)
        texts: dict[str, list[tuple[int, str]]] = {}
        for key, path, start, text in self.connection.execute(
            f'SELECT s."partition", p.path, p.start_line, p.text FROM read_parquet([{files}], filename = true) p '
            f"JOIN sources s USING (filename) WHERE p.path IN ({places}) ORDER BY p.ordinal"
        ).fetchall():
            if owner_files[key] == path:
                texts.setdefault(key, []).append((start, text))
        self.connection.unregister("sources")
        paths: dict[str, list[str]] = {}
        for key, path in (
            self.connection.execute(
                "SELECT \"partition\", path FROM raw.files WHERE status = 'kept' "
                f'AND "partition" IN ({", ".join(map(literal, texts))}) ORDER BY path'
            ).fetchall()
            if texts
            else []
        ):
            paths.setdefault(key, []).append(path)
        for key, chunks in texts.items():
            for path, rule in owned(parse_owners(_text_of(chunks)), paths[key]):
                yield {
                    "partition": key,
                    "path": path,
                    "owners": list(rule.owners),
                    "rule": rule.text,
                    "line": rule.line,
                }

    # -- history -------------------------------------------------------------------------------------------------

    def _history(self, known: dict[str, str]) -> dict[str, str]:
        """Fingerprints of the churn of every partition; makes missing ones while there is time.

        `known` is what the last catalogue holds: a folder without git is not looked at again for the same commit.
        """
        depth = self.settings.history_commits
        newest: dict[str, str] = {}
        if depth == 0:
            return newest
        deadline = time.monotonic() + HISTORY_SECONDS
        with self.stages.stage("git history", unit="repositories") as ticker:
            for key, receipt in self.current.newest.items():
                name = history_fingerprint(receipt.commit, depth)
                newest[key] = name
                if known.get(key) in (name, f"none-{name}"):
                    newest[key] = known[key]
                elif not self._history_made(key):
                    if time.monotonic() > deadline:
                        newest[key] = f"pending-{name}"
                        continue
                    snapshot = self._snapshot(receipt)
                    kind, location = (snapshot.kind, snapshot.location) if snapshot else (None, None)
                    folder = git_folder(self.layout, receipt.repository, kind, location)
                    if folder is None:
                        newest[key] = f"none-{name}"
                        continue
                    make_history(self.layout, key, receipt.commit, depth, folder)
                    ticker.advance()
        return newest

    def _history_made(self, key: str) -> bool:
        return self._whole(self._history_folder(key))

    def _whole(self, folder: Path) -> bool:
        return folder.is_dir() and ArtifactStore(self.layout).whole(folder) is not None

    def _history_folder(self, key: str) -> Path:
        commit = self.current.newest[key].commit
        return history_folder(self.layout, key, commit, self.settings.history_commits)

    def _churn(self, raw: RawTable, keys: list[str], names: dict[str, str]) -> None:
        """Fills `churn` or `churn_windows`; a partition without an artifact still has a window, which says why."""
        made = [key for key in keys if self._history_made(key)]
        file = f"{raw.table.name}-000.parquet"
        self._from_parquet(raw, [(str(self._history_folder(key) / file), key, "") for key in made])
        if raw.key == "raw.churn_windows":
            rows = [
                {
                    "partition": key,
                    "commit": self.current.newest[key].commit,
                    "state": names[key].partition("-")[0],
                    "commits": 0,
                    "since": None,
                }
                for key in keys
                if key not in set(made)
            ]
            self._append(raw.key, raw.table.frame(rows))

    # -- edges -------------------------------------------------------------------------------------------------

    def _edges(self, known: dict[str, str]) -> dict[str, str]:
        """Fingerprints of the edges of every partition; makes those that take a moment, the others are pending."""
        names: dict[str, str] = {}
        left = EDGES_SECONDS
        with self.stages.stage("edges", unit="repositories") as ticker:
            for key, receipt in self.current.newest.items():
                name = names[key] = edges_fingerprint(self.layout, receipt, self.settings.edges_seconds)
                if known.get(key) == name or self._whole(self._edges_folder(key)):
                    continue
                try:
                    left -= expected_seconds(self.layout, receipt) if self.settings.edges_seconds else 0.0
                    if left < 0:
                        names[key] = f"pending-{name}"
                        continue
                    make_edges(self.layout, receipt, self.settings.edges_seconds)
                except (CorruptArtifactError, SnapshotGoneError):
                    names[key] = f"pending-{name}"
                    continue
                ticker.advance()
        return names

    def _edges_folder(self, key: str) -> Path:
        name = edges_fingerprint(self.layout, self.current.newest[key], self.settings.edges_seconds)
        return self.layout.artifact_home(EDGES_KIND, key) / name

    def _edge_rows(self, raw: RawTable, keys: list[str], names: dict[str, str]) -> None:
        """Fills `edges` or `edge_coverage`; a partition whose edges are not made yet is `pending`."""
        made = [key for key in keys if not names[key].startswith("pending-")]
        file = f"{raw.table.name}-000.parquet"
        self._from_parquet(raw, [(str(self._edges_folder(key) / file), key, "") for key in made])
        if raw.key == "raw.edge_coverage":
            nothing = {
                "files": 0,
                "files_without": 0,
                "edges": 0,
                "seconds": 0.0,
                "scip_edges": 0,
                "scip_recall": None,
                "scip_precision": None,
            }
            rows = [{"partition": key, "state": "pending", **nothing} for key in keys if key not in set(made)]
            self._append(raw.key, raw.table.frame(rows))

    # -- run log -------------------------------------------------------------------------------------------------

    def _log(self, fresh: bool) -> bool:
        """Loads the run-log files that are new or have grown; returns whether there were any."""
        root = self.layout.run_log
        sizes = {path.relative_to(root).as_posix(): path.stat().st_size for path in sorted(root.glob("*/*.jsonl"))}
        have = dict(self.connection.execute("SELECT path, size FROM meta.log_files").fetchall())
        changed = [path for path, size in sizes.items() if have.get(path) != size]
        stale = [path for path in have if sizes.get(path) != have[path]]
        if not changed and not stale:
            return fresh
        with self.stages.stage("raw log_records", unit="files") as ticker:
            if stale:
                names = ", ".join(map(literal, stale))
                self.connection.execute(f"DELETE FROM raw.log_records WHERE log_file IN ({names})")
                self.connection.execute(f"DELETE FROM meta.log_files WHERE path IN ({names})")
            if changed:
                files = ", ".join(literal(str(root / path)) for path in changed)
                # One line a row, without a parser that would stop at the torn last line of a killed process.
                self.connection.execute(
                    f"INSERT INTO raw.log_records SELECT substr(filename, {len(str(root)) + 2}), "
                    "line ->> '$.record', line ->> '$.run_id', TRY_CAST(line ->> '$.at' AS DOUBLE), line "
                    f"FROM read_csv([{files}], columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', "
                    f"escape = '', header = false, auto_detect = false, filename = true, "
                    f"max_line_size = {_LONGEST_RECORD}) "
                    "WHERE json_valid(line)"
                )
                frame = pl.DataFrame({"path": changed, "size": [sizes[path] for path in changed]})
                self._append("meta.log_files", frame)
            ticker.advance(len(changed))
        return True

    # -- usage -----------------------------------------------------------------------------------------------------

    def _usage(self, have: dict[str, dict[str, str]], fresh: bool) -> bool:
        """Loads the records of questions anew where a segment is new, has grown, or is gone."""
        root = self.layout.root / usage.FOLDER
        sizes = {path.name: path.stat().st_size for path in sorted(root.glob("*.jsonl"))}
        state = digest(*(f"{name}:{size}" for name, size in sizes.items()))
        if not fresh and have.get("raw.usage", {}).get("") == state:
            return False
        self.connection.execute("DELETE FROM raw.usage")
        self.connection.execute("DELETE FROM meta.loaded WHERE source = 'raw.usage'")
        if sizes:
            files = ", ".join(literal(str(root / name)) for name in sizes)
            self.connection.execute(
                f"INSERT INTO raw.usage SELECT substr(filename, {len(str(root)) + 2}), "
                "TRY_CAST(line ->> '$.at' AS DOUBLE), line "
                f"FROM read_csv([{files}], columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', "
                "escape = '', header = false, auto_detect = false, filename = true) WHERE json_valid(line)"
            )
        self.connection.execute("INSERT INTO meta.loaded VALUES ('raw.usage', '', ?)", [state])
        return True

    def _build_row(self) -> None:
        self.connection.execute("DELETE FROM raw.build")
        self.connection.execute("INSERT INTO raw.build VALUES (?, ?)", [time.time(), self.settings.freshness_hours])


def _text_of(chunks: list[tuple[int, str]]) -> str:
    """The text of a file from (first line, text) of its chunks, each line on its number (blank lines may be lost)."""
    lines: dict[int, str] = {}
    for start, text in chunks:
        for offset, line in enumerate(text.split("\n")):
            lines.setdefault(start + offset, line)
    return "\n".join(lines.get(number, "") for number in range(1, max(lines, default=0) + 1))
