"""Names that nothing has: what was meant is suggested, and nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status", "shp"), 1),
        (("files", "shp"), 1),
        (("rollback", "shp"), 1),
        (("accept", "shp", "code_still_there", "--reason", "r"), 1),
        (("search", "part", "--repo", "shp"), 1),
        (("remove", "shp"), 2),
        (("purge", "shp", "--yes"), 2),
        (("plan", "shp"), 2),
        (("index", "shp"), 2),
        (("add", "shp"), 2),
    ],
)
def test_a_misspelt_repository(run: Command, indexed: Path, arguments: list[str], code: int) -> None:
    before = (indexed / "repositories.toml").read_text()
    ended, out, err = run(*arguments)
    assert ended == code and "shop" in out + err and "depot" not in out + err
    assert (indexed / "repositories.toml").read_text() == before


def test_names_far_from_all(run: Command, indexed: Path) -> None:
    for command in ("status", "files", "remove"):
        code, _, err = run(command, "zzzz")
        assert code and "no repository is named 'zzzz'" in err and "did you mean" not in err


def test_a_misspelt_command(run: Command) -> None:
    code, _, err = run("serch", "x")
    assert code == 2 and "Did you mean search" in err


def test_a_reason_that_no_file_has(run: Command, indexed: Path) -> None:
    code, _, err = run("files", "shop", "--reason", "binry")
    assert code == 1 and "no file of shop was left out as 'binry'" in err


def test_a_space_is_not_compared_with_itself(run: Command, indexed: Path) -> None:
    code, _, err = run("compare", "test")
    assert code == 2 and "compared with itself" in err


def test_a_file_is_no_repository(run: Command, indexed: Path, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    code, _, err = run("index", str(tmp_path / "one.py"))
    assert code == 2 and "one.py is no folder" in err


def test_a_space_that_is_not_there(run: Command, indexed: Path) -> None:
    for arguments in (("search", "part", "--space", "nope"), ("compare", "nope"), ("use", "nope")):
        code, _, err = run(*arguments)
        assert code == 1 and "nope" in err and "one of: test-" in err
    assert run("search", "part_7", "--space", "test")[0] == 0


def test_options_that_say_another_thing_than_the_registry(run: Command, indexed: Path) -> None:
    before = (indexed / "repositories.toml").read_text()
    for arguments, said in (
        (("shop", "--ref", "v1"), 'write refs = ["v1"]'),
        (("shop", "--worktree"), "--worktree --name NAME"),
        (("shop", "--all"), "a repository was given too"),
        (("--all", "--ref", "v1"), "--ref was given too"),
    ):
        code, _, err = run("index", *arguments)
        assert code == 2 and said in err
    assert (indexed / "repositories.toml").read_text() == before
