"""The catalogue: write, audit, publish.

What lives here: building the next catalogue beside the live one (a full build, or a copy in which only what changed is
made anew), testing it, and swapping it in. What does not: reading it (`query.py`), what the models are (`model.py`).

DuckDB lets one process write a file or many read it, never both: so no process ever writes the live file. It is written
in DuckDB 1.5's format, which 1.5 and 2 both read.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ..progress import Stages
from ..settings import Settings
from ..storage.fingerprint import fingerprint
from ..storage.layout import Layout, require_space, write_atomically
from .audit import AuditFailedError, Scope, TestResult, literal, run_test
from .edge_figures import EdgeFigures, edge_figures
from .edges import make_pending_edges
from .graph import check_models, column_types, in_order, parents
from .lag import published_state, record_state
from .load import Change, Loader, receipts_of_all_spaces, wanted_fingerprints
from .model import Model, ModelSet, load_models, refuse
from .sources import ALL

CATALOG_VERSION = "2"
STORAGE_VERSION = "v1.5.0"
# Deleted rows leave holes in the file: from time to time, and where much changed, it is written anew.
FULL_EVERY = 30
FULL_ABOVE_SHARE = 0.25
MEMORY = "1200MB"
EDGE_MODELS = frozenset({"staging.stg_edges", "staging.stg_edge_coverage"})
_META = {
    "build": "version VARCHAR, built_at DOUBLE, full_built_at DOUBLE, partial_builds BIGINT, inputs VARCHAR",
    "loaded": 'source VARCHAR, "partition" VARCHAR, fingerprint VARCHAR',
    "log_files": "path VARCHAR, size BIGINT",
    "models": "model VARCHAR, version VARCHAR, materialized VARCHAR, exposed_as VARCHAR, rows BIGINT, seconds DOUBLE, "
    "built_at DOUBLE",
    "tests": "model VARCHAR, test VARCHAR, severity VARCHAR, failures BIGINT, sample VARCHAR, seconds DOUBLE, "
    "checked_at DOUBLE",
}


@dataclass(frozen=True)
class ModelResult:
    """What a build did with a model: built, partly (some partitions), or kept from the last catalogue."""

    model: Model
    outcome: str
    rows: int
    seconds: float
    types: dict[str, str]
    preview: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class CatalogResult:
    """A finished and published build."""

    path: Path
    full: bool
    models: dict[str, ModelResult]
    tests: list[TestResult]
    rows: dict[str, int]
    edges: EdgeFigures | None = None  # where a preview was asked for


def build_catalog(
    layout: Layout,
    settings: Settings,
    stages: Stages,
    *,
    only: Collection[str] | None = None,
    full: bool = False,
    models: ModelSet | None = None,
    preview: bool = False,
    all_edges: bool = True,
) -> CatalogResult:
    """Builds the next catalogue and publishes it.

    `only` names models (`schema.name`) to build again from the sources as the live catalogue holds them; without it
    the sources are read and every model that depends on a change is built. `full` copies nothing from the last one.
    Without `all_edges`, those of large repositories stay pending.

    Raises ConfigurationError (every problem of the models, with file and line), AuditFailedError (a test of error
    severity failed); the live catalogue stays then.
    """
    model_set = load_models(settings.sql_models) if models is None else models
    with stages.stage("check models", unit="models") as ticker:
        _check(layout, model_set)
        ticker.advance(len(model_set.models))
    try:
        result = _build(layout, settings, stages, model_set, only=only, full=full, preview=preview)
    except duckdb.Error:
        if full or only is not None or not layout.catalog.exists():
            raise
        # Most likely a block of the last catalogue, which was copied, is damaged: nothing is taken from it.
        result = _build(layout, settings, stages, model_set, only=None, full=True, preview=preview)
    # All else is published without waiting for the edges of large repositories, and again after a while of them.
    while (
        all_edges
        and only is None
        and make_pending_edges(layout, settings, stages, receipts_of_all_spaces(layout).newest)
    ):
        result = _build(layout, settings, stages, model_set, only=None, full=False, preview=preview)
    return result


def _build(
    layout: Layout,
    settings: Settings,
    stages: Stages,
    model_set: ModelSet,
    *,
    only: Collection[str] | None,
    full: bool,
    preview: bool,
) -> CatalogResult:
    with layout.lock("catalog", timeout=settings.lock_timeout_seconds), layout.temporary("catalog") as folder:
        target = folder / "catalog.duckdb"
        base = None if full else _base(layout, published_share=only is None)
        if base is not None:
            require_space(folder, 2 * layout.catalog.stat().st_size, "building the catalogue")
            with stages.stage("copy the last catalogue", unit="bytes") as ticker:
                shutil.copyfile(layout.catalog, target)
                ticker.advance(target.stat().st_size)
        state = published_state(layout)
        with _open_next(target, folder) as connection:
            build = _Build(connection, layout, settings, stages, model_set.models, preview)
            result = build.run(fresh=base is None, only=frozenset(only) if only and base else None)
        with stages.stage("publish", unit="bytes") as ticker:
            _sync(target)
            ticker.advance(target.stat().st_size)
            target.replace(layout.catalog)
            if only is None:
                record_state(layout, state)
    return result


def _check(layout: Layout, model_set: ModelSet) -> None:
    """Raises ConfigurationError if anything is wrong with the models. Those found right are remembered: binding them
    costs 0.8 s of CPU, a sixth of an index run that finds nothing to do."""
    passed = fingerprint({"models": repr(model_set), "catalogue": _version(), "duckdb": duckdb.__version__})
    memory = layout.root / "catalog.checked"
    if not memory.exists() or memory.read_bytes() != passed.encode():
        refuse(check_models(model_set))
        write_atomically(memory, passed.encode())


def catalog_is_stale(layout: Layout) -> bool:
    """Whether a publication (or roll-back, or removal) is not in the catalogue yet, or there is no catalogue.

    Cheap: pointers and one small row. The run log and observations alone do not make it stale.
    """
    row = _build_row(layout)
    return row is None or row["inputs"] != _inputs(layout)


def _inputs(layout: Layout) -> str:
    """Fingerprint of what every space publishes."""
    current = receipts_of_all_spaces(layout)
    return fingerprint({f"{space}/{r.key}": [r.subject, r.published_at, r.commit] for space, r in current.receipts})


def _build_row(layout: Layout) -> dict[str, Any] | None:
    """The build row of the live catalogue; None if there is none that this version can go on from."""
    if not layout.catalog.exists():
        return None
    try:
        with duckdb.connect(str(layout.catalog), read_only=True) as connection:
            result = connection.execute("SELECT * FROM meta.build")
            names = [column[0] for column in result.description or []]
            row = result.fetchone()
    except duckdb.Error:
        return None
    recorded = dict(zip(names, row, strict=True)) if row else None
    return recorded if recorded and recorded["version"] == _version() else None


def _version() -> str:
    from .sources import RAW_TYPES

    return f"{CATALOG_VERSION}-{fingerprint({'raw': RAW_TYPES, 'meta': _META})[:12]}"


def _base(layout: Layout, *, published_share: bool) -> Path | None:
    """The last catalogue, if the next one is best made from a copy of it."""
    row = _build_row(layout)
    if row is None:
        return None
    if not published_share:
        return layout.catalog
    if row["partial_builds"] >= FULL_EVERY:
        return None
    with duckdb.connect(str(layout.catalog), read_only=True) as connection:
        have = dict(
            connection.execute(
                "SELECT \"partition\", fingerprint FROM meta.loaded WHERE source = 'raw.chunks'"
            ).fetchall()
        )
    fingerprints = wanted_fingerprints(layout, receipts_of_all_spaces(layout))["raw.chunks"]
    changed = sum(have.get(key) != name for key, name in fingerprints.items()) + sum(
        key not in fingerprints for key in have
    )
    # A few repositories are quickly read whole: below this it is the share that counts.
    return None if changed > 1 and changed > FULL_ABOVE_SHARE * max(len(fingerprints), 1) else layout.catalog


@contextmanager
def _open_next(target: Path, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": MEMORY,
        "preserve_insertion_order": "false",
        "temp_directory": str(folder / "spill"),
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"ATTACH {literal(target)} AS next (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("USE next")
        yield connection
        connection.execute("USE memory")
        connection.execute("CHECKPOINT next")
        connection.execute("DETACH next")


class _Build:
    """One build in the attached file."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        layout: Layout,
        settings: Settings,
        stages: Stages,
        models: Mapping[str, Model],
        preview: bool,
    ) -> None:
        self.connection, self.layout, self.settings, self.stages = connection, layout, settings, stages
        self.models, self.preview = models, preview
        self.changes: dict[str, Change] = {}
        self.results: dict[str, ModelResult] = {}
        self.tests: list[TestResult] = []

    def run(self, *, fresh: bool, only: frozenset[str] | None) -> CatalogResult:
        if fresh:
            self._prepare()
        inputs = _inputs(self.layout)
        if only is None:
            loader = Loader(self.connection, self.layout, self.settings, self.stages)
            self.changes.update(loader.run(fresh=fresh))
        known = {row[0]: row for row in self.connection.execute("SELECT * FROM meta.models").fetchall()}
        self._drop_models(known)
        for model in in_order(self.models):
            self._model(model, known.get(model.key), forced=only is not None and model.key in only)
        self._audit()
        self._record(fresh, inputs if only is None else None)
        rows = {key: result.rows for key, result in self.results.items()}
        for raw in ALL:
            rows[raw.key] = self._count(raw.key)
        edges = edge_figures(self.connection) if self.preview and self.results.keys() >= EDGE_MODELS else None
        return CatalogResult(self.layout.catalog, fresh, self.results, self.tests, rows, edges)

    def _prepare(self) -> None:
        self.connection.execute("CREATE SCHEMA raw")
        self.connection.execute("CREATE SCHEMA meta")
        for name, columns in _META.items():
            self.connection.execute(f"CREATE TABLE meta.{name} ({columns})")

    def _drop_models(self, known: dict[str, Any]) -> None:
        """Drops models that are gone or are kept otherwise now; views among them are made again in order."""
        for key, row in known.items():
            model = self.models.get(key)
            if model is None or model.version != row[1]:
                self.connection.execute(f"DROP {row[2].upper()} IF EXISTS {key}")
            if row[3] and (model is None or model.exposed_as != row[3]):
                self.connection.execute(f'DROP VIEW IF EXISTS main."{row[3]}"')

    def _model(self, model: Model, known: Any, *, forced: bool) -> None:
        change = Change()
        for parent in parents(model, self.models):
            change |= self.changes.get(parent, Change())
        if (
            known is None
            or known[1] != model.version
            or forced
            or (change and not change.everything and model.partitioned_by is None)
        ):
            change = Change(everything=True)
        self.changes[model.key] = change
        started = time.perf_counter()
        outcome = "kept"
        if change:
            with self.stages.stage(model.key, unit="rows"):
                outcome = self._make(model, change, known)
        rows = int(known[4]) if outcome == "kept" else self._count(model.key)
        types = column_types(self.connection, model)
        shown = self._sample(model) if self.preview else []
        self.results[model.key] = ModelResult(model, outcome, rows, time.perf_counter() - started, types, shown)

    def _make(self, model: Model, change: Change, known: Any) -> str:
        execute = self.connection.execute
        same = known is not None and known[1] == model.version
        if same and model.materialized == "view" and not change.everything:
            return "partly"
        if same and not change.everything:
            keys = ", ".join(map(literal, sorted(change.partitions)))
            where = f'"{model.partitioned_by}" IN ({keys})'
            execute(f"DELETE FROM {model.key} WHERE {where}")
            execute(f"INSERT INTO {model.key} SELECT * FROM ({model.sql}\n) WHERE {where}")
            return "partly"
        execute(f'CREATE SCHEMA IF NOT EXISTS "{model.schema}"')
        execute(f"CREATE OR REPLACE {model.materialized.upper()} {model.key} AS {model.sql}")
        self._comment(model.key, model)
        if model.exposed_as:
            execute(f'CREATE OR REPLACE VIEW main."{model.exposed_as}" AS SELECT * FROM {model.key}')
            self._comment(f'main."{model.exposed_as}"', model, "VIEW")
        return "built"

    def _comment(self, name: str, model: Model, kind: str = "") -> None:
        kind = kind or model.materialized.upper()
        text = f"{model.description} One row: {model.grain}."
        self.connection.execute(f"COMMENT ON {kind} {name} IS {literal(text)}")
        for column, meaning in model.columns.items():
            self.connection.execute(f'COMMENT ON COLUMN {name}."{column}" IS {literal(meaning)}')

    def _audit(self) -> None:
        """Runs the tests of everything that changed; carries over the results of the rest."""
        earlier = {(row[0], row[1]): row for row in self.connection.execute("SELECT * FROM meta.tests").fetchall()}
        with self.stages.stage("tests", unit="tests") as ticker:
            for model in self.models.values():
                change = self.changes[model.key]
                whole = change.everything or model.partitioned_by is None
                scope = Scope() if whole else Scope(model.partitioned_by, change.partitions)
                for test in model.tests:
                    others = self.changes.get(test.to, Change())
                    known = earlier.get((model.key, test.name))
                    if known is not None and known[3] == 0 and not change and not others:
                        self.tests.append(TestResult(model.key, test, 0, carried=True))
                    elif known is None or known[3] or others.everything:
                        self.tests.append(run_test(self.connection, model, test, Scope()))
                    else:
                        self.tests.append(run_test(self.connection, model, test, scope))
                    ticker.advance()
        if any(result.refuses for result in self.tests):
            raise AuditFailedError(self.tests)

    def _record(self, fresh: bool, inputs: str | None) -> None:
        now = time.time()
        row = self.connection.execute("SELECT * FROM meta.build").fetchone()
        full_at, partial, known = (row[2], row[3] + 1, row[4]) if row else (now, 0, "")
        self.connection.execute("DELETE FROM meta.build")
        self.connection.execute(
            "INSERT INTO meta.build VALUES (?, ?, ?, ?, ?)",
            [_version(), now, now if fresh else full_at, 0 if fresh else partial, known if inputs is None else inputs],
        )
        before = {row[0]: row for row in self.connection.execute("SELECT * FROM meta.models").fetchall()}
        models = [
            (key, r.model.version, r.model.materialized, r.model.exposed_as, r.rows,
             r.seconds if r.outcome != "kept" else before[key][5], now if r.outcome != "kept" else before[key][6])
            for key, r in self.results.items()
        ]  # fmt: skip
        tests = [
            (t.model, t.test.name, t.test.severity, t.failures, json.dumps(t.rows, default=str), t.seconds, now)
            for t in self.tests
        ]
        text, real = pl.String, pl.Float64
        self._refill("models", models, [text, text, text, text, pl.Int64, real, real])
        self._refill("tests", tests, [text, text, text, pl.Int64, text, real, real])

    def _refill(self, name: str, rows: list[tuple[Any, ...]], types: list[Any]) -> None:
        self.connection.execute(f"DELETE FROM meta.{name}")
        schema = {f"c{number}": kind for number, kind in enumerate(types)}
        self.connection.register("frame", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
        self.connection.execute(f"INSERT INTO meta.{name} SELECT * FROM frame")
        self.connection.unregister("frame")

    def _count(self, key: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {key}").fetchone()
        return int(row[0]) if row else 0

    def _sample(self, model: Model) -> list[dict[str, Any]]:
        result = self.connection.execute(f"SELECT * FROM {model.key} LIMIT 5")
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
