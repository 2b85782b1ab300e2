"""Every kind of damage that `benchmarks.robustness.damage --list` names: found, repaired, and searches answer as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from templates import made_once

from benchmarks.robustness import damage
from benchmarks.robustness.kinds import KINDS, Kind

# One of each part of the folder; the others are marked slow.
REPRESENTATIVE = {
    "embeddings-flipped", "payload-flipped", "publication-pointer-junk", "packed-refs-lock", "runs-junk",
}  # fmt: skip


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """An indexed data folder with its sources, and what searches find in it."""
    home = made_once(tmp_path_factory, "damage", _make_template)
    found = json.loads((home / "answers.json").read_text())
    return home, [[tuple(hit) for hit in hits] if isinstance(hits, list) else hits for hits in found]


def _make_template(home: Path) -> None:
    damage.make_template(home)
    with damage.environment(home / "data"):
        assert damage.findings() == []
        (home / "answers.json").write_text(json.dumps(damage.answers()[0]))


def marked(kind: Kind) -> Any:
    return pytest.param(kind, id=kind.name, marks=() if kind.name in REPRESENTATIVE else pytest.mark.slow)


@pytest.mark.parametrize("kind", [marked(kind) for kind in KINDS])
def test_damage_is_found_and_repaired(template: tuple[Path, Any], tmp_path: Path, kind: Kind) -> None:
    home, before = template
    result = damage.suffer(kind, home, tmp_path / "data", "command", before)
    assert result.found, result
    assert result.repaired and result.same, result.told


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS if kind.name != "registry-junk"])
def test_an_ordinary_run_repairs_what_it_needs(template: tuple[Path, Any], tmp_path: Path, kind: Kind) -> None:
    """Without any repair: the next index run succeeds and searches answer as before."""
    home, before = template
    data = tmp_path / "data"
    shutil.copytree(home / "data", data)
    with damage.environment(data):
        kind.inject(data)
        if kind.name == "version-junk":
            assert damage.command(["index", "--all", "--quiet"])[0] == 2
            return
        code, out = damage.command(["index", "--all", "--quiet"])
        assert code == 0, out
        assert damage.answers()[0] == before


def test_at_least_thirty_kinds_have_names() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 30
