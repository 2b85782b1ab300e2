"""Changes of files: worked out for all files first, then written one by one, each as a whole or not at all.

What lives here: what changes for a client, and writing it. What does not: which files there are (`clients.py`), the
command (`cli/install.py`).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...errors import ConfigurationError
from . import jsonc, toml_table
from .clients import Client, Entry, OwnFile
from .guidance import MARK, with_block, without_block
from .jsonc import MalformedError

Edit = Callable[[str | None], str | None]


@dataclass(frozen=True)
class Change:
    """One file before and after; None: it is not there. `what` says in a word what it holds."""

    client: str
    file: Path
    what: str
    before: str | None
    after: str | None

    @property
    def action(self) -> str:
        """In a word what happens to the file."""
        if self.before == self.after:
            return "unchanged" if self.before is not None else "not there"
        return "create" if self.before is None else "remove" if self.after is None else "change"


def changes_of(clients: Iterable[Client], *, undo: bool) -> list[Change]:
    """What is to be written, nothing of it yet.

    Several changes of one file follow each other. Raises ConfigurationError for a file that cannot be read as what it
    should be, or that has our name and is not ours.
    """
    texts: dict[Path, str | None] = {}
    changes: list[Change] = []
    for client in clients:
        steps: list[tuple[str, Path, Edit]] = [("MCP entry", client.entry.file, partial(_entry, client.entry, undo))]
        if client.block is not None:
            steps.append(("guidance", client.block, partial(_block, undo)))
        for own in client.own:
            what = "sub-agent" if "agent" in own.file.name or own.file.parent.name == "agents" else "guidance"
            steps.append((what, own.file, partial(_own, own, undo)))
        for what, file, edit in steps:
            before = texts[file] if file in texts else _read(file)
            try:
                after = edit(before)
            except MalformedError as error:
                raise ConfigurationError(
                    f"{file} cannot be edited: {error}", remedy="correct the file and call again; no file was changed"
                ) from error
            texts[file] = after
            changes.append(Change(client.name, file, what, before, after))
    return changes


def _entry(entry: Entry, undo: bool, text: str | None) -> str | None:
    path, value = entry.path, entry.value
    if entry.file.suffix == ".toml":
        if undo:
            return _nothing_left(toml_table.remove_table(text, path)) if text is not None else None
        return toml_table.set_table(text or "", path, value)
    if path[0] == "mcp" and isinstance(jsonc.get(text or "", ("mcp", "servers")), dict):
        # The second form of OpenCode, which has no `enabled`.
        path = ("mcp", "servers", path[-1])
        value = {name: one for name, one in value.items() if name != "enabled"}
    if undo:
        if text is None or not text.strip():
            return text
        return _nothing_left(jsonc.remove_member(text, path))
    return jsonc.set_member(text or "", path, value)


def _nothing_left(text: str) -> str | None:
    """The text; None where an empty file or object is all that is left."""
    return None if re.sub(r"\s", "", text) in ("", "{}") else text


def _block(undo: bool, text: str | None) -> str | None:
    if undo:
        return (without_block(text) or None) if text is not None else None
    return with_block(text or "")


def _own(own: OwnFile, undo: bool, text: str | None) -> str | None:
    if text is not None and MARK not in text:
        if undo:
            return text
        raise ConfigurationError(
            f"{own.file} is there and was not written by `code-index install`",
            remedy="rename or remove it and call again; no file was changed",
        )
    return None if undo else own.text


def _read(file: Path) -> str | None:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error}",
            remedy="correct the file or its rights and call again; no file was changed",
        ) from error


# -- writing -----------------------------------------------------------------------------------------------------------


def write(changes: list[Change]) -> None:
    """Writes each file as a whole, through symbolic links, with the rights it has. Raises ConfigurationError."""
    last: dict[Path, Change] = {}
    for change in changes:
        first = last.get(change.file, change)
        last[change.file] = replace(change, before=first.before)
    for change in last.values():
        if change.before == change.after:
            continue
        try:
            _write(change)
        except OSError as error:
            raise ConfigurationError(
                f"{change.file} cannot be written: {error}", remedy="call again: what is written already stays as it is"
            ) from error


def _write(change: Change) -> None:
    target = Path(os.path.realpath(change.file))
    if _read(target) != change.before:
        raise ConfigurationError(f"{change.file} was changed meanwhile", remedy="call again")
    if change.after is None:
        target.unlink()
        with contextlib.suppress(OSError):
            if target.parent.name == "agents" or target.parent.name in ("rules", "instructions", "prompts"):
                target.parent.rmdir()  # only an empty one
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644
    if change.before is None and target.name == ".claude.json":
        mode = 0o600  # the client keeps more in it than this
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(change.after.encode("utf-8"))
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def agents_without(folder: Path | None, server: str) -> list[Path]:
    """Sub-agents of the user that list their tools and leave the server's out: they will not see it."""
    found: list[Path] = []
    for file in sorted(folder.glob("*.md")) if folder is not None and folder.is_dir() else ():
        text = _read(file) or ""
        front = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
        tools = re.search(r"^tools:(.*(?:\n[ \t]+.*)*)", front[1], re.MULTILINE) if front else None
        if tools and MARK not in text and f"mcp__{server}" not in tools[1]:
            found.append(file)
    return found
