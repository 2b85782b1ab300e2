"""How far the catalogue is behind: seen by `status`, waited for by `sql`, ended by `catalog`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publishing as p
from click.testing import CliRunner

from code_index_assets.analytics.lag import CatalogueLag, catalogue_lag, published_state, record_state
from code_index_assets.cli import sql
from code_index_assets.cli.status import status_command
from code_index_assets.errors import BehindError
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.publish import publish
from code_index_assets.storage.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return p.layout_at(tmp_path / "data")


def put(layout: Layout, files: dict[str, str], key: str = "acme/shop") -> None:
    content = p.make_content(layout, files, key=key)
    publish(p.permit_for(content), content, EdgeBackend(layout, p.SPACE, p.DIM), layout)


def hold(layout: Layout) -> None:
    """As a build does at its end."""
    layout.catalog.touch()
    record_state(layout, published_state(layout))


def test_each_publication_that_the_catalogue_lacks_counts(layout: Layout) -> None:
    assert catalogue_lag(layout) == CatalogueLag(0, 0.0)
    put(layout, p.SHOP)
    assert catalogue_lag(layout).behind_publications == 1, "there is no catalogue"
    hold(layout)
    assert catalogue_lag(layout) == CatalogueLag(0, 0.0)
    put(layout, p.SHOP | {"a.py": "def a(): pass"})
    put(layout, p.SHOP, key="acme/lib")
    behind = catalogue_lag(layout)
    assert behind.behind_publications == 2 and 0 <= behind.behind_seconds < 3600
    hold(layout)
    assert catalogue_lag(layout).behind_publications == 0
    (layout.root / "catalog.holds.json").write_text("junk")
    assert catalogue_lag(layout).behind_publications == 2, "what it holds is not known"


def test_status_says_it(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, p.SHOP)
    monkeypatch.setenv("CODE_INDEX_DATA", str(layout.root))
    told = json.loads(CliRunner().invoke(status_command, ["--json"]).stdout)
    assert told["catalog"]["behind_publications"] == 1 and told["catalog"]["behind_seconds"] >= 0


def test_sql_waits_and_with_fresh_never_answers_from_an_old_one(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(layout, p.SHOP)
    layout.catalog.touch()
    started: list[Layout] = []
    monkeypatch.setattr(sql, "follow_catalogue", started.append)
    with pytest.raises(BehindError, match="lacks 1 publications"):
        sql._wait(layout, 0.2, fresh=True)
    sql._wait(layout, 0.2, fresh=False)
    assert "note: the catalogue lacks 1 publications" in capsys.readouterr().err
    assert len(started) == 2, "a builder is started where none is at work"
    monkeypatch.setattr("code_index_assets.analytics.lag.time.sleep", lambda seconds: hold(layout))
    sql._wait(layout, 60, fresh=True)
    assert capsys.readouterr().err == ""
