"""The embedded index between processes: readers during publications, publishers killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publisher_process
import publishing as p

from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.filters import Filter
from code_index_assets.index.generations import Retention, prune_generations
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.publish import publish
from code_index_assets.index.reader import open_index
from code_index_assets.index.verify import verify
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

SUPPORT = Path(__file__).parents[1] / "support"
ROOT = Path(__file__).parents[2]
KEY = "acme/loop"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return p.layout_at(tmp_path / "data")


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(SUPPORT / script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def put(layout: Layout, generation: int, key: str = KEY) -> None:
    content = p.make_content(
        layout, publisher_process.files_of(generation), key=key, buckets=4, observed_at=float(generation)
    )
    publish(p.permit_for(content), content, EdgeBackend(layout, p.SPACE, p.DIM), layout, retention=Retention(2, 600))


def test_readers_in_other_processes_see_no_half_and_no_failure(layout: Layout, tmp_path: Path) -> None:
    put(layout, 0)
    stop = tmp_path / "stop"
    readers = [start("reader_process.py", layout.root, KEY, stop) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
    # Pruning at once is the hard case: what a reader is about to load disappears.
    writers = [
        start("publisher_process.py", layout.root, KEY, 1, 6, 1),
        start("publisher_process.py", layout.root, "acme/other", 1, 6, 1),
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    stop.touch()
    seen = 0
    for reader in readers:
        out, errors = reader.communicate(timeout=120)
        assert reader.returncode == 0, errors
        queries, generations = map(int, out.split())
        assert queries > 5
        seen = max(seen, generations)
    assert seen >= 2  # the readers did watch publications go by
    backend = EdgeBackend(layout, p.SPACE, p.DIM)
    for key in (KEY, "acme/other"):
        assert verify(key, backend, layout, p.SPACE, deep=True) == []
        current = PublicationStore(layout, p.SPACE).current()
    assert current is not None and current.receipts[key].observed_at == 6.0


def test_killed_at_any_moment_the_index_is_whole_and_the_next_run_goes_on(layout: Layout) -> None:
    put(layout, 0)
    put(layout, 0, key="acme/still")
    seed = 20
    moments = random.Random(seed)
    generation = 0
    for _ in range(4):
        publisher = start("publisher_process.py", layout.root, KEY, generation + 1, 50, 0)
        assert publisher.stdout is not None
        assert publisher.stdout.readline().startswith("start")
        time.sleep(moments.uniform(0.0, 0.25))
        publisher.send_signal(signal.SIGKILL)
        publisher.communicate()
        backend = EdgeBackend(layout, p.SPACE, p.DIM)
        view = open_index(layout, Settings(), p.SPACE, backend=backend)
        published = int(view.receipts[KEY].observed_at)
        assert published >= generation
        generation = published
        texts = {hit.payload["text"] for hit in view.get(sorted(view.ids(KEY)))}
        assert len(texts) == 12 and all(f"generation {generation} " in text for text in texts)
        assert verify(KEY, backend, layout, p.SPACE, deep=True) == []
        assert verify("acme/still", backend, layout, p.SPACE, deep=True) == []
    put(layout, 100)
    backend = EdgeBackend(layout, p.SPACE, p.DIM)
    prune_generations(backend, layout, p.SPACE, Retention(1, 0))
    layout.remove_leftovers()
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []
    manifest = PublicationStore(layout, p.SPACE).current()
    home = layout.index(p.SPACE)
    kept = {folder.relative_to(home).as_posix() for folder in home.glob("shards/*/*")}
    assert manifest is not None
    assert kept == {state.generation for state in manifest.shards.values()}  # nothing of the killed is left
    assert list((home / "staging").iterdir()) == []


def test_a_read_only_index_is_searched_from_a_private_copy(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, 3)
    monkeypatch.setattr("code_index_assets.index.backends.edge_view.os.access", lambda path, mode: False)
    home = layout.index(p.SPACE)
    times = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()}
    view = open_index(layout, Settings(), p.SPACE)
    assert view.count(Filter()) == 12
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.is_file()} == times


def test_searching_loads_nothing_heavy(layout: Layout) -> None:
    put(layout, 1)
    program = (
        "import sys; import numpy as np; from pathlib import Path\n"
        "from code_index_assets.storage.layout import Layout; from code_index_assets.settings import Settings\n"
        "from code_index_assets.search.definitions import find_definitions\n"
        "from code_index_assets.search.engine import SearchEngine, SearchRequest\n"
        "from code_index_assets.search.answer_fields import to_json\n"
        "from code_index_assets.search.render import render_answer\n"
        "embed = lambda text: np.ones(16, np.float32) / 4\n"
        f"engine = SearchEngine(Layout(Path({str(layout.root)!r})), Settings(), embed)\n"
        "answer = engine.search(SearchRequest('generation x1'))\n"
        "render_answer(answer); to_json(answer); find_definitions(engine, 'f1')\n"
        "assert answer.hits\n"
        "heavy = {'polars', 'duckdb', 'pandas', 'pyarrow', 'dagster', 'torch', 'qdrant_client', 'great_expectations'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "[]"
