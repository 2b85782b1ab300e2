"""The commands of docs/operations.md, as it prints them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chains import GitRepository

ROOT = Path(__file__).parents[2]
DG = [sys.executable, "-c", "import sys; sys.argv[0] = 'dg'; from dagster_dg_cli.cli import main; main()"]
COMMANDS = list(re.findall(r"^(?:dg|dagster) .*$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE))


def run(line: str, environment: dict[str, str]) -> str:
    program, *arguments = line.replace("NAME", "try").split()
    start = DG if program == "dg" else [sys.executable, "-m", program]
    done = subprocess.run([*start, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def test_the_page_has_the_commands() -> None:
    wanted = {"dg check defs", "dg list defs", "dagster definitions validate"}
    assert wanted <= set(COMMANDS) and sum("dg launch" in line and "--partition" in line for line in COMMANDS) == 2


@pytest.mark.slow
def test_the_commands_do_what_the_page_says(tmp_path: Path, repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    data = tmp_path / "data"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **os.environ, "PATH": path, "CODE_INDEX_DATA": str(data), "DAGSTER_HOME": str(data / "dagster"), "CODE_INDEX_MODEL": "test",
    }  # fmt: skip
    first = {name: value for name, value in environment.items() if name != "DAGSTER_HOME"}
    index = [sys.executable, "-m", "code_index_assets.cli.main", "index", str(repository.path), "--name", "try"]
    subprocess.run(index, cwd=ROOT, env=first, check=True, capture_output=True)
    said = {line: run(line, environment) for line in COMMANDS}
    assert "search_index" in said["dg list defs"]
