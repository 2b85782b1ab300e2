"""Filters on what nothing indexed has: said, with what there is, at every front door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from .conftest import Command


@pytest.mark.parametrize("name", ["go", "golang", "Go", ".go"])
def test_other_names_of_a_language(run: Command, indexed: Path, name: str) -> None:
    code, out, _ = run("search", "AddItem", "--language", name)
    assert code == 0 and "cart.go" in out and "gateway" not in out
    assert run("search", f"AddItem lang:{name}")[0] == 0
    assert run("symbol", "AddItem", "--language", name)[0] == 0
    assert run("references", "AddItem", "--language", name)[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "AddItem", "--language", "pyton"),
        ("search", "AddItem lang:pyton"),
        ("symbol", "AddItem", "--language", "pyton"),
        ("references", "AddItem", "--language", "pyton"),
    ],
)
def test_a_language_that_nothing_is_in(run: Command, indexed: Path, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert code == (1 if arguments[0] == "search" else 5)  # nothing was looked at: no proof that it is not there
    assert (
        "no file that was searched is in the language 'pyton': did you mean python? there are python, go" in out + err
    )
    told = json.loads(run(*arguments, "--json")[1])
    assert "python" in told["notes"][0]


def test_a_kind_that_nothing_is_of(run: Command, indexed: Path) -> None:
    for arguments in (("search", "charge", "--kind", "functon"), ("search", "charge kind:functon")):
        code, out, _ = run(*arguments)
        assert code == 1 and "nothing that was searched has the kind 'functon': did you mean function?" in out
    assert run("search", "charge", "--kind", "functions")[0] == 0
    # Beside a filter that holds, the other one is told of all the same.
    code, out, _ = run("search", "part", "--kind", "function", "--kind", "macro", "--limit", "1")
    assert code == 0 and "the kind 'macro'" in out and "the kind 'function'" not in out
    code, out, err = run("symbol", "charge", "--kind", "class")
    assert code == 1 and "'charge' is defined, but not with the kind 'class': it is of kind method" in out + err
    code, out, err = run("symbol", "charge", "--kind", "functon")
    assert code == 1 and "of kind method" in out + err
    code, out, err = run("symbol", "nowhere", "--kind", "functon")
    assert code == 5 and "did you mean function?" in out + err


def test_filters_that_hold_say_nothing(run: Command, indexed: Path) -> None:
    told = json.loads(run("search", "no_such_thing", "--language", "go", "--kind", "function", "--json")[1])
    assert told["notes"] == []


def test_the_server_and_its_page_say_so(run: Command, indexed: Path) -> None:
    from code_index_assets.serve.http.app import create_app
    from code_index_assets.settings import load_settings

    with TestClient(create_app(load_settings()), base_url="http://127.0.0.1") as client:
        for place, wanted in (
            ("/v1/search?q=AddItem&language=pyton", "did you mean python?"),
            ("/v1/search?q=AddItem&kind=functon", "did you mean function?"),
            ("/v1/symbols?name=AddItem&language=pyton", "did you mean python?"),
            ("/v1/references?name=AddItem&language=pyton", "did you mean python?"),
        ):
            assert wanted in client.get(place).json()["notes"][0], place
        page = client.get("/?q=AddItem&language=pyton").text
        assert "did you mean python?" in page


def test_a_path_that_covers_nothing_is_told_in_text_too(run: Command, indexed: Path) -> None:
    note = "no indexed file is covered by the path 'nowhere/**'"
    for command in (("search", "charge"), ("symbol", "charge"), ("references", "charge")):
        code, out, err = run(*command, "--path", "nowhere/**")
        assert code == (1 if command[0] == "search" else 5) and note in out + err, command
        assert "spelled otherwise: charge" not in out
        assert note in json.loads(run(*command, "--path", "nowhere/**", "--json")[1])["notes"]
        # Beside one that covers something, too.
        code, out, err = run(*command, "--path", "nowhere/**", "--path", "*.py")
        assert code == 0 and note in out + err, command


@pytest.mark.parametrize("command", ["search", "symbol", "references"])
def test_an_unknown_ref_is_not_indexed(run: Command, indexed: Path, command: Any) -> None:
    code, _, err = run(command, "charge", "--ref", "release/9")
    assert code == 1 and "ref release/9 is not indexed; indexed: HEAD" in err
    code, out, _ = run(command, "charge", "--ref", "release/9", "--json")
    assert (code, json.loads(out)["outcome"]) == (1, "not_indexed")
