"""Which folders of this machine a client may have indexed, and how each is handed to the command line.

What lives here: the check and the arguments. What does not: running (`serve/index_runs.py`), reading folders
(`sources/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import QueryError
from ...search.places import local_path
from ...settings import Settings
from ...storage.layout import Layout


@dataclass(frozen=True)
class IndexableFolder:
    """A folder with links resolved, and the arguments of `code-index index` for it."""

    path: Path
    arguments: list[str]


def indexable_folder(directory: str, settings: Settings, layout: Layout, transport: str) -> IndexableFolder:
    """The folder a client named. Over HTTP only inside CODE_INDEX_MCP_ROOTS, links followed; over stdio any.

    Raises QueryError. What lies outside the roots is refused before anything is looked at, there or not.
    """
    try:
        named = local_path(directory) or directory
        given = Path(named).expanduser() if transport == "stdio" else Path(named)
        if not given.is_absolute():
            raise QueryError(
                f"{directory[:200]!r} is not an absolute path", remedy="give the whole path of the checkout"
            )
        folder = given.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise QueryError(f"{directory[:200]!r} cannot be a folder", remedy="give the path of a checkout") from error
    if transport != "stdio":
        _check_roots(folder, settings)
    if not folder.is_dir():
        raise QueryError(f"there is no folder {folder}", remedy="give the path of a checkout on the server's machine")
    data = layout.root.resolve()
    if folder in (Path(folder.anchor), Path.home().resolve()) or folder == data or folder.is_relative_to(data):
        raise QueryError(f"{folder} is no checkout", remedy="name the folder of one project")
    return IndexableFolder(folder, _arguments(folder, settings, layout))


def _check_roots(folder: Path, settings: Settings) -> None:
    if not settings.mcp_roots:
        raise QueryError(
            "this server indexes no local folders for its clients",
            remedy="the server's operator can allow folders with CODE_INDEX_MCP_ROOTS; `code-index mcp` takes any",
        )
    if not any(folder.is_relative_to(root.resolve()) for root in settings.mcp_roots):
        raise QueryError(
            "that folder is outside those this server may index",
            remedy=f"it may index what is below {', '.join(map(str, settings.mcp_roots))}",
        )


def _arguments(folder: Path, settings: Settings, layout: Layout) -> list[str]:
    """The arguments for a checkout: its working tree with uncommitted changes, even if it is registered by commits."""
    from ...sources.registry import Registry

    if not (folder / ".git").exists():
        return [str(folder)]
    here = [
        entry
        for entry in Registry.load(settings.registry_file, layout).entries
        if entry.path is not None and Path(entry.path).resolve() == folder
    ]
    of_worktree = next((entry for entry in here if entry.worktree), None)
    if of_worktree is not None:
        return [of_worktree.name]
    if here:
        return [str(folder), "--worktree", "--name", f"{here[0].name}-worktree"]
    return [str(folder), "--worktree"]
