"""The `index` command: register if new, run the chain through Dagster, say what came of it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from ..errors import CodeIndexError, ConfigurationError
from ..progress import TerminalLines
from ..records.failures import clear_failure
from ..records.run_log import RunLog
from ..settings import Settings, load_settings
from ..sources.registry import Registry, RepositoryEntry, save_registry
from ..storage.layout import Layout, require_space
from . import completion
from .outcome import Outcome, failure_code
from .report import print_report
from .upkeep import stored_keys

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
        outcomes = run_chain(settings, layout, keys, say)
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
        click.echo(json.dumps({"runs": [vars(outcome) for outcome in outcomes]}, default=str))
    else:
        for outcome in outcomes:
            print_report(outcome, settings, time.perf_counter() - started)
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


def run_chain(settings: Settings, layout: Layout, keys: list[str], say: Any) -> list[Outcome]:
    """Materializes the chain for partitions, one after the other, then the catalogue, on the shared instance."""
    say("loading Dagster")
    loading = time.perf_counter()
    # What is imported stays: collecting while it is loaded finds little, and takes a fifth of that time, 0.4 s of CPU.
    gc.disable()
    import dagster as dg

    from ..assets.execution import listener
    from ..assets.instance import open_instance
    from ..assets.partitions import add_partitions
    from ..definitions import build_defs
    from ..workers.in_process import run_in_process

    outcomes: list[Outcome] = []
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    token = listener.set(say)
    try:
        with open_instance(layout) as instance:
            add_partitions(instance, keys)
            defs = build_defs()
            gc.enable()
            loading = time.perf_counter() - loading
            chain = defs.resolve_job_def("index_repository")
            for key in keys:
                started = time.perf_counter()
                result = run_in_process(chain, instance, partition_key=key, run_config=quiet)
                _stop_if_interrupted(dg, result)
                outcomes.append(_outcome(dg, layout, key, result, time.perf_counter() - started))
                _give_back_memory()
            if any(outcome.success for outcome in outcomes):
                started = time.perf_counter()
                say("catalog: build")
                catalogue = run_in_process(
                    defs.resolve_job_def("refresh_catalog"),
                    instance,
                    # All models are built; reporting each with its tests as Dagster events costs 5 s of CPU more.
                    asset_selection=[dg.AssetKey("catalog")],
                    run_config=quiet,
                )
                _stop_if_interrupted(dg, catalogue)
                if not catalogue.success:
                    raise CodeIndexError(f"the catalogue could not be built: {_error_of(dg, catalogue)[1]}")
                _add_shared_stages(outcomes, loading, time.perf_counter() - started)
    finally:
        gc.enable()
        listener.reset(token)
    return outcomes


def _stop_if_interrupted(dg: Any, result: Any) -> None:
    """Raises KeyboardInterrupt if the run was ended by a signal: Dagster reports that as any failure, and goes on."""
    from ..assets.execution import INTERRUPTED

    for event in result.all_events:
        data = event.event_specific_data
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            said = data.user_failure_data.metadata.get("error") if data.user_failure_data is not None else None
            names = (said.value if said else None, data.error.cls_name if data.error else None)
            if INTERRUPTED in names or "DagsterExecutionInterruptedError" in names:
                raise KeyboardInterrupt
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and _is_ended(data.failure_reason):
            raise KeyboardInterrupt


def _is_ended(reason: Any) -> bool:
    return reason is not None and reason.value == "UNEXPECTED_TERMINATION"


def _give_back_memory() -> None:
    """Has glibc return freed memory to the system: 60 MB after eight repositories, which later ones did not reuse."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _add_shared_stages(outcomes: list[Outcome], loading: float, catalogue: float) -> None:
    """Rows for what all partitions share: loading Dagster first, the catalogue last."""
    outcomes[0].stages.insert(0, {"asset": "", "stage": "import Dagster", "started_at": 0.0, "seconds": loading})
    last = {"asset": "catalog", "stage": "build", "started_at": time.time(), "seconds": catalogue}
    outcomes[-1].stages.append(last)


def _outcome(dg: Any, layout: Layout, key: str, result: Any, seconds: float) -> Outcome:
    log = RunLog(layout)
    error_type, error = _error_of(dg, result)
    return Outcome(
        key, result.run_id, bool(result.success), seconds, error,
        log.of_run(result.run_id, "step"), log.of_run(result.run_id, "stage"), log.of_run(result.run_id, "damage"),
        error_type,
    )  # fmt: skip


def _error_of(dg: Any, result: Any) -> tuple[str, str]:
    """Class name and message of a failed run's last failed step that says more than Dagster's own; "" if none."""
    error = error_type = ""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                kind = data.user_failure_data.metadata.get("error")
                error_type = str(kind.value) if kind else ""
                error = f"{error_type or 'error'}: {data.user_failure_data.description}"
            elif not error:
                error = str(data.error.message if data.error else "a step failed")
    return error_type, error
