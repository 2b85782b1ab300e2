"""A disk that is full: the run ends with what to do, exit code 5, never by a signal, and what was published answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chains import GitRepository
from steps_alone import run, settings_of

from code_index_assets.errors import OutOfDiskError
from code_index_assets.index.backends.edge_writer import RESERVE_BYTES
from code_index_assets.index.reader import open_index
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout, require_space

ROOT = Path(__file__).parents[2]


def only_free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("code_index_assets.storage.layout.shutil.disk_usage", lambda path: usage._replace(free=size))


def test_space_is_asked_for_at_the_boundary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_free(monkeypatch, 1000)
    require_space(tmp_path / "not" / "there" / "yet", 1000, "it")
    with pytest.raises(OutOfDiskError, match=r"it needs .* free on the disk that holds") as refused:
        require_space(tmp_path, 1001, "it")
    assert "code-index prune" in refused.value.remedy


def test_a_publication_that_has_no_room_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = GitRepository(tmp_path / "work")
    settings = settings_of(tmp_path / "data")
    layout = Layout(settings.data).create()
    Registry.load(settings.registry_file, layout).add(f"file://{repository.path}", name="code")
    first = repository.commit({"a.py": "def f():\n    return 1\n"})
    run(settings, "code", "r1")
    second = repository.commit({"a.py": "def f():\n    return 2\n"})
    only_free(monkeypatch, RESERVE_BYTES)  # enough to write, not to copy the shard before
    with pytest.raises(OutOfDiskError):
        run(settings, "code", "r2")
    assert open_index(layout, settings).receipts["code"].commit == first
    assert not [path for path in (layout.root / "tmp").iterdir() if path.is_dir()]
    monkeypatch.undo()
    run(settings, "code", "r3")
    assert open_index(layout, settings).receipts["code"].commit == second


@pytest.mark.external
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("megabytes", [34, 40, 50, 58, 64, 72])
def test_small_disks(tmp_path: Path, megabytes: int) -> None:
    repository = GitRepository(tmp_path / "work")
    repository.commit({f"m{n}.py": f"def f{n}(a):\n    return a * {n}\n" for n in range(400)})
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", disk], check=True)
    try:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "CODE_INDEX_DATA": str(disk / "data"),
                                    "CODE_INDEX_MODEL": "test"}  # fmt: skip
        command = [sys.executable, "-m", "code_index_assets.cli.main", "index", "--quiet", str(repository.path)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=250)
        assert done.returncode in (0, 5), (done.returncode, done.stdout, done.stderr)
        if done.returncode:
            assert "free some space" in done.stdout + done.stderr
        assert not list((disk / "data" / "tmp").glob("*-*"))
    finally:
        subprocess.run(["umount", disk], check=True)
