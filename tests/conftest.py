"""Fixtures shared by all rooms: git repositories and chains on data folders of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from chains import Chain, DagsterChain, GitRepository, RecordedChain

_OURS = ("CODE_INDEX_", "DAGSTER_", "_CODE_INDEX_")


def pytest_configure(config: pytest.Config) -> None:
    """Fixtures of a whole session run before those of a test: they must not see the developer's settings either."""
    _clear_environment()
    # Two workers on two cores: more threads each only wait for one another.
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")


# What `make test-fast` leaves out: rooms and files whose tests run the chain, Dagster, servers or other processes.
_CHAIN_ROOMS = {"analytics", "assets", "cli", "contract", "e2e", "law", "quality", "serve", "triggers", "workers"}
_CHAIN_FILES = {
    "test_pool", "test_int8", "test_modes", "test_processes", "test_provider_runs", "test_static_table", "test_spaces",
    "test_cpu_attention", "test_publish", "test_questions", "test_files", "test_references", "test_install", "test_layout",
    "test_laws", "test_rooms", "test_engine", "test_freshness",
}  # fmt: skip
_CHAIN_FIXTURES = {"chain", "make_chain", "recorded_chain", "dagster_chain"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        runs_it = room in _CHAIN_ROOMS or item.path.stem in _CHAIN_FILES
        if runs_it or _CHAIN_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.chain)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees the developer's settings, caches or Dagster home, nor what another test left behind of them."""
    _clear_environment()
    yield
    monkeypatch.undo()
    _clear_environment()


def _clear_environment() -> None:
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    # A worker takes 4 s to start: tests of run workers start their own.
    os.environ["CODE_INDEX_RUN_WORKERS"] = "0"
    # Questions of tests leave data folders as they are.
    os.environ["CODE_INDEX_USAGE"] = "0"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """An empty git repository."""
    return GitRepository(tmp_path / "work")


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A chain on an empty data folder."""
    return Chain(tmp_path / "data")


@pytest.fixture
def make_chain(tmp_path: Path) -> Callable[..., Chain]:
    """Makes further chains, each on its own data folder."""

    def make(name: str, **options: str) -> Chain:
        return Chain(tmp_path / name, options)

    return make


@pytest.fixture
def recorded_chain(tmp_path: Path) -> Iterator[RecordedChain]:
    """A chain on an empty data folder whose partitions a Dagster instance knows."""
    with dg.instance_for_test() as instance:
        yield RecordedChain(tmp_path / "data", instance=instance)


@pytest.fixture
def dagster_chain(tmp_path: Path) -> Iterator[DagsterChain]:
    """A chain on an empty data folder whose runs are Dagster's."""
    with dg.instance_for_test() as instance:
        yield DagsterChain(tmp_path / "data", instance=instance)
