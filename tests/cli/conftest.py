"""The command line as people use it, and a data folder in which something is indexed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chains import GitRepository
from templates import made_once

from benchmarks.robustness.damage import command, environment
from code_index_assets.cli.main import main

PARTS = 130
Command = Callable[..., tuple[Any, str, str]]


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("CODE_INDEX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CODE_INDEX_MODEL", "test")
    return tmp_path / "data"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path) -> Command:
    """Runs a command in this process; gives its exit code, standard output and error."""

    def command(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["code-index", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return command


def _make_indexed(home: Path) -> None:
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
    with environment(home / "data"):
        for arguments in (["add", str(repository.path)], ["add", str(other.path)], ["index", "--all", "--quiet"]):
            code, out = command(arguments)
            assert code == 0, out


@pytest.fixture
def indexed(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The data folder, with a repository "shop" of Python and one Go file, and "depot", in a shard each."""
    shutil.copytree(made_once(tmp_path_factory, "command-line", _make_indexed) / "data", data)
    return data
