"""Damage of Dagster's records (SQLite): run history, event log, schedules.

Imports no Dagster: the next `open_instance` makes files anew that were moved aside.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ...errors import ConfigurationError
from ...settings import Settings
from ...sources.location import display_location
from ...sources.registry import Registry
from ...storage.layout import Layout, key_segment
from .findings import Finding, damage

GROUP = "dagster"
PARTITIONS = "repositories"  # the name of the partitions definition (`assets/partitions.py`)
# Above this a run only has the file opened and its tables listed; `doctor --deep` reads all of it.
QUICK_BYTES = 32 << 20


def home_of(layout: Layout) -> Path:
    """Dagster's home: `DAGSTER_HOME`, else `dagster/` in the data folder."""
    return Path(os.environ.get("DAGSTER_HOME") or layout.dagster_home)


def check_dagster(layout: Layout, *, deep: bool = True) -> Iterator[Finding]:
    """Findings in Dagster's databases."""
    for file in _files(layout, deep):
        if what := damage_of(file, deep=deep):
            yield damage("dagster", GROUP, f"{file} is damaged: {what}", lambda path=file: put_aside(path))  # type: ignore[misc]


def check_partitions(layout: Layout, settings: Settings) -> Iterator[Finding]:
    """Partitions of Dagster's that no registry entry has and nothing is stored of, and more than its UI bears.

    Only of records in SQLite; a deployment with another storage sees the check `partitions_in_bounds` of `catalog`.
    """
    keys = _partitions(layout)
    if len(keys) >= settings.warn_partitions:
        what = f"Dagster has {len(keys):,} partitions: its UI gets slow near {settings.warn_partitions:,}"
        yield Finding("warn", "dagster", what, "narrow `refs` in the registry, or use a second data folder")
    try:
        names = set(Registry.load(settings.registry_file, layout).names)
    except ConfigurationError:
        return  # the registry's own check reports it, and without it no partition can be called a stray
    stored = set(layout.keys("repository")) if keys else set()
    homes = {home.name for home in stored}
    for key in keys:
        if key.partition("@")[0] not in names and key not in names and key_segment(key) not in homes:
            yield damage(
                "partition", GROUP, f"the partition {display_location(key)} of Dagster is in no registry entry",
                lambda key=key: _remove_partition(layout, key),  # type: ignore[misc]
            )  # fmt: skip


def _records(layout: Layout) -> Path:
    return home_of(layout) / "history" / "runs" / "index.db"


def _partitions(layout: Layout) -> list[str]:
    file = _records(layout)
    if not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            rows = connection.execute(
                "SELECT partition FROM dynamic_partitions WHERE partitions_def_name = ? ORDER BY id", [PARTITIONS]
            )
            return [str(row[0]) for row in rows]
    except sqlite3.Error:
        return []  # damaged, or made by no Dagster yet: `check_dagster` looks at that


def _remove_partition(layout: Layout, key: str) -> str:
    with closing(sqlite3.connect(_records(layout), timeout=30)) as connection, connection:
        connection.execute(
            "DELETE FROM dynamic_partitions WHERE partitions_def_name = ? AND partition = ?", [PARTITIONS, key]
        )
    return f"the partition {display_location(key)} was removed from Dagster's records"


def damaged_files(layout: Layout) -> list[Path]:
    """The files that no run could start with."""
    return [file for file in _files(layout, deep=False) if damage_of(file, deep=False)]


def _files(layout: Layout, deep: bool) -> list[Path]:
    home = home_of(layout)
    main = [home / "history" / "runs.db", home / "history" / "runs" / "index.db", home / "schedules" / "schedules.db"]
    return sorted(home.glob("**/*.db")) if deep else [file for file in main if file.exists()]


def damage_of(file: Path, *, deep: bool) -> str:
    """What is wrong with an SQLite file, "" for nothing. One that is locked by a writer is not damaged."""
    try:
        if file.stat().st_size == 0:
            return ""
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if deep or file.stat().st_size <= QUICK_BYTES:
                row = connection.execute("PRAGMA quick_check(1)").fetchone()
                return "" if row is None or row[0] == "ok" else str(row[0]).splitlines()[-1]
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) or "unable to open" in str(error) else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    except FileNotFoundError:
        return ""
    return ""


def put_aside(file: Path) -> str:
    """Moves a damaged file, and what SQLite keeps beside it, away. Returns what that means."""
    aside = file.with_name(f"{file.name}.damaged-{int(time.time())}")
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside = file.with_name(file.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    return f"{file} is damaged and was moved to {aside.name}: Dagster's history in it is lost, nothing else"
