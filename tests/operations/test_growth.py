"""What grows is measured and removed."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from code_index_assets.assets.instance import remove_old_runs
from code_index_assets.operations.retention import record_sizes
from code_index_assets.records.run_log import RunLog
from code_index_assets.storage.layout import Layout


def test_the_size_of_every_part_is_recorded_and_a_hard_link_counts_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data").create()
    for part in ("chunks", "embeddings"):
        (layout.root / part).mkdir(exist_ok=True)
    (layout.root / "chunks" / "a").write_bytes(os.urandom(100_000))
    os.link(layout.root / "chunks" / "a", layout.root / "embeddings" / "b")
    sizes = record_sizes(layout)
    assert sizes["chunks"] >= 100_000 and sizes["embeddings"] == 0
    recorded = {record["store"]: record["bytes"] for record in RunLog(layout).read("size")}
    assert recorded == sizes


def test_a_removed_run_takes_what_it_printed_with_it(tmp_path: Path) -> None:
    @dg.op
    def speak() -> None:
        print("hello")

    @dg.job
    def speaking() -> None:
        speak()

    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        result = speaking.execute_in_process(instance=instance)
        printed = [path for path in (tmp_path / "storage").rglob("*") if result.run_id in str(path)]
        assert printed
        assert remove_old_runs(instance, -1) == 1
        assert instance.get_runs() == []
        assert [
            path for path in (tmp_path / "storage").rglob("*") if result.run_id in str(path) and path.is_file()
        ] == []
