"""Folders that take long to fill: filled once a session, by the worker that comes first, and copied from there."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name that all workers share. Tests only read it; what they change is a `copy_of` it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home, made = shared / f"shared-{name}", shared / f"shared-{name}.made"
    with (shared / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            make(home)
            made.touch()
    return home


def copy_of(home: Path, place: Path) -> Path:
    """A copy, whose registry names the repositories in the copy if they are in it."""
    shutil.copytree(home, place, symlinks=True, dirs_exist_ok=True)
    registry = place / "data" / "repositories.toml"
    if registry.exists():
        registry.write_text(registry.read_text().replace(str(home), str(place)))
    return place
