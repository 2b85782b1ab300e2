"""Running the chain in tests: real git repositories, a data folder of their own, the deterministic model."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from code_index_assets.assets.partitions import add_partitions
from code_index_assets.definitions import build_defs
from code_index_assets.index.reader import open_index
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.artifacts import ArtifactStore
from code_index_assets.storage.layout import Layout

CHAIN = ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index")


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

    def commit(self, files: dict[str, str | bytes | None], message: str = "change") -> str:
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
class Chain:
    """A data folder, its registry and Dagster instance, and runs on them."""

    data: Path
    instance: dg.DagsterInstance
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
        add_partitions(self.instance, list(self.registry.get(name).keys))
        return name

    def run(self, key: str, *assets: str, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """Materializes some assets (default: all) for a partition; does not raise on failure."""
        defs = build_defs({"data": str(self.data), "model": "test", **self.options})
        selection = [defs.get_assets_def(name) for name in assets or CHAIN]
        others = [defs.get_assets_def(name) for name in CHAIN if name not in (assets or CHAIN)]
        return dg.materialize(
            [*selection, *others],
            selection=list(assets or CHAIN),
            partition_key=key,
            instance=self.instance,
            resources=defs.resources,
            tags=tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )

    def index(self, key: str) -> dg.ExecuteInProcessResult:
        result = self.run(key)
        assert result.success, failure(result)
        return result

    def facts(self, result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
        """Metadata values of an asset's materialization in a run."""
        events = result.asset_materializations_for_node(asset)
        return {name: value.value for name, value in events[0].metadata.items()}

    def snapshot(self):  # type: ignore[no-untyped-def]
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


def failure(result: dg.ExecuteInProcessResult) -> str:
    """The message of a failed run's first failed step."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                return str(data.user_failure_data.description)
            return str(data.error)
    return ""
