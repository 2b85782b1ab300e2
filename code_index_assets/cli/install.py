"""The `install` command: tells coding agents of this index, or takes that back.

What lives here: its arguments and its report. What does not: the files of clients (`agents/clients.py`) and their
edits (`agents/changes.py`).
"""

from __future__ import annotations

import difflib
import os
import shutil
import sys
from pathlib import Path
from typing import Any, cast

import click

from ..settings import load_settings
from .agents.changes import Change, agents_without, changes_of, write
from .agents.clients import CLIENTS, SERVER, Client, Place, Scope, clients_of, detected
from .failures import print_json

ALL = "all"


@click.command("install")
@click.argument("clients", nargs=-1, type=click.Choice([*CLIENTS, ALL]))
@click.option(
    "--scope", type=click.Choice(["user", "project"]), default="user", show_default=True,
    help="Files of this user, or of the project in the current folder (or --project).",
)  # fmt: skip
@click.option("--project", type=click.Path(file_okay=False, path_type=Path), help="The project's folder.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option("--undo", is_flag=True, help="Take out what `install` has written.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def install_command(
    clients: tuple[str, ...], scope: str, project: Path | None, dry_run: bool, undo: bool, as_json: bool
) -> int:
    """Write the MCP entry, guidance and a sub-agent for CLIENTS: claude, codex, cursor, vscode, opencode, or all.

    Without CLIENTS: for those whose files are found. Every other entry, comment and line of their files stays.
    """
    place = _place(cast("Scope", scope), project)
    names = tuple(CLIENTS) if ALL in clients else tuple(dict.fromkeys(clients)) or detected(place)
    if not names:
        raise click.UsageError(f"no client was found; name one: {', '.join(CLIENTS)}, or {ALL}")
    chosen = clients_of(names, place)
    changes = changes_of(chosen, undo=undo)
    if not dry_run:
        write(changes)
    notes = [] if undo else _notes(chosen)
    changed = any(change.before != change.after for change in changes)
    code = 1 if undo and not changed else 0
    if as_json:
        print_json(
            {
                "outcome": "changed" if changed else "not_there" if code else "unchanged",
                "dry_run": dry_run,
                "files": [
                    {"client": one.client, "file": str(one.file), "what": one.what, "action": one.action}
                    for one in changes
                ],
                "notes": notes,
            }
        )
    else:
        click.echo(_report(changes, notes, dry_run=dry_run, undo=undo))
    return code


def _place(scope: Scope, project: Path | None) -> Place:
    folder = (project or Path.cwd()).resolve()
    if project is not None and not folder.is_dir():
        raise click.UsageError(f"{project} is no folder")
    data = load_settings().data.resolve()
    beside = Path(sys.executable).with_name("code-index")
    found = shutil.which("code-index")
    command = str(beside) if beside.exists() else found or "code-index"
    if scope == "project":
        # Shared with others: their program is on their PATH, and their data folder is not ours.
        own = data == folder / ".code-index"
        return Place(scope, Path.home(), folder, "code-index", "" if own else str(data), dict(os.environ))
    return Place(scope, Path.home(), folder, command, str(data), dict(os.environ))


def _notes(clients: list[Client]) -> list[str]:
    notes = [f"{client.title}: {client.note}" for client in clients if client.note]
    for client in clients:
        notes += [
            f"{client.title}: the sub-agent {file} lists its tools and will not see the index: add mcp__{SERVER}"
            for file in agents_without(client.agents, SERVER)
        ]
    return notes


def _report(changes: list[Change], notes: list[str], *, dry_run: bool, undo: bool) -> str:
    lines: list[str] = []
    words: dict[str, str] = {"create": "created", "change": "changed", "remove": "removed"}
    for change in changes:
        action = change.action
        shown = f"would {action}" if dry_run and action in words else words.get(action, action)
        lines.append(f"{change.client:<9} {change.what:<10} {shown:<12} {change.file}")
        if dry_run and change.before != change.after:
            lines += [f"    {line}" for line in _diff(change)]
    lines += [f"note: {note}" for note in notes]
    if all(change.before == change.after for change in changes):
        lines.append("nothing of it is there" if undo else "everything was there already")
    elif not dry_run and not undo:
        lines.append("restart the clients; `code-index install --undo` takes it back")
    return "\n".join(lines)


def _diff(change: Change) -> list[Any]:
    before, after = (change.before or "").splitlines(), (change.after or "").splitlines()
    return [
        line for line in difflib.unified_diff(before, after, lineterm="", n=1) if not line.startswith(("---", "+++"))
    ]
