"""The command line: the group of commands, loaded when they are used, and how errors are shown.

Exit codes: 0 done, 1 nothing found, not indexed, or a check failed, 2 wrong usage or setting, 3 the gate refused, 4 a
source could not be read, 5 anything else that went wrong (also a search that found nothing while a lane was down), 6
still being indexed: ask again.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from importlib import import_module
from types import FrameType

import click
from click.shell_completion import CompletionItem

from ..errors import CodeIndexError
from .failures import show, show_records, show_stopped, show_system, show_usage
from .terminal import color_wanted, give_up_output, output_is_closed

# What `--help` lists, without importing any of them: module, and what it does in one line.
COMMANDS = {
    "index": ("index", "Index a repository: a git URL, a path, a registered name."),
    "search": ("search", "Search for a question, names, paths, phrases."),
    "grep": ("grep", "Every line that has a text or matches a regular expression."),
    "symbol": ("search", "Where a name is defined."),
    "references": ("search", "Which lines of code mention a name."),
    "callers": ("graph", "Who calls a definition."),
    "callees": ("graph", "What a definition calls."),
    "impact": ("graph", "What a change may break: callers of callers."),
    "path": ("graph", "The chain of calls from one definition to another."),
    "implementations": ("graph", "What extends a class or overrides a method."),
    "tests-for": ("graph", "Tests that reach a definition."),
    "unused": ("graph", "Definitions without a use in their repository."),
    "scip": ("scip", "Take in precise indexes of compilers (SCIP)."),
    "export": ("scip", "Write the code graph for other tools (SCIP)."),
    "context": ("context", "What an agent needs for a task, within a token budget."),
    "map": ("overview", "The files that a repository rests on, with signatures."),
    "outline": ("overview", "The definitions of a file as a tree."),
    "routes": ("overview", "Which requests a repository answers, and what handles them."),
    "entry-points": ("overview", "Where the programs of a repository begin."),
    "install": ("install", "Tell coding agents of this index: MCP entry and guidance."),
    "status": ("status", "What is published: commit, freshness, coverage, verdict."),
    "list": ("registry", "List the registered repositories."),
    "files": ("status", "Files of a repository: kept, or left out and why."),
    "sql": ("sql", "Run one SQL query on the catalogue."),
    "catalog": ("catalog", "Build the catalogue now, if it is behind the index."),
    "add": ("registry", "Register a repository without indexing it."),
    "remove": ("registry", "Remove a repository from the registry and stored data."),
    "plan": ("plan", "What embedding will take: chunks, tokens, price, time."),
    "serve": ("serve", "HTTP API, search page, MCP, webhooks and metrics."),
    "mcp": ("mcp", "Serve coding agents over standard input and output."),
    "up": ("up", "Start Dagster's UI and daemon."),
    "poll": ("poll", "Look up the heads of the repositories that are due."),
    "rollback": ("publications", "Publish a repository's previous state again."),
    "accept": ("publications", "Accept a failed plausibility check."),
    "spaces": ("spaces", "The published embedding spaces."),
    "use": ("spaces", "Switch searches to another embedding space."),
    "compare": ("spaces", "Run the same queries in two embedding spaces."),
    "embedder": ("embedder", "Keep the embedding model loaded."),
    "doctor": ("doctor", "Check installation, settings and data folder."),
    "repair": ("repair", "Repair damaged parts of the data folder."),
    "purge": ("purge", "Remove a file from all stored data."),
    "prune": ("upkeep", "Remove unreferenced artifacts."),
    "backup": ("backup", "Back the data folder up, while everything runs."),
    "reconcile": ("reconcile", "Compare registry, artifacts, index and catalogue, id by id."),
    "upgrade": ("reconcile", "Make anew what an earlier release has made."),
    "restore": ("backup", "Restore a backup into an empty data folder."),
    "completion": ("completion", "Print the completion script of bash, zsh or fish."),
}


class LazyGroup(click.Group):
    """Imports a command's module when it is called: a search must not pay for Dagster's import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = getattr(import_module(f"code_index_assets.cli.{module}"), f"{cmd_name.replace('-', '_')}_command")
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Whole lines: click cuts what does not fit."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands whose names begin with `incomplete`, then the options."""
        completions = [
            CompletionItem(name, help=summary) for name, (_, summary) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return [*completions, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; an unknown one is an error with the nearest names."""
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


def main() -> None:
    """Entry point of `code-index`."""
    # As Ctrl-C: what is under way is undone, and git and workers are ended with it. Servers set their own.
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _end)
    try:
        code = _run()
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # click ends with 1 where a pipe is closed. The reader (`| head`) has read enough.
        if not output_is_closed():
            raise
        del error
        give_up_output()
        code = 0
    sys.exit(code)


def _run() -> int:
    """Runs the command line; gives the exit code. Only errors of the program itself leave it, and closed pipes."""
    try:
        code = cli.main(standalone_mode=False, color=color_wanted())
    except CodeIndexError as error:
        return show(error)
    except click.ClickException as error:
        return show_usage(error)
    except (click.Abort, KeyboardInterrupt):
        return show_stopped()
    except BrokenPipeError:
        raise
    except OSError as error:
        return show_system(error)
    except Exception as error:
        # Named without importing it: only commands that run Dagster have SQLAlchemy loaded.
        if not type(error).__module__.startswith("sqlalchemy."):
            raise
        return show_records(error)
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
