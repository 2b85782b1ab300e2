"""`code-index remove` that was killed at any point goes on when it is called again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from code_index_assets.analytics import catalog
from code_index_assets.operations import retire
from code_index_assets.sources.registry import Registry

from .conftest import Command


class Killed(BaseException):
    """Stands for a kill: nothing catches it, and nothing is cleaned up by the command after it."""


def kill(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("where", ["registry", "index", "artifacts", "catalogue"])
def test_a_removal_goes_on(run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    place = {
        "registry": (Registry, "remove"),
        "index": (retire, "remove_partition"),
        "artifacts": (retire, "clear_failure"),
        "catalogue": (catalog, "build_catalog"),
    }[where]
    with monkeypatch.context() as patched:
        patched.setattr(*place, kill)
        with pytest.raises(Killed):
            run("remove", "shop")
    code, out, _ = run("doctor", "--json")
    cut = [
        finding for finding in json.loads(out[out.index('{"findings') :])["findings"] if finding["kind"] == "removal"
    ]
    assert bool(cut) == (where != "registry")
    assert all(finding["command"] == ["code-index", "remove", "shop"] for finding in cut) and code in (0, 1)
    assert run("remove", "shop")[0] == 0
    code, out, _ = run("doctor", "--deep", "--json")
    assert code == 0, out
    assert "shop" not in run("list")[1]
    assert run("search", "gateway", "--repo", "shop")[0] == 1
    assert run("remove", "shop")[0] == 2  # and there is nothing left to remove


def test_the_registry_is_never_replaced_unasked(run: Command, indexed: Path) -> None:
    file = indexed / "repositories.toml"
    assert run("index", "depot", "--quiet")[0] == 0
    good = file.read_bytes()
    file.write_bytes(good + b"\n[[repository]\n")
    code, _, err = run("index", "--all")
    assert code == 2 and "repositories.toml" in err and "line" in err
    assert run("repair")[0] == 0
    assert file.read_bytes() != good
    assert run("repair", "registry")[0] == 0
    assert file.read_bytes() == good and list(indexed.glob("repositories.toml.damaged-*"))
