"""`code-index backup` and `restore`: identical answers, nothing copied twice, damage named file by file."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from code_index_assets.index.reader import open_index
from code_index_assets.operations.backup.manifest import BackupTarget
from code_index_assets.settings import load_settings
from code_index_assets.storage.layout import Layout

from .conftest import Command

QUESTIONS = (
    ("search", "adds an item", "--json"), ("symbol", "AddItem", "--json"), ("references", "order", "--json"),
    ("grep", "return order", "--json"), ("sql", "SELECT * FROM main.repositories ORDER BY ALL", "--json"),
)  # fmt: skip

TIMES = {"took_ms", "age_seconds", "seconds", "milliseconds", "seen_seconds_ago"}


def points(data: Path) -> dict[str, object]:
    snapshot = open_index(Layout(data), load_settings())
    found: dict[str, object] = {}
    for key in snapshot.receipts:
        for point in snapshot.get(list(snapshot.ids(key))):
            found[str(point.id)] = (key, dict(point.payload))
    return found


def answers(run: Command) -> list[object]:
    told = []
    for question in QUESTIONS:
        code, out, err = run(*question)
        assert code == 0, (question, err)
        told.append(_without_times(json.loads(out)))
    return told


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in TIMES}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def _lines(value: object) -> set[str]:
    return set(json.dumps(value, indent=1).splitlines())


def test_a_restored_folder_answers_the_same(
    run: Command, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (indexed / "run_log" / "2026-01-01").mkdir(parents=True)
    (indexed / "run_log" / "2026-01-01" / "x.jsonl").write_text('{"record": "usage"}\n{"cut of')
    target = tmp_path / "backups"
    code, out, err = run("backup", str(target), "--dry-run", "--json")
    assert code == 0 and not target.exists(), err
    planned = json.loads(out)
    code, out, err = run("backup", str(target), "--json")
    first = json.loads(out)
    assert code == 0 and first["partitions"] == 2 and first["files"] == planned["files"] and not first["left_out"]
    code, out, _ = run("backup", str(target), "--json")
    again = json.loads(out)
    assert again["new_bytes"] < first["new_bytes"] / 10 and again["files"] == first["files"]
    expected, ids = answers(run), points(indexed)
    restored = tmp_path / "elsewhere" / "data"
    monkeypatch.setenv("CODE_INDEX_DATA", str(restored))
    code, out, err = run("restore", str(target), "--json")
    assert code == 0, err
    for question, answer, before in zip(QUESTIONS, answers(run), expected, strict=True):
        assert _lines(answer) - _lines(before) == set(), question
        assert answer == before, question
    assert points(restored) == ids and len(ids) > 250
    assert (restored / "run_log" / "2026-01-01" / "x.jsonl").read_text() == '{"record": "usage"}\n'
    with sqlite3.connect(restored / "dagster" / "history" / "runs.db") as records:
        assert records.execute("SELECT count(*) FROM runs").fetchone()[0] > 0
    code, out, _ = run("doctor", "--deep")
    assert code == 0, out
    code, out, _ = run("index", "--all", "--quiet")
    assert code == 0, out
    code, _, err = run("restore", str(target))
    assert code == 2 and "not empty" in err


def test_a_backup_that_is_cut_off_leaves_the_earlier_one(
    run: Command, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "backups"
    assert run("backup", str(target))[0] == 0
    (indexed / "repositories.toml").write_text((indexed / "repositories.toml").read_text() + "# later\n")
    with monkeypatch.context() as cut:
        cut.setattr(BackupTarget, "write", lambda self, manifest: (_ for _ in ()).throw(KeyboardInterrupt()))
        assert run("backup", str(target))[0] != 0
    assert len(list((target / "backups").iterdir())) == 1 and not list((indexed / "tmp").iterdir())
    monkeypatch.setenv("CODE_INDEX_DATA", str(tmp_path / "new"))
    assert run("restore", str(target))[0] == 0
    assert "# later" not in (tmp_path / "new" / "repositories.toml").read_text()


def test_damage_of_a_backup_is_named_file_by_file(
    run: Command, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "backups"
    assert run("backup", str(target))[0] == 0
    objects = sorted((target / "objects").glob("??/*"), key=lambda path: path.stat().st_size)
    objects[-1].write_bytes(objects[-1].read_bytes()[:-1] + b"?")
    objects[0].unlink()
    new = tmp_path / "new"
    monkeypatch.setenv("CODE_INDEX_DATA", str(new))
    code, out, _ = run("restore", str(target), "--json")
    told = json.loads(out)["damaged"]
    assert code == 5 and {fault.split()[0] for fault in (f["fault"] for f in told)} == {
        str(objects[-1]),
        str(objects[0]),
    }
    assert all(entry["path"] for entry in told) and not new.exists()
    # The next backup writes what is gone again; other bytes of the same length are found by `restore --dry-run`.
    monkeypatch.setenv("CODE_INDEX_DATA", str(indexed))
    objects[-1].unlink()
    assert run("backup", str(target))[0] == 0
    monkeypatch.setenv("CODE_INDEX_DATA", str(new))
    assert run("restore", str(target), "--dry-run")[0] == 0 and not new.exists()


def test_places_that_cannot_be_used(run: Command, indexed: Path, tmp_path: Path) -> None:
    code, _, err = run("backup", str(indexed / "inside"))
    assert code == 2 and "inside of the data folder" in err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    code, _, err = run("backup", str(tmp_path / "other"))
    assert code == 2 and "other things" in err and os.listdir(tmp_path / "other") == ["file"]
    code, _, err = run("restore", str(tmp_path / "other"))
    assert code == 2 and "no backups" in err
    assert run("backup")[0] == 2


def test_only_as_many_backups_as_wanted_are_kept(run: Command, indexed: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    for number in range(3):
        (indexed / "registry.saved").write_text(f"# {number}\n")
        assert run("backup", str(target), "--keep", "2")[0] == 0
    assert len(list((target / "backups").iterdir())) == 2
    named = {f["digest"] for path in (target / "backups").iterdir() for f in json.loads(path.read_bytes())["files"]}
    assert {path.name for path in (target / "objects").glob("??/*")} == named
