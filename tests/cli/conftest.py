"""The command line as people use it, and a data folder in which something is indexed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chains import GitRepository

from code_index_assets.cli.main import main

PARTS = 130


@pytest.fixture
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("CODE_INDEX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CODE_INDEX_MODEL", "test")
    return tmp_path / "data"


@pytest.fixture
def run(monkeypatch, capsys, data):
    """Runs a command in this process; gives its exit code, standard output and error."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["code-index", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return command


@pytest.fixture(scope="session")
def _indexed_once(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("indexed")
    repository = GitRepository(home / "shop")
    files = {f"parts/part_{n}.py": f"def part_{n}(order):\n    return order + {n}\n" for n in range(PARTS)}
    files["cart.go"] = (
        "package shop\n\n// AddItem adds an item.\nfunc AddItem(count int) int {\n\treturn count + 1\n}\n"
    )
    files["gateway.py"] = (
        'class Gateway:\n    """Charges cards."""\n\n    def charge(self, card):\n        return card\n'
    )
    repository.commit(files)
    other = GitRepository(home / "depot")
    other.commit({f"bins/bin_{n}.py": f"def bin_{n}(load):\n    return load - {n}\n" for n in range(PARTS)})
    environment = {
        **os.environ, "CODE_INDEX_DATA": str(home / "data"), "CODE_INDEX_MODEL": "test",
        "CODE_INDEX_SHARD_POINTS": "100", "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    program = [sys.executable, "-m", "code_index_assets.cli.main"]
    for arguments in (["add", str(repository.path)], ["add", str(other.path)], ["index", "--all", "--quiet"]):
        subprocess.run([*program, *arguments], env=environment, check=True, capture_output=True)
    return home


@pytest.fixture
def indexed(_indexed_once: Path, data: Path) -> Path:
    """The data folder, with a repository "shop" of Python and one Go file, and "depot", in a shard each."""
    shutil.copytree(_indexed_once / "data", data)
    return data
