"""What people type by mistake, and what repositories do on purpose: one clear error, nothing half-done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chains import GitRepository
from stored import texts_in

from .conftest import Command


def test_an_empty_name_is_not_the_working_folder(
    run: Command, data: Path, monkeypatch: pytest.MonkeyPatch, repository: GitRepository
) -> None:
    repository.commit({"a.py": "def a():\n    return 1\n"})
    monkeypatch.chdir(repository.path)
    for command in ("add", "index"):
        code, _, err = run(command, "")
        assert code == 2 and "→" in err
    assert json.loads(run("list", "--json")[1])["repositories"] == []


def test_a_working_folder_that_is_gone(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, _, err = run("status")
    assert code == 2 and "the working folder is gone" in err


def test_a_data_folder_that_is_a_file(run: Command, data: Path, repository: GitRepository) -> None:
    repository.commit({"a.py": "def a():\n    return 1\n"})
    data.write_text("")
    for command in (("status",), ("search", "x"), ("index", str(repository.path))):
        code, _, err = run(*command)
        assert code == 2 and "is a file" in err and "CODE_INDEX_DATA" in err


def test_a_damaged_catalogue_says_how_to_have_a_new_one(run: Command, data: Path) -> None:
    run("list")
    data.mkdir(exist_ok=True)
    (data / "catalog.duckdb").write_text("junk")
    code, _, err = run("sql", "SELECT 1")
    assert code == 2 and str(data / "catalog.duckdb") in err and "code-index index" in err and "--memory" not in err


@pytest.mark.slow
def test_what_is_said_of_a_damaged_shard_mends_it(run: Command, data: Path, repository: GitRepository) -> None:
    import shutil

    repository.commit({"a.py": "def mended_name():\n    return 1\n"})
    assert run("index", str(repository.path), "--quiet")[0] == 0
    for stored in (data / "index").rglob("*.dat"):
        stored.write_bytes(b"x")
    code, _, err = run("search", "mended_name")
    assert code == 5 and "remove that space's folder in `index/`" in err and "index --all" in err
    code, out, err = run("index", str(repository.path), "--quiet")
    told = out + err
    assert code == 5 and "cannot be loaded" in told and "index --all" in told
    for space in (path for path in (data / "index").iterdir() if path.is_dir()):
        shutil.rmtree(space)
    assert run("index", "--all", "--quiet")[0] == 0
    assert run("search", "mended_name")[0] == 0


def test_file_names_do_not_drive_the_terminal(run: Command, repository: GitRepository) -> None:
    repository.commit({"a\x1b]0;owned\x07\nb.py": "def sneaky_name():\n    return 1\n"})
    assert run("index", str(repository.path), "--quiet")[0] == 0
    for command in (("search", "sneaky_name"), ("symbol", "sneaky_name"), ("files", repository.path.name)):
        code, out, _ = run(*command)
        assert code == 0
        assert "\x1b" not in out and "\x07" not in out and "\nb.py" not in out and "b.py" in out


def test_purge_leaves_nothing_of_a_file_in_any_ref_or_space(
    run: Command, data: Path, monkeypatch: pytest.MonkeyPatch, repository: GitRepository
) -> None:
    marker = "zebraquux"
    repository.commit({f"f{n}.py": f"def kept_{n}():\n    return {n}\n" for n in range(20)})
    repository.commit({"notes/leak.py": f"def leak_{marker}():\n    return '{marker}'\n"})
    repository.git("branch", "release/1")
    branch = repository.git("rev-parse", "--abbrev-ref", "HEAD").strip()
    place = ("index", str(repository.path), "--quiet")
    assert run(*place, "--ref", branch, "--ref", "release/*")[0] == 0
    monkeypatch.setattr("code_index_assets.embedding.models.hashed_words.DIMENSION", 32)  # another embedding space
    name = repository.path.name
    assert run("index", name, "--quiet")[0] == 0
    monkeypatch.undo()
    monkeypatch.setenv("CODE_INDEX_DATA", str(data))
    assert len(run("spaces")[1].splitlines()) == 2
    assert marker.encode() in everything_in(data)

    code, _, err = run("purge", name, "leak.py", "--yes")
    assert code == 2 and "leak.py" in err and "code-index files" in err
    assert run("search", f"leak_{marker}")[0] == 0
    assert "exclude" not in (data / "repositories.toml").read_text()

    code, out, _ = run("purge", name, "notes/leak.py", "--yes")
    assert code == 0 and "purged" in out
    assert marker.encode() not in everything_in(data)
    for ref in (branch, "release/1"):
        assert "kept_7" in run("search", "kept_7", "--ref", ref, "--path", "f7.py")[1]

    # Of a removed repository no ref is found, by searches or by SQL.
    assert run("remove", name)[0] == 0
    assert run("search", "kept_7")[0] == 1
    assert json.loads(run("sql", "SELECT count(*) AS n FROM files", "--format", "json")[1]) == [{"n": 0}]


def test_purge_of_what_was_never_indexed_indexes_nothing(run: Command, data: Path, repository: GitRepository) -> None:
    repository.commit({"a.py": "def a():\n    return 1\n"})
    run("add", str(repository.path))
    code, _, err = run("purge", repository.path.name, "a.py", "--yes")
    assert code == 1 and "nothing is stored" in err
    assert "exclude" not in (data / "repositories.toml").read_text()
    assert not (data / "index").exists()


def everything_in(folder: Path) -> bytes:
    """All bytes below a folder, with Parquet and the catalogue's tables decoded."""
    import duckdb
    import polars as pl

    pieces = []
    for path in folder.rglob("*"):
        if path.is_file():
            pieces.append(path.read_bytes())
        if path.suffix == ".parquet":
            pieces.append(repr(pl.read_parquet(path).to_dicts()).encode())
        if path.suffix == ".mapped" and path.name.startswith("texts-"):
            pieces += texts_in(path)
    with duckdb.connect(str(folder / "catalog.duckdb"), read_only=True) as catalogue:
        tables = catalogue.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, table in tables:
            pieces.append(repr(catalogue.execute(f'FROM "{schema}"."{table}"').fetchall()).encode())
    return b"\0".join(pieces)


def test_what_could_not_be_read_is_not_registered(run: Command, tmp_path: Path, repository: GitRepository) -> None:
    missing = (tmp_path / "nowhere.git").as_uri()
    code, out, err = run("index", missing, "--quiet")
    assert code == 4 and "is not registered" in err and "stays searchable" not in out
    assert "nowhere" not in run("list")[1] and "nowhere" not in run("doctor")[1]
    # One that was read before stays, whatever becomes of it.
    repository.commit({"a.py": "def kept_name():\n    return 1\n"})
    assert run("index", str(repository.path), "--quiet")[0] == 0
    repository.path.rename(tmp_path / "moved")
    code, out, _ = run("index", repository.path.name, "--quiet")
    assert code == 4 and repository.path.name in run("list")[1]
    assert run("search", "kept_name")[0] == 0


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_all_of_a_run(
    run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, signal_name: str
) -> None:
    import os
    import signal

    looked_at = []

    def interrupted(context: Any) -> Any:
        looked_at.append(context.key)
        os.kill(os.getpid(), getattr(signal, signal_name))
        raise AssertionError("it went on")

    for caller in ("assets.chain", "chain.unchanged"):
        monkeypatch.setattr(f"code_index_assets.{caller}.observe_repository", interrupted)
    code, out, err = run("index", "--all", "--quiet")
    assert (code, len(looked_at)) == (130, 1), out
    assert "what was finished is kept" in err and "stopped" in err and "Dagster" not in out + err
    new = GitRepository(tmp_path / "new")
    new.commit({"a.py": "x = 1\n"})
    code, _, err = run("index", str(new.path), "--quiet")
    assert code == 130 and "new is not registered" in err and "new" not in run("list")[1].split()
    monkeypatch.undo()
    monkeypatch.setenv("CODE_INDEX_DATA", str(indexed))
    monkeypatch.setenv("CODE_INDEX_MODEL", "test")
    assert json.loads(run("status", "--json")[1])["repositories"][0]["activity"] == ""


def test_a_full_disk_is_called_that(run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("code_index_assets.cli.registry.Registry.add", full)
    code, _, err = run("add", str(indexed))
    assert code == 5 and "disk is full" in err and "run the same again" in err


def test_records_of_dagster_that_cannot_be_written(
    run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def full(*arguments: Any, **options: Any) -> None:
        raise OperationalError("PRAGMA", {}, Exception("disk I/O error"))

    monkeypatch.setattr("code_index_assets.cli.index.run_chain", full)
    code, _, err = run("index", "shop", "--quiet")
    assert code == 5 and "Dagster's records could not be read or written: disk I/O error" in err
