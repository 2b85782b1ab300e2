"""Command lines beside each other on one data folder, some on the same partition, and a search all the while."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chains import GitRepository

from code_index_assets.errors import NotIndexedError
from code_index_assets.index.reader import open_index
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_runs_side_by_side(tmp_path: Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "CODE_INDEX_DATA": str(tmp_path / "data"), "CODE_INDEX_MODEL": "test",
    }  # fmt: skip
    command = [sys.executable, "-m", "code_index_assets.cli.main"]
    names = [f"r{number}" for number in range(8)]
    repositories = {name: GitRepository(tmp_path / name) for name in names}
    for name, repository in repositories.items():
        repository.commit({f"m{n}.py": f"def {name}_{n}():\n    return {n}\n" for n in range(12)})
        subprocess.run([*command, "add", str(repository.path), "--name", name], env=environment, check=True)
    runs = [
        subprocess.Popen(
            [*command, "index", name, "--quiet"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )
        for name in [*names, "r0", "r1"]
    ]  # fmt: skip
    settings = Settings.model_validate({"data": tmp_path / "data", "model": "test"})
    layout, looks = Layout(settings.data), 0
    while any(run.poll() is None for run in runs):
        try:
            snapshot = open_index(layout, settings)
        except NotIndexedError:
            continue
        for key, receipt in snapshot.receipts.items():
            assert len(list(snapshot.ids(key))) == receipt.points == 12
            looks += 1
        time.sleep(0.05)
    for run in runs:
        out, _ = run.communicate()
        assert run.returncode == 0, out
        assert "lock" not in out.lower(), out
    assert looks > 10
    receipts = open_index(layout, settings).receipts
    assert set(receipts) == set(names)
    for name, repository in repositories.items():
        assert receipts[name].commit == repository.git("rev-parse", "HEAD").strip()
