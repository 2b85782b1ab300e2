"""Questions are recorded without their text, bounded, and answer the SQL questions 28 to 32."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from catalogs import ask, build
from chains import Chain, GitRepository
from starlette.testclient import TestClient

from code_index_assets.analytics.questions import read_questions
from code_index_assets.records import usage
from code_index_assets.records.usage import Question, UsageLog
from code_index_assets.serve.http.app import create_app

QUESTIONS = {q.title.split(".")[0]: q.sql for q in read_questions(Path(__file__).parents[2] / "docs" / "questions.md")}
Two = tuple[Chain, GitRepository, GitRepository]


def test_questions_over_http_reach_the_marts(two: Two) -> None:
    chain = two[0]
    chain.settings = chain.settings.model_copy(update={"usage": True, "usage_text": True})
    with TestClient(create_app(chain.settings, chain.layout), base_url="http://127.0.0.1:1") as client:
        assert client.get("/v1/search", params={"q": "price"}).status_code == 200
        client.get("/v1/symbols", params={"name": "nothing_of_that_name"})
    log = usage.usage_of(chain.layout, chain.settings)
    assert log is not None
    log.flush()
    log.record(Question("mcp", "search_code", "found", 1500.0, 3, ("shop",)))
    log.flush()
    build(chain)
    asked = ask(chain, QUESTIONS["28"])
    assert {row[:3] for row in asked} >= {("http", "/v1/search", 1), ("mcp", "search_code", 1)}
    assert any("nothing_of_that_name" in row for row in ask(chain, QUESTIONS["29"]))
    assert next(row[2:5] for row in ask(chain, QUESTIONS["30"])) == ("search_code", 1500.0, 3)
    assert ask(chain, QUESTIONS["31"]) == [("search_code", 1, 0.0)]
    assert ask(chain, QUESTIONS["32"])[0][0] == "shop" and ask(chain, QUESTIONS["32"])[0][1] >= 2


def test_text_is_kept_only_by_setting_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(tmp_path / "data")
    log = UsageLog(chain.layout, kept_bytes=4000, with_text=False)
    monkeypatch.setattr(usage, "SEGMENT_BYTES", 1000)
    for number in range(60):
        log.record(Question("http", f"/v1/{number}", "found", 1.0, text="secret words"))
        log.flush()
    files = sorted((tmp_path / "data" / "usage").glob("*.jsonl"))
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert sum(path.stat().st_size for path in files) <= 5000 and rows[-1]["tool"] == "/v1/59"
    assert not any("text" in row for row in rows)


def test_a_folder_that_cannot_be_written_fails_no_question(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "data")
    (tmp_path / "data" / "usage").write_text("a file")
    log = UsageLog(chain.layout, kept_bytes=4000, with_text=False)
    log.record(Question("http", "/v1/search", "found", 1.0))
    log.flush()
    assert log.dropped


def test_marts_are_exported_as_parquet(two: Two, tmp_path: Path) -> None:
    import duckdb

    from code_index_assets.analytics.query import Limits, export_marts

    chain = two[0]
    build(chain)
    made = dict(export_marts(chain.layout, tmp_path / "out", Limits()))
    assert len(made) == len(list((tmp_path / "out").iterdir())) > 25
    rows = (
        duckdb.connect().execute(f"SELECT count(*) FROM '{tmp_path}/out/symbol_definitions.parquet'").fetchall()[0][0]
    )
    assert (
        rows == made["symbol_definitions.parquet"] == ask(chain, "SELECT count(*) FROM marts.symbol_definitions")[0][0]
    )
