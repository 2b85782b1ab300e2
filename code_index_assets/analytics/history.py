"""Churn: how often each file changed in the last commits of a repository.

What lives here: one bounded walk through git's history, kept as a small artifact by commit. What does not: what is
asked of it (the model `hot_spots`).

Only trees are compared (`git log --raw`, no renames): no file content is read, so mirrors without blobs serve as well.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..errors import SourceError
from ..sources.git.process import GitFailed, run_git
from ..sources.safe_names import safe_names
from ..sources.secrets.scan import secret_rules_version
from ..storage.artifacts import Artifact, ArtifactSpec, ArtifactStore
from ..storage.fingerprint import digest, fingerprint
from ..storage.layout import Layout
from .sources import CHURN, CHURN_WINDOWS

KIND = "history"
HISTORY_VERSION = "2"
TIMEOUT_SECONDS = 120.0
_CHURN = pl.Schema({column.name: column.dtype for column in CHURN.columns if column.name != "partition"})
_MARK = "\x1e"


@dataclass
class _Counts:
    commits: int = 0
    authors: set[str] = field(default_factory=set)
    first: float = 0.0
    last: float = 0.0


def history_fingerprint(commit: str, depth: int) -> str:
    """Names the history of a commit: equal when the same commits would be read."""
    # Paths that hold a secret are stored without it: other rules, other paths.
    names = secret_rules_version()
    return fingerprint({"commit": commit, "depth": depth, "names": names, "version": HISTORY_VERSION})


def git_folder(layout: Layout, repository: str, kind: str | None, location: str | None) -> Path | None:
    """The git folder that holds a publication's history; None for folders and what is no longer there."""
    mirror = layout.mirror(repository)
    if mirror.is_dir():
        return mirror
    if kind in ("git", "worktree") and location and Path(location).is_dir():
        return Path(location)
    return None


def history_folder(layout: Layout, key: str, commit: str, depth: int) -> Path:
    """Where the history artifact of a commit is, if it was made."""
    return layout.artifact_home(KIND, key) / history_fingerprint(commit, depth)


def make_history(layout: Layout, key: str, commit: str, depth: int, git: Path) -> Artifact:
    """Makes the history artifact of a commit; where git cannot tell (a damaged mirror) its state is `none`."""
    name = history_fingerprint(commit, depth)
    churn, commits, since = (pl.DataFrame(schema=_CHURN), 0, None)
    state = "none"
    try:
        churn, commits, since = _walk(git, commit.partition("+")[0], depth)
        state = "read"
    except (GitFailed, SourceError):
        state = "none"
    store = ArtifactStore(layout)
    old = store.previous(KIND, key)
    spec = ArtifactSpec(KIND, key, {"commit": commit, "depth": depth}, HISTORY_VERSION, name=name)
    with store.write(spec, run_id="") as writer:
        writer.write("churn", 0, churn)
        columns = {c.name: c.dtype for c in CHURN_WINDOWS.columns if c.name != "partition"}
        row = {"commit": commit, "state": state, "commits": commits, "since": since}
        writer.write("churn_windows", 0, pl.DataFrame([row], schema=columns))
        writer.info.update(commit=commit, state=state, commits=commits, made_at=time.time())
    made = store.require(KIND, key)
    if old is not None and old.fingerprint != made.fingerprint:
        # Nothing but the catalogue's build reads it, and that holds the lock.
        shutil.rmtree(old.path, ignore_errors=True)
    return made


def _walk(git: Path, commit: str, depth: int) -> tuple[pl.DataFrame, int, float | None]:
    """(churn, commits looked at, time of the oldest). Raises GitFailed, SourceError."""
    arguments = [
        "-c", "core.quotePath=false", "log", "-z", "--raw", "--no-renames", "--no-merges", "--no-abbrev",
        f"--max-count={depth}", f"--format={_MARK}%ct %ae", "--end-of-options", commit, "--",
    ]  # fmt: skip
    bare = (git / "HEAD").exists()
    out = run_git(arguments, git_dir=git if bare else None, cwd=None if bare else git, timeout=TIMEOUT_SECONDS)
    counts: dict[str, _Counts] = {}
    commits, oldest = 0, None
    at, author = 0.0, ""
    fields = iter(out.decode("utf-8", "backslashreplace").split("\0"))
    for item in fields:
        text = item.lstrip("\n")
        if text.startswith(_MARK):
            seconds, _, address = text[1:].split("\n", 1)[0].partition(" ")
            at, author = float(seconds), digest(address.strip().lower())
            commits += 1
            oldest = at if oldest is None else min(oldest, at)
        elif text.startswith(":"):
            path = next(fields, "")
            known = counts.setdefault(path, _Counts(first=at, last=at))
            known.commits += 1
            known.authors.add(author)
            known.first, known.last = min(known.first, at), max(known.last, at)
    paths = list(counts)
    for i, safe in safe_names(paths).items():  # a path that holds a secret is stored nowhere
        counts[safe] = counts.pop(paths[i])
    rows = [(p, c.commits, len(c.authors), c.first, c.last) for p, c in sorted(counts.items())]
    return pl.DataFrame(rows, schema=_CHURN, orient="row"), commits, oldest
