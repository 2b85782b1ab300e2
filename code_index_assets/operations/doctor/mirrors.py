"""Damage of git mirrors, and locks that killed git processes left in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ...errors import CodeIndexError, LockedError
from ...settings import Settings
from ...sources.git.process import GitFailed, run_git
from ...sources.git.source import stale_files
from ...sources.registry import Registry
from ...storage.layout import Layout
from .findings import Finding, damage

GROUP = "mirrors"
FSCK_SECONDS = 3600.0


def check_mirrors(layout: Layout, settings: Settings, *, deep: bool = True) -> Iterator[Finding]:
    """Every mirror; one that a run works with is left out. `deep`: every object of it."""
    names = {layout.mirror(entry.name): entry.name for entry in Registry.load(settings.registry_file, layout).entries}
    mirrors = layout.root / "mirrors"
    for mirror in sorted(mirrors.glob("*.git")) if mirrors.is_dir() else []:
        name = names.get(mirror, "")
        try:
            with layout.lock(f"mirror-{name}", timeout=0):
                what = _wrong(mirror, deep)
                stale = stale_files(mirror)
        except LockedError:
            continue
        if what:
            yield damage("mirror", GROUP, f"the mirror {mirror} is damaged: {what}", _remove_of(layout, mirror, name))
        if stale:
            listed = ", ".join(path.relative_to(mirror).as_posix() for path in stale[:5])
            yield damage(
                "mirror_lock", GROUP, f"a killed git left {listed} in {mirror}", _unlock_of(layout, mirror, name)
            )


def _wrong(mirror: Path, deep: bool) -> str:
    command = ["fsck", "--no-dangling", "--no-progress", "--no-reflogs"] if deep else ["rev-parse", "HEAD^{tree}"]
    try:
        run_git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], git_dir=mirror)
        run_git(command, git_dir=mirror, timeout=FSCK_SECONDS)
    except GitFailed as failure:
        lines = [line for line in failure.stderr.splitlines() if line.strip()]
        return lines[0] if lines else "its HEAD names no commit"
    except CodeIndexError as error:
        return error.message
    return ""


def _remove_of(layout: Layout, mirror: Path, name: str) -> Callable[[], str]:
    def remove() -> str:
        with layout.lock(f"mirror-{name}", timeout=60):
            shutil.rmtree(mirror, ignore_errors=True)
        return f"removed {mirror}: the next run fetches {name or 'it'} anew"

    return remove


def _unlock_of(layout: Layout, mirror: Path, name: str) -> Callable[[], str]:
    def unlock() -> str:
        with layout.lock(f"mirror-{name}", timeout=60):
            stale = stale_files(mirror)
            for path in stale:
                path.unlink(missing_ok=True)
        return f"removed {len(stale)} files that a killed git left in {mirror}"

    return unlock
