"""The entries of a git tree: listed whole, or from those of an earlier tree and what changed since.

What lives here: these two ways to the same rows. What does not: which tree is meant (`source.py`) and how git is called
(`process.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ..safe_names import REMOVED
from ..snapshot import MODE_SUBMODULE, entries_frame
from .process import GitFailed, run_git, translate

# Changed paths go on git's command line; with more of them, listing the tree whole is about as fast.
_MOST_PATHS = 500
_MOST_PATH_BYTES = 60_000

Row = tuple[bytes, str, int, int | None]


def list_tree(git_dir: Path, commit: str, where: str) -> list[Row]:
    """(path, object id, mode, size or None) of every entry of a commit. Raises SourceError."""
    try:
        return _listed(git_dir, commit)
    except GitFailed as failure:
        raise translate(failure, where) from None


def entries_since(git_dir: Path, before: str, now: str, entries: pl.DataFrame) -> pl.DataFrame | None:
    """The entries (tables.ENTRIES) of the tree `now`, from those of the tree `before` and what git tells apart.

    The same as listing it whole, which takes 0.4 s for 50,000 files, and much more where objects are not packed. None
    if it has to be: too much changed, a tree is not there, or a path or size was or is not a plain one.
    """
    unsafe = pl.col("path").str.contains(REMOVED, literal=True)  # git knows it by another name
    if entries.select(pl.col("size").is_null() | pl.col("path_raw").is_not_null() | unsafe).to_series().any():
        return None
    try:
        compare = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none")
        changed = run_git([*compare, "--end-of-options", before, now], git_dir=git_dir).split(b"\0")[:-1]
        if len(changed) > _MOST_PATHS or sum(map(len, changed)) > _MOST_PATH_BYTES:
            return None
        paths = [path.decode("utf-8") for path in changed]
        rows = _listed(git_dir, now, paths) if paths else []
    except (GitFailed, UnicodeDecodeError):
        return None
    if any(size is None for *_, size in rows) or not {path for path, *_ in rows} <= set(changed):
        return None
    gone = pl.DataFrame({"path": paths}, schema={"path": pl.String})
    return pl.concat([entries.join(gone, on="path", how="anti"), entries_frame(rows)]).sort("path")


def _listed(git_dir: Path, tree: str, paths: Iterable[str] = ()) -> list[Row]:
    command = ("--literal-pathspecs", "ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", tree)
    rows: list[Row] = []
    for record in run_git([*command, *paths], git_dir=git_dir).split(b"\0")[:-1]:
        facts, _, path = record.partition(b"\t")
        mode, _, oid, size = facts.split()
        number = int(mode, 8)
        known = int(size) if size.isdigit() else (0 if number == MODE_SUBMODULE else None)
        rows.append((path, oid.decode("ascii"), number, known))
    return rows
