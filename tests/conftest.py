"""Fixtures shared by all rooms: git repositories and chains on data folders of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from chains import Chain, GitRepository


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the developer's settings, caches or Dagster home."""
    import os

    for name in [n for n in os.environ if n.startswith("CODE_INDEX_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """An empty git repository."""
    return GitRepository(tmp_path / "work")


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain on an empty data folder."""
    with dg.instance_for_test() as instance:
        yield Chain(tmp_path / "data", instance)


@pytest.fixture
def make_chain(tmp_path: Path) -> Iterator[Callable[..., Chain]]:
    """Makes further chains, each on its own data folder and instance."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(name: str, **options: str) -> Chain:
            return Chain(tmp_path / name, stack.enter_context(dg.instance_for_test()), options)

        yield make
