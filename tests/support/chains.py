"""Running the chain in tests: real git repositories, a data folder of their own, the deterministic model.

`Chain` calls the functions of the assets itself: all of `assets/execution.py` runs (locks, run log, failures, metadata,
checks), Dagster's engine and records do not, which take five times as long as the steps. `DagsterChain` runs the same
through Dagster, where Dagster is what a test is about.
"""

from __future__ import annotations

import contextvars
import logging
import os
import subprocess
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg

from code_index_assets.assets import chain as assets
from code_index_assets.assets import gate
from code_index_assets.assets.partitions import add_partitions
from code_index_assets.chain.run import ChainRun
from code_index_assets.code_location import build_defs
from code_index_assets.index.reader import IndexSnapshot, open_index
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.artifacts import ArtifactStore
from code_index_assets.storage.layout import Layout

CHAIN = ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index")
_ASSETS = {
    "repository": assets.repository,
    "file_hashes": assets.file_hashes,
    "chunks": assets.chunks,
    "embeddings": assets.embeddings,
    "index_quality": gate.index_quality,
    "search_index": gate.search_index,
}


@dataclass
class GitRepository:
    """A git repository on disk that tests write and commit to."""

    path: Path

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        environment = {**os.environ, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
                       "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
                       "GIT_CONFIG_GLOBAL": "/dev/null"}  # fmt: skip
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], capture_output=True, env=environment, check=True
        )
        return done.stdout.decode()

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "change") -> str:
        """Writes (or, for None, removes) files and commits; returns the commit."""
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()


@dataclass
class Run:
    """What became of a run: what each asset reported, its checks, and the message of the asset that failed."""

    run_id: str
    materialized: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    error: str = ""

    @property
    def success(self) -> bool:
        return not self.error


@dataclass
class Chain:
    """A data folder, its registry, and runs on them."""

    data: Path
    options: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = Settings.model_validate({"data": self.data, "model": "test", **self.options})
        self.layout = Layout(self.settings.data).create()
        self.store = ArtifactStore(self.layout)

    @property
    def registry(self) -> Registry:
        return Registry.load(self.settings.registry_file, self.layout)

    def register(self, place: Path | str, name: str, **options: object) -> str:
        self.registry.add(str(place), name=name, **options)  # type: ignore[arg-type]
        return name

    def run(self, key: str, *selected: str) -> Run:
        """Materializes some assets (default: all) for a partition; does not raise on failure."""
        run = Run(str(uuid.uuid4()))
        for name in [name for name in CHAIN if name in (selected or CHAIN)]:
            # Steps leave context variables behind, as they may: each of Dagster's has a context of its own, too.
            results = contextvars.copy_context().run(self._materialize, name, key, run)
            for result in results:
                run.materialized[name] = {k: getattr(v, "value", v) for k, v in (result.metadata or {}).items()}
                for check in result.check_results or ():
                    run.checks[str(check.check_name)] = check.passed
                    if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
                        run.error = run.error or f"the blocking check {check.check_name} failed"
            if run.error:
                break
        return run

    def index(self, key: str) -> Run:
        result = self.run(key)
        assert result.success, failure(result)
        return result

    def facts(self, result: Run, asset: str) -> dict[str, Any]:
        """Metadata values of an asset's materialization in a run."""
        return result.materialized[asset]

    def snapshot(self) -> IndexSnapshot:
        """The published index."""
        return open_index(self.layout, self.settings)

    def published(self) -> dict[str, dict[str, object]]:
        """Everything published: point id → payload and vector, of all keys."""
        snapshot = self.snapshot()
        points: dict[str, dict[str, object]] = {}
        for key in snapshot.receipts:
            ids = list(snapshot.ids(key))
            for point in snapshot.get(ids):
                points[str(point.id)] = dict(point.payload)
        return points

    def _materialize(self, name: str, key: str, run: Run) -> list[dg.MaterializeResult[Any]]:
        """Calls an asset's function with what it uses of Dagster's context; a failure's message goes into the run."""
        context = SimpleNamespace(
            asset_key=dg.AssetKey(name), partition_key=key, run=SimpleNamespace(run_id=run.run_id), log=logging.getLogger("chain"),
            instance=SimpleNamespace(delete_dynamic_partition=lambda definition, key: None),
        )  # fmt: skip
        more = {"config": assets.IndexingConfig(indexing_mode="")} if name == "chunks" else {}
        function = _ASSETS[name].op.compute_fn.decorated_fn  # type: ignore[union-attr]
        resource = SimpleNamespace(layout=self.layout.create, chain_run=self._chain_run, settings=lambda: self.settings)
        try:
            made = function(context, **more, code_index=resource)
            return [made] if isinstance(made, dg.MaterializeResult) else list(made)
        except dg.Failure as error:
            run.error = str(error.description)
        except (ConnectionError, TimeoutError) as error:
            run.error = str(error)
        return []

    def _chain_run(self, key: str, run_id: str) -> ChainRun:
        return ChainRun(key, run_id, self.layout, self.settings, Stages())


@dataclass
class RecordedChain(Chain):
    """Its partitions are in the records of a Dagster instance, for sensors and schedules; its runs are not."""

    instance: dg.DagsterInstance = field(kw_only=True)

    def register(self, place: Path | str, name: str, **options: object) -> str:
        super().register(place, name, **options)
        add_partitions(self.instance, list(self.registry.get(name).keys))
        return name


@dataclass
class DagsterChain(RecordedChain):
    """The same through Dagster: runs and partitions are in an instance's records."""

    def run(self, key: str, *selected: str) -> Run:
        result = self.materialize(key, *selected)
        run = Run(result.run_id, error="" if result.success else _failure(result.all_events) or "it failed")
        for event in result.all_events:
            if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
                done = event.step_materialization_data.materialization
                facts = {name: value.value for name, value in done.metadata.items()}
                run.materialized[done.asset_key.to_user_string()] = facts
        run.checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
        return run

    def materialize(self, key: str, *selected: str) -> dg.ExecuteInProcessResult:
        """Materializes some assets (default: all); gives Dagster's own result."""
        defs = build_defs({"data": str(self.data), "model": "test", **self.options})
        return dg.materialize(
            [defs.get_assets_def(name) for name in CHAIN],
            selection=list(selected or CHAIN),
            partition_key=key,
            instance=self.instance,
            resources=defs.resources,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )


def failure(result: Run | dg.ExecuteInProcessResult) -> str:
    """The message of a failed run's first failed asset."""
    return result.error if isinstance(result, Run) else _failure(result.all_events)


def _failure(events: Iterable[dg.DagsterEvent]) -> str:
    for event in events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                return str(data.user_failure_data.description)
            return str(data.error)
    return ""
