"""The stage table after a run: shares add up, what ran beside is not counted twice, particulars are told."""

from __future__ import annotations

import re

import pytest

from code_index_assets.cli.report import print_report
from code_index_assets.progress import stage_note
from code_index_assets.settings import Settings
from code_index_assets.workers.outcome import Outcome


def row(stage: str, seconds: float, items: int | None = None, **info: object) -> dict[str, object]:
    return {
        "asset": "embeddings",
        "stage": stage,
        "started_at": 1.0,
        "seconds": seconds,
        "items": items,
        "unit": "chunks",
        "info": info,
    }


def test_shares_add_up_to_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    stages = [
        row("parse", 4.0, 100, mode="parallel"),
        row("embed ahead", 3.5, 80, beside=True, busy=0.9, queue_most=3, queue_limit=16),
        row("embed", 4.0, 200, padding_waste=0.042),
    ]
    print_report(Outcome("r", "run", False, 10.0, "error: why", [], stages), Settings(), 10.0)
    out = capsys.readouterr().out
    shares = [
        float(share)
        for share in re.findall(
            r"([\d.]+)%", "\n".join(re.sub(r"(busy|padding).*", "", line) for line in out.splitlines())
        )
    ]
    assert sum(shares) == pytest.approx(100)
    lines = {
        name: next(line for line in out.splitlines() if f" {name}" in line)
        for name in ("embed  ", "embed ahead", "bookkeeping")
    }
    assert "200 chunks" in lines["embed  "] and "50/s" in lines["embed  "] and "padding 4.2%" in lines["embed  "]
    assert "beside" in lines["embed ahead"] and "busy 90%, queue ≤ 3 of 16" in lines["embed ahead"]
    assert "2.00 s" in lines["bookkeeping"]


def test_notes_tell_hits_requests_and_price() -> None:
    assert stage_note({"hits": 95, "ahead": 5}, 100) == "95% known, 5 computed ahead"
    assert (
        stage_note({"requests": 12, "tokens": 1200, "price_usd": 0.0002, "space": "s"}, 4)
        == "12 requests, 1,200 tokens, $0.0002"
    )
    assert stage_note({}, None) == ""
