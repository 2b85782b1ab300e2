"""Here Dagster is what is tested: every chain runs through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
from chains import DagsterChain


@pytest.fixture
def chain(dagster_chain: DagsterChain) -> DagsterChain:
    return dagster_chain


@pytest.fixture
def make_chain(tmp_path: Path) -> Iterator[Callable[..., DagsterChain]]:
    with ExitStack() as stack:

        def make(name: str, **options: str) -> DagsterChain:
            instance = stack.enter_context(dg.DagsterInstance.ephemeral())
            return DagsterChain(tmp_path / name, options, instance=instance)

        yield make
