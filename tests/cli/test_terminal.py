"""What every command gives terminals, pipes and programs: colours, tables, JSON, help, completion."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from code_index_assets.cli.main import COMMANDS, cli

from .conftest import Command

PROGRAM = [sys.executable, "-P", "-m", "code_index_assets.cli.main"]
ROOT = Path(__file__).parents[2]


def started(*arguments: str, **options: Any) -> subprocess.Popen[Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.Popen([*PROGRAM, *arguments], env=environment, **options)


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch, run: Command) -> Callable[..., list[str]]:
    """What bash is offered at the end of a line."""

    def complete(line: str, **env: str) -> list[str]:
        words = line.split()
        at = len(words) if line.endswith(" ") else len(words) - 1
        asked = {"_CODE_INDEX_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(at), **env}
        with monkeypatch.context() as patched:
            for name, value in asked.items():
                patched.setenv(name, value)
            # click takes the name of the program from this: here it would be "python -m pytest".
            patched.setattr(sys.modules["__main__"], "__package__", "")
            code, out, err = run()
        assert (code, err) == (0, "")
        # An empty line is what click writes for nothing.
        return [line.partition(",")[2] for line in out.splitlines() if line]

    return complete


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json_and_explains_its_options(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None and command.help
    for one in command.commands.values() if isinstance(command, click.Group) else [command]:
        options = [option for option in one.params if isinstance(option, click.Option)]
        assert any("--json" in option.opts for option in options), one.name
        assert [option.name for option in options if not option.help] == []
        assert one.help


def test_help_is_whole(run: Command) -> None:
    _, out, _ = run("--help")
    lines = [line for line in out.splitlines() if line.startswith("  ")]
    for name, (_, told) in COMMANDS.items():
        assert any(line.split()[0] == name and line.endswith(told) for line in lines), name


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("search", "--bogus", "--json"), 2, "NoSuchOption"),
        (("sql", "--json"), 2, "UsageError"),
        (("no-such-command", "--json"), 2, "UsageError"),
        (("index", "/nowhere/at/all", "--json"), 2, "ConfigurationError"),
        (("remove", "nothing", "--json"), 2, "ConfigurationError"),
        (("status", "nothing", "--json"), 1, "NotIndexedError"),
        (("files", "nothing", "--json"), 1, "NotIndexedError"),
        (("rollback", "nothing", "--json"), 1, "NotIndexedError"),
        (("use", "nothing", "--json"), 1, "NotIndexedError"),
        (("purge", "shop", "a.py", "--json"), 2, "UsageError"),
        (("sql", "SELECT nothing", "--json"), 2, "QueryError"),
        (("symbol", "x", "--ref", "nothing", "--json"), 1, "NotIndexedError"),
    ],
)
def test_errors_are_json_too(run: Command, indexed: Path, arguments: list[str], code: int, kind: str) -> None:
    ended, out, err = run(*arguments)
    told = json.loads(out.splitlines()[-1])
    assert (ended, told["error"]["type"], err) == (code, kind, "")
    assert told["outcome"] == ("not_indexed" if kind == "NotIndexedError" else "failed")


def test_what_commands_did_as_json(run: Command, indexed: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.py").write_text("x = 1\n")
    told = json.loads(run("add", str(tmp_path / "plain"), "--json")[1])
    assert told["added"]["name"] == "plain" and told["registry"].endswith("repositories.toml")
    rows = {row["name"]: row for row in json.loads(run("list", "--json")[1])["repositories"]}
    assert (rows["plain"]["state"], rows["plain"]["published_at"]) == ("not indexed", None)
    assert rows["shop"]["state"] == "current" and rows["shop"]["published_at"] and rows["shop"]["keys"] == ["shop"]
    space = json.loads(run("spaces", "--json")[1])["spaces"][0]["space"]
    assert json.loads(run("use", space, "--json")[1]) == {"space": space, "before": space}
    assert json.loads(run("prune", "--json")[1])["artifacts"] == 0
    assert json.loads(run("remove", "plain", "--keep-data", "--json")[1])["removed"] == "plain"
    assert json.loads(run("repair", "records", "--quick", "--json")[1])["findings"] == []


def test_list_says_how_old_each_is(run: Command, indexed: Path) -> None:
    lines = [line.split("\t") for line in run("list")[1].splitlines()]
    assert lines[0] == ["name", "state", "indexed", "refs", "location"]
    assert ["shop", "current"] in [line[:2] for line in lines] and "ago" in lines[1][2] + "ago"


def test_rows_of_sql(run: Command, indexed: Path, tmp_path: Path) -> None:
    query = "SELECT 'a\tb\\' || chr(10) || 'c' AS \"one\", NULL AS two, 3 AS three"
    assert run("sql", query)[1] == "one\ttwo\tthree\na\\tb\\\\\\nc\t\t3\n"
    vertical = run("sql", query, "--vertical")[1].splitlines()
    assert vertical[0].startswith("-- row 1 ") and vertical[2:] == ["       c", "  two:", "three: 3"]
    assert json.loads(run("sql", "SELECT 1 AS n", "--json")[1]) == [{"n": 1}]
    assert run("sql", query, "--vertical", "--format", "csv")[0] == 2
    for ending, told in (("tsv", "n\n1\n"), ("csv", "n\n1\n"), ("json", '[{"n": 1}]\n')):
        assert run("sql", "SELECT 1 AS n", "-o", str(tmp_path / f"rows.{ending}"))[0] == 0
        assert (tmp_path / f"rows.{ending}").read_text() == told
    assert "│" in run("sql", query, "--format", "table")[1]


@pytest.mark.parametrize(
    "arguments",
    [("files", "shop"), ("sql", "SELECT * FROM range(200000)"), ("search", "part"), ("--help",), ("status",)],
)
def test_a_closed_pipe_is_no_error(indexed: Path, arguments: list[str]) -> None:
    # Nobody reads at all: also what is written at the very end meets a closed pipe.
    reading, writing = os.pipe()
    os.close(reading)
    with started(*arguments, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait()) == (b"", 0)


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"CLICOLOR": "0"}, False),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_on_a_terminal(run: Command, monkeypatch: pytest.MonkeyPatch, environment: Any, colored: bool) -> None:
    from code_index_assets.cli.terminal import use_color

    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    inner, outer = pty.openpty()
    with os.fdopen(outer, "w") as terminal, os.fdopen(inner):
        assert use_color(terminal) is colored


@pytest.mark.parametrize(
    ("variable", "colored"), [("FORCE_COLOR", True), ("CLICOLOR_FORCE", True), ("NO_COLOR", False)]
)
def test_colours_in_a_pipe(
    run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch, variable: str, colored: bool
) -> None:
    monkeypatch.setenv(variable, "1")
    for command in (("search", "charge"), ("doctor",)):
        assert ("\x1b[" in run(*command)[1]) is colored


def test_completion(indexed: Path, completed: Callable[..., list[str]]) -> None:
    assert completed("code-index se") == ["search", "serve"]
    assert completed("code-index search --repo ") == ["shop", "depot"]
    assert completed("code-index search x --language ") == ["python", "go"]
    assert "function" in completed("code-index symbol x --kind f")
    assert completed("code-index search x --ref ") == ["HEAD"]
    assert completed("code-index status d") == ["depot"]
    assert completed("code-index search --repo ", CODE_INDEX_DATA="/nowhere") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script(run: Command, shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0 and "_CODE_INDEX_COMPLETE" in out and f"{shell}_complete" in out


def test_completion_imports_nothing_heavy(indexed: Path) -> None:
    heavy = "{'polars', 'dagster', 'duckdb', 'numpy', 'torch', 'qdrant_edge'}"
    program = f"""
import os, sys
os.environ.update(_CODE_INDEX_COMPLETE="bash_complete", COMP_WORDS="code-index search --repo ", COMP_CWORD="3")
sys.argv = ["code-index"]
from code_index_assets.cli.main import main
try:
    main()
finally:
    sys.stderr.write(repr(sorted({heavy} & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["plain,shop", "plain,depot"], "[]")
