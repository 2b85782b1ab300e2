"""The `index` command: register if new, run the chain through Dagster, say what came of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import click

from ..errors import ConfigurationError
from ..progress import TerminalLines
from ..records.failures import clear_failure
from ..settings import Settings, load_settings
from ..sources.registry import Registry, RepositoryEntry, save_registry
from ..storage.layout import Layout, require_space
from ..workers import client as run_workers
from ..workers.chain_runs import run_chain
from ..workers.outcome import failure_code
from . import completion
from .report import print_report
from .upkeep import forget_partitions, stored_keys

# Free space below which a run is not begun.
SPACE_BYTES = 32 << 20
SQLITE_BYTES = 8 << 20
TEMPORARY_BYTES = 4 << 20


@click.command("index")
@click.argument("repository", required=False, shell_complete=completion.place)
@click.option("--all", "every", is_flag=True, help="Every registered repository.")
@click.option("--name", help="Name to register it under.")
@click.option("--ref", "refs", multiple=True, help="Branch, tag or commit to index; may be given more than once.")
@click.option("--worktree", is_flag=True, help="Index the working tree, uncommitted changes included.")
@click.option("--force", is_flag=True, help="Read and hash every file anew, whatever sizes and times say.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of the report; progress on stderr.")
@click.option("--quiet", is_flag=True, help="No progress.")
def index_command(
    repository: str | None, every: bool, name: str | None, refs: tuple[str, ...], worktree: bool, force: bool,
    as_json: bool, quiet: bool,
) -> int:  # fmt: skip
    """Index REPOSITORY: a git URL, a path, or a registered name. Registers it if it is new."""
    started = time.perf_counter()
    settings = load_settings()
    layout = Layout(settings.data).create()
    layout.remove_leftovers()
    _require_space(settings)
    known = Registry.load(settings.registry_file, layout).names
    save_registry(settings.registry_file, layout)
    entries = _entries(settings, layout, repository, every, name, refs, worktree)
    if force:
        from ..sources.hashing import forget_hashes

        forget_hashes(layout, [entry.name for entry in entries])
    say = (lambda line: None) if quiet else TerminalLines()
    if isinstance(say, TerminalLines):
        click.echo(f"data folder {settings.data}", err=True)
    new = [entry for entry in entries if entry.name not in known]
    try:
        keys = [key for entry in entries for key in partition_keys(entry, settings)]
        handed = run_workers.index(settings, layout, keys, say, lambda reason: say(f"cold: {reason}"))
        outcomes = handed.outcomes if handed is not None else run_chain(settings, layout, keys, say)
    except KeyboardInterrupt:
        if isinstance(say, TerminalLines):
            say.clear()
        click.echo("what was finished is kept, and searches are as they were: the same command goes on", err=True)
        raise
    finally:
        if isinstance(say, TerminalLines):
            say.clear()
        for entry in new:
            _forget_unread(settings, layout, entry)
    if as_json:
        told = {"runs": [vars(outcome) for outcome in outcomes], "run_worker": handed is not None}
        click.echo(json.dumps(told, default=str))
    else:
        for outcome in outcomes:
            print_report(outcome, settings, time.perf_counter() - started, handed.pid if handed is not None else None)
    sys.stdout.flush()
    return 0 if all(outcome.success for outcome in outcomes) else failure_code(outcomes)


def _require_space(settings: Settings) -> None:
    """What every run needs at least: in the data folder, in Dagster's home (SQLite), for temporary files. Raises
    OutOfDiskError."""
    home = os.environ.get("DAGSTER_HOME")
    places = [(settings.data, SPACE_BYTES, "an index run")]
    places += [(Path(home), SQLITE_BYTES, "Dagster's history")] if home else []
    for path, needed, what in (
        *places,
        (Path(tempfile.gettempdir()), TEMPORARY_BYTES, "an index run's temporary files"),
    ):
        require_space(path, needed, what)


def _forget_unread(settings: Settings, layout: Layout, entry: RepositoryEntry) -> None:
    """Takes a new entry out again if nothing was ever read from its place: a mistyped address would be polled, and fail
    every run of all, for ever."""
    if stored_keys(layout, entry.name):
        return
    Registry.load(settings.registry_file, layout).remove(entry.name)
    for key in entry.keys:
        clear_failure(layout, key)
    forget_partitions(layout, entry.keys)
    click.echo(f"{entry.name} is not registered: nothing was read from {entry.location}", err=True)


def _entries(
    settings: Settings, layout: Layout, repository: str | None, every: bool, name: str | None, refs: tuple[str, ...],
    worktree: bool,
) -> list[RepositoryEntry]:  # fmt: skip
    registry = Registry.load(settings.registry_file, layout)
    if every:
        given = [("a repository", repository), ("--name", name), ("--ref", refs), ("--worktree", worktree)]
        beside = [what for what, value in given if value]
        if beside:
            raise ConfigurationError(
                f"--all means every registered repository as it is registered, and {beside[0]} was given too",
                remedy="leave one of them out",
            )
        if not registry.entries:
            raise ConfigurationError("no repository is registered", remedy="code-index index <git URL or path>")
        return list(registry.entries)
    if repository is None:
        raise ConfigurationError("which repository?", remedy="code-index index <git URL, path or name>, or --all")
    if name is None and not worktree and not refs and repository in registry.names:
        return [registry.get(repository)]
    known = registry.find(repository)
    if known is not None and not refs and (known.worktree or not worktree) and name in (None, known.name):
        return [known]
    if known is not None and name in (None, known.name):
        raise ConfigurationError(
            f"{known.name} ({known.location}) is registered already, "
            + (f"with refs {', '.join(known.refs) or 'HEAD'}" if refs else "at its commits, not as a working tree"),
            remedy=f"write refs = {json.dumps(list(dict.fromkeys((*known.refs, *refs))))} into its entry in "
            f"{settings.registry_file}, or register it a second time with --name"
            if refs
            else "register it a second time: --worktree --name NAME",
        )
    if known is not None and repository == known.name:
        repository = known.url or known.path or ""
    return [registry.add(repository, name=name, refs=refs, worktree=worktree)]


def partition_keys(entry: RepositoryEntry, settings: Settings) -> list[str]:
    """The partitions of an entry; patterns of refs are asked of the place. Refs that cannot be one are named."""
    if not entry.globs:
        return list(entry.keys)
    from ..sources.git.source import heads_of
    from ..sources.registry import partition_keys_of

    keys, left_out = partition_keys_of(
        entry, heads_of(entry, settings.poll_timeout_seconds, settings.allowed_addresses)
    )
    for ref, reason in left_out.items():
        click.echo(f"{entry.name}: the ref {ref!r} is left out: {reason}", err=True)
    return list(keys.values())
