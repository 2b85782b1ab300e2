"""Damage repairs itself: every kind of damage is done to a copy of an indexed data folder, found, and repaired.

    python -m benchmarks.robustness.damage [--list] [--by command|index] [KIND …]

For each kind: the damage is done; `code-index doctor --deep --json` must find it and exit 1; the command it names is run
(with `--by index` the next ordinary `code-index index --all` instead); then doctor finds nothing, and searches answer as
before. Prints a line for each kind.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kinds import KINDS, Kind

QUERIES = ("charge card gateway", "part_17", "bin_3 load", "order", "shopping notes")
FILES = 300


@dataclass(frozen=True)
class Result:
    """What became of one kind. `during` is how searches answered while the damage was there."""

    kind: str
    found: bool
    during: str
    command: str
    repaired: bool
    same: bool
    seconds: float
    told: str = ""

    @property
    def right(self) -> bool:
        return self.found and self.repaired and self.same


def make_template(home: Path) -> None:
    """Three sources (one by URL, with a mirror; one local; one folder) and a data folder in which they are indexed."""
    _commit(home / "shop", {f"parts/part_{n}.py": f"def part_{n}(order):\n    return order + {n}\n" for n in range(FILES)}
            | {"gateway.py": "class Gateway:\n    def charge(self, card):\n        return card\n"})  # fmt: skip
    _commit(home / "depot", {f"bins/bin_{n}.py": f"def bin_{n}(load):\n    return load - {n}\n" for n in range(130)})
    notes = home / "notes"
    notes.mkdir()
    for number in range(5):
        note = notes / f"note_{number}.md"
        note.write_text(f"# Shopping notes {number}\nmilk and bread\n")
        os.utime(note, (1_600_000_000, 1_600_000_000))
    time.sleep(2.5)  # files this young are hashed each time
    with environment(home / "data"):
        for arguments in (
            ["add", f"file://{home / 'shop'}", "--name", "shop"], ["add", str(home / "depot")],
            ["add", str(notes)], ["index", "--all", "--quiet"], ["index", "--all", "--quiet"],
        ):  # fmt: skip
            code, out = command(arguments)
            assert code == 0, out


def _commit(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    options = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True)


@contextlib.contextmanager
def environment(data: Path) -> Iterator[None]:
    """The variables that make this process work on a data folder."""
    wanted = {"CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "test", "CODE_INDEX_SHARD_POINTS": "100"}
    before = {name: os.environ.get(name) for name in (*wanted, "DAGSTER_HOME")}
    os.environ.update(wanted)
    os.environ.pop("DAGSTER_HOME", None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def command(arguments: list[str]) -> tuple[int, str]:
    """Runs a command of the program in this process; gives its exit code and what it printed."""
    from code_index_assets.cli.main import main

    out = io.StringIO()
    argv, sys.argv = sys.argv, ["code-index", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main()
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    finally:
        sys.argv = argv
        os.environ.pop("DAGSTER_HOME", None)
    return 0, out.getvalue()


def findings() -> list[dict[str, Any]]:
    code, out = command(["doctor", "--deep", "--json"])
    found = list(json.loads(out[out.index("{") :])["findings"])
    assert code == (1 if found else 0), (code, out)
    return found


def answers() -> tuple[list[Any], set[int]]:
    """What searches find, and their exit codes."""
    found: list[Any] = []
    codes = set()
    for query in QUERIES:
        code, out = command(["search", query, "--json", "--limit", "20"])
        codes.add(code)
        try:
            hits = json.loads(out[out.index("{") :])["hits"]
            found.append([(hit["repository"], hit["path"], hit["start_line"], hit["score"]) for hit in hits])
        except (ValueError, KeyError):
            found.append(out)
    return found, codes


def suffer(kind: Kind, template: Path, place: Path, by: str = "command", before: list[Any] | None = None) -> Result:
    """Does one kind of damage to a copy of the template, and has it repaired."""
    shutil.copytree(template / "data", place, symlinks=True)
    with environment(place):
        if before is None:
            before = answers()[0]
        kind.inject(place)
        started = time.perf_counter()
        found = [one for one in findings() if one["level"] == "fail"]
        named = [one for one in found if one["kind"] == kind.group] or [
            one for one in found if {one["kind"], kind.group} <= {"shard", "points", "table", "publication"}
        ]
        during, codes = answers()
        state = "same" if during == before else f"exit {max(codes)}"
        commands = list(dict.fromkeys(tuple(one["command"]) for one in found if one["command"]))
        if by == "index":
            commands = [("code-index", "index", "--all", "--quiet")]
        told = []
        for argv in commands:
            code, out = command(list(argv[1:]))
            if code:
                told.append(f"{' '.join(argv)}: exit {code}: {out.strip()[-400:]}")
        left = findings()
        told += [f"left: {one['what']}" for one in left]
        after = answers()[0]
        seconds = time.perf_counter() - started
    shutil.rmtree(place, ignore_errors=True)
    shown = "; ".join(" ".join(argv) for argv in commands)
    return Result(kind.name, bool(named), state, shown, not told, after == before, seconds, "; ".join(told))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help="default: every kind")
    parser.add_argument("--list", action="store_true", help="name the kinds and do nothing")
    parser.add_argument("--by", choices=("command", "index"), default="command")
    options = parser.parse_args()
    if options.list:
        for kind in KINDS:
            print(f"{kind.name:<28} {kind.what}")
        return 0
    wanted = [kind for kind in KINDS if not options.kinds or kind.name in options.kinds]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="code-index-damage-") as folder:
        home = Path(folder)
        make_template(home)
        with environment(home / "data"):
            assert not findings()
            before = answers()[0]
        print(f"{'kind':<28} {'found':<6} {'searches':<9} {'repaired':<9} {'answers':<8} {'s':>5}  command")
        for number, kind in enumerate(wanted):
            result = suffer(kind, home, home / f"damaged-{number}", options.by, before)
            wrong += not result.right
            print(
                f"{result.kind:<28} {'yes' if result.found else 'NO':<6} {result.during:<9} "
                f"{'yes' if result.repaired else 'NO':<9} {'same' if result.same else 'OTHER':<8} "
                f"{result.seconds:>5.1f}  {result.command}" + (f"\n    {result.told}" if result.told else ""),
                flush=True,
            )
    print(f"{len(wanted) - wrong} of {len(wanted)} kinds found and repaired")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
