"""How an error is shown: exit code, text on standard error, or one JSON object on standard output with --json.

What lives here: those, for every command. What does not: the errors themselves (`errors.py`).
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from ..errors import (
    CodeIndexError,
    ConfigurationError,
    GateRefusedError,
    LanesFailedError,
    NotBuiltError,
    NotIndexedError,
    QueryError,
    SourceError,
    StillIndexingError,
)


def exit_code(error: CodeIndexError) -> int:
    """The exit code of an error."""
    if isinstance(error, GateRefusedError):
        return 3
    if isinstance(error, SourceError):
        return 4
    if isinstance(error, StillIndexingError):
        return 6
    if isinstance(error, NotIndexedError | NotBuiltError):
        return 1
    if isinstance(error, LanesFailedError):
        return 5
    if isinstance(error, ConfigurationError | QueryError):
        return 2
    return 5


def json_wanted() -> bool:
    """Whether this command line asks for JSON: known before, and also where, its arguments cannot be read."""
    arguments = sys.argv[1:]
    given = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in given


def failure(error: CodeIndexError) -> dict[str, Any]:
    """An error as --json tells it."""
    outcome = error.state if isinstance(error, NotIndexedError) else "failed"
    description = {
        "type": type(error).__name__,
        "message": error.message,
        "remedy": error.remedy,
        "retryable": error.retryable,
    }
    return {"outcome": outcome, "error": description}


def print_json(body: Mapping[str, Any]) -> None:
    """One JSON object on a line."""
    click.echo(json.dumps(body, ensure_ascii=False, default=str))


def show(error: CodeIndexError) -> int:
    """Shows an error; gives its exit code."""
    _tell(failure(error), f"error: {error}")
    return exit_code(error)


def show_usage(error: click.ClickException) -> int:
    """The same for arguments that cannot be read."""
    if json_wanted():
        remedy = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            remedy = f"{error.ctx.command_path} --help"
        description = {
            "type": type(error).__name__,
            "message": error.format_message(),
            "remedy": remedy,
            "retryable": False,
        }
        print_json({"outcome": "failed", "error": description})
    else:
        error.show()
    return error.exit_code


def show_system(error: OSError) -> int:
    """The same for what the operating system refused."""
    place = f"{error.filename}: " if error.filename else ""
    remedy = "check owner, permissions and free space there; `code-index doctor` looks at it all"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = place or "a disk is full, most likely that of the data folder: "
        remedy = "free some space and run the same again: what was finished is kept"
    return _other(type(error).__name__, f"{place}{error.strerror or error}", remedy, 5)


def show_records(error: Exception) -> int:
    """The same for Dagster's database."""
    return _other(
        type(error).__name__,
        f"Dagster's records could not be read or written: {getattr(error, 'orig', error)}",
        "look for a full disk, a read-only folder or a very long path (SQLite takes 512 bytes); if the file is "
        "damaged: code-index repair dagster",
        5,
    )


def show_stopped() -> int:
    """The same for Ctrl-C and SIGTERM."""
    description = {"type": "Stopped", "message": "stopped", "remedy": "", "retryable": True}
    _tell({"outcome": "stopped", "error": description}, "stopped")
    return 130


def _other(kind: str, message: str, remedy: str, code: int) -> int:
    description = {"type": kind, "message": message, "remedy": remedy, "retryable": False}
    _tell({"outcome": "failed", "error": description}, f"error: {message}\n  → {remedy}")
    return code


def _tell(body: Mapping[str, Any], text: str) -> None:
    if json_wanted():
        print_json(body)
    else:
        click.echo(text, err=True)
