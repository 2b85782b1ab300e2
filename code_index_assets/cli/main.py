"""The command line: the group of commands, loaded when they are used, and how errors are shown.

Exit codes: 0 done, 1 nothing found, not indexed, or a check failed, 2 wrong usage or setting, 3 the gate refused, 4 a
source could not be read, 5 anything else that went wrong (also a search that found nothing while a lane was down), 6
still being indexed: ask again.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
from importlib import import_module
from types import FrameType

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

COMMANDS = {
    "add": "registry",
    "remove": "registry",
    "list": "registry",
    "plan": "plan",
    "index": "index",
    "search": "search",
    "symbol": "search",
    "references": "search",
    "status": "status",
    "files": "status",
    "doctor": "doctor",
    "repair": "repair",
    "sql": "sql",
    "spaces": "spaces",
    "use": "spaces",
    "compare": "spaces",
    "rollback": "publications",
    "accept": "publications",
    "poll": "poll",
    "purge": "purge",
    "prune": "upkeep",
    "embedder": "embedder",
    "up": "up",
    "serve": "serve",
    "mcp": "mcp",
}


class LazyGroup(click.Group):
    """Imports a command's module when it is called: a search must not pay for Dagster's import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = getattr(import_module(f"code_index_assets.cli.{module}"), f"{cmd_name}_command")
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            more = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{more}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="code-index")
def cli() -> None:
    """A self-hosted code index: index repositories, search them, ask SQL about them."""


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    # A second one ends it at once.
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


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


def main() -> None:
    """Entry point of `code-index`."""
    # As Ctrl-C: what is under way is undone, and git and workers are ended with it. Servers set their own.
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _end)
    try:
        code = cli.main(standalone_mode=False)
    except CodeIndexError as error:
        click.echo(f"error: {error}", err=True)
        code = exit_code(error)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        remedy = "check owner, permissions and free space there; `code-index doctor` looks at it all"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            place = place or "a disk is full, most likely that of the data folder: "
            remedy = "free some space and run the same again: what was finished is kept"
        click.echo(f"error: {place}{error.strerror or error}", err=True)
        click.echo(f"  → {remedy}", err=True)
        code = 5
    except Exception as error:
        # Named without importing it: only commands that run Dagster have SQLAlchemy loaded.
        if not type(error).__module__.startswith("sqlalchemy."):
            raise
        click.echo(f"error: Dagster's records could not be read or written: {getattr(error, 'orig', error)}", err=True)
        click.echo(
            "  → look for a full disk, a read-only folder or a very long path (SQLite takes 512 bytes); if the file is "
            "damaged: code-index repair dagster",
            err=True,
        )
        code = 5
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
