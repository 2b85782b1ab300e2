"""Clocks: set back, across time zones, on leap days. Nothing that was pushed or published is lost by what a clock says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chains import GitRepository
from steps_alone import run, settings_of

from code_index_assets.index.reader import open_index
from code_index_assets.operations.retention import remove_old_run_log, remove_unnamed
from code_index_assets.records.run_log import RunLog
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.heads import Polled

LEAP_DAY = datetime(2028, 2, 29, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def place(tmp_path: Path) -> tuple[GitRepository, Settings, Layout]:
    """A repository that is registered in a data folder: (repository, settings, layout)."""
    repository = GitRepository(tmp_path / "work")
    settings = settings_of(tmp_path / "data")
    layout = Layout(settings.data).create()
    Registry.load(settings.registry_file, layout).add(f"file://{repository.path}", name="code")
    return repository, settings, layout


def test_a_push_after_the_clock_was_set_back_is_published(
    place: tuple[GitRepository, Settings, Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, settings, layout = place
    real = time.time
    shift = 0.0
    monkeypatch.setattr(time, "time", lambda: real() + shift)
    published = []
    for number, shift in enumerate((0.0, -86_400.0, -3_600.0, 10 * 365 * 86_400.0, 0.0)):
        commit = repository.commit({"a.py": f"def f():\n    return {number}\n"})
        results = run(settings, "code", f"r{number}")
        assert results[-1].outcome == "built", shift
        receipt = open_index(layout, settings).receipts["code"]
        assert receipt.commit == commit
        published.append(receipt.observed_at)
    assert published == sorted(published)
    # And back to what was published first: a force-push is a push.
    repository.git("reset", "-q", "--hard", "HEAD~3")
    shift = -5 * 86_400.0
    run(settings, "code", "back")
    assert open_index(layout, settings).receipts["code"].commit == repository.git("rev-parse", "HEAD").strip()


def test_nothing_that_is_named_is_removed_whatever_the_clock_says(
    place: tuple[GitRepository, Settings, Layout], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, settings, layout = place
    repository.commit({"a.py": "def f():\n    return 1\n"})
    run(settings, "code", "r1")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 50 * 365 * 86_400.0)
    for pin in (layout.root / "pins").glob("*/*"):
        pin.unlink()
    assert remove_unnamed(layout, older_than=1.0).artifacts == 0
    monkeypatch.setattr(time, "time", lambda: real() - 50 * 365 * 86_400.0)
    assert remove_unnamed(layout, older_than=1.0).artifacts == 0
    assert [result.outcome for result in run(settings, "code", "r2")] == ["reused"] * 6


def test_a_turn_that_a_wrong_clock_set_is_not_waited_for() -> None:
    now = 1_000_000.0
    assert Polled(polled_at=now - 10, next_at=now + 290).is_due(now) is False
    assert Polled(polled_at=now + 86_400, next_at=now + 86_700).is_due(now) is True
    assert Polled().is_due(now) is True


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"])
def test_leap_days_and_time_zones_of_the_run_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        layout = Layout(tmp_path).create()
        days = []
        for offset in (-1, 0, 1):
            monkeypatch.setattr(time, "time", lambda at=LEAP_DAY + offset * 86_400.0: at)
            RunLog(layout).append("step", f"run{offset}", [{"partition": "code"}])
        days = sorted(path.name for path in layout.run_log.iterdir())
        assert days == ["2028-02-28", "2028-02-29", "2028-03-01"]
        assert remove_old_run_log(layout, 1) == 1  # it is March 1st: what is before February 29th goes
        assert sorted(path.name for path in layout.run_log.iterdir()) == days[1:]
        monkeypatch.setattr(time, "time", lambda: LEAP_DAY - 400 * 86_400.0)
        assert remove_old_run_log(layout, 1) == 0
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
