"""Several runs on one partition, interleaved step by step: each works on what it began with, the newest commit wins."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import steps_alone
from chains import GitRepository
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_index_assets.index.reader import open_index
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout

KEY = "busy"
RUNS = 3
# The order in which runs make their next step; a commit is made whenever a run makes its first.
_any: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
orders = st.permutations([run for run in range(RUNS) for _ in range(6)])


@settings(max_examples=3, **_any)
@given(orders)
def test_runs_on_one_partition_may_interleave(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        interleave(Path(folder), order)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=100, **_any)
@given(orders)
def test_runs_on_one_partition_may_interleave_at_length(order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        interleave(Path(folder), order)


@pytest.mark.parametrize(
    "order",
    [
        [0] * 6 + [1] * 6 + [2] * 6,
        [0] * 5 + [1] * 6 + [2] * 6 + [0],
        [0, 1, 2] * 6,
        [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 1, 2, 2, 1, 0],
    ],
    ids=["one after the other", "overtaken before publishing", "in step", "published newest first"],
)
def test_known_orders(order: list[int], tmp_path: Path) -> None:
    interleave(tmp_path, order)


def interleave(root: Path, order: list[int]) -> None:
    repository = GitRepository(root / "work")
    repository.commit({"same.py": "def same():\n    return 0\n"})
    options = steps_alone.settings_of(root / "data")
    layout = Layout(options.data).create()
    Registry.load(options.registry_file, layout).add(str(repository.path), name=KEY)
    done = dict.fromkeys(range(RUNS), 0)
    commits: list[str] = []
    published: set[str] = set()
    for turn in order:
        if done[turn] == 0:
            commits.append(repository.commit({"a.py": f"def f():\n    return {len(commits)}\n"}))
        result = steps_alone.step(options, KEY, f"run-{turn}", done[turn])
        done[turn] += 1
        if done[turn] < 6:
            continue
        receipt = open_index(layout, options).receipts[KEY]
        if result.outcome == "superseded":
            assert receipt.commit in published and commits.index(receipt.commit) > commits.index(result.commit)
        else:
            assert receipt.commit == result.commit
            published.add(result.commit)
    assert receipt.commit == commits[-1]
    snapshot = open_index(layout, options)
    texts = [str(point.payload["text"]) for point in snapshot.get(list(snapshot.ids(KEY)))]
    assert any(f"return {len(commits) - 1}" in text for text in texts if "def f" in text)
    assert sum("def f" in text for text in texts) == 1
