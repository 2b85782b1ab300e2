"""Git repositories on this machine: whether a folder is one, where its git directory is, where it was cloned from.

What lives here: questions to git about a folder. What does not: reading commits and objects (`source.py`), checkouts
with uncommitted work (`worktree.py`).
"""

from __future__ import annotations

from pathlib import Path

from ...errors import SourceError
from ..location import display_location, host_of, is_url
from .process import GitFailed, run_git, translate


def is_git_repository(folder: Path) -> bool:
    """Whether a folder is itself a git repository: a checkout, a linked worktree, a bare one."""
    if (folder / ".git").exists():
        return True
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def checkout_of(folder: Path) -> Path | None:
    """The checkout that a folder is, or lies in; None outside of any, in a bare repository, and where git ignores it.

    A folder that the checkout ignores is no part of it: registered by name, it is a plain folder.
    """
    if (folder / ".git").exists():
        return folder
    if not folder.is_dir():
        return None
    try:
        top = run_git(["rev-parse", "--show-toplevel"], cwd=folder).decode("utf-8", "surrogateescape").rstrip("\n")
    except GitFailed:
        return None
    if not top:
        return None
    try:
        run_git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], cwd=folder)
    except GitFailed:
        return None
    try:
        files = run_git(["ls-files", "--cached", "--others", "--exclude-standard", "--directory"], cwd=folder)
    except GitFailed:
        return None
    return Path(top) if files else None


def git_dir_of(folder: Path) -> Path:
    """The git directory of a local repository. Raises SourceError if git does not take it for one."""
    if not (folder / ".git").exists():
        return folder
    try:
        out = run_git(["rev-parse", "--absolute-git-dir"], cwd=folder)
    except GitFailed as failure:
        raise translate(failure, str(folder)) from None
    return Path(out.decode("utf-8", "surrogateescape").rstrip("\n"))


def hosted_origin(folder: Path) -> str | None:
    """The URL of a repository's remote `origin` without credentials, if it is on a host; None for all else."""
    if not is_git_repository(folder):
        return None
    try:
        origin = run_git(["config", "--get", "remote.origin.url"], git_dir=git_dir_of(folder))
    except (GitFailed, SourceError):
        return None
    url = display_location(origin.decode("utf-8", "replace").strip())
    return url if is_url(url) and host_of(url) else None
