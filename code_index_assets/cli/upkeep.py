"""Commands that take things away: prune (what nothing names), purge (a file or a secret), removal of a repository."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import click

from ..layout import Layout
from ..settings import Settings, load_settings
from ..sources.registry import Registry, RepositoryEntry


@click.command("prune")
@click.option("--older-than", default=86_400.0, show_default=True, help="Seconds an artifact must have been unused.")
@click.option("--retired", is_flag=True, help="Also take out partitions that the registry does not name any more.")
@click.option("--compact", is_flag=True, help="All of the weekly compaction: vector cache, shards, logs too.")
def prune_command(older_than: float, retired: bool, compact: bool) -> None:
    """Remove artifacts and generations that nothing names any more."""
    from ..index.maintenance import Retention
    from ..retention import compact_everything, remove_unnamed
    from ..steps import remove_old_pins

    settings = load_settings()
    layout = Layout(settings.data).check()
    if retired:
        for line in _retire_unnamed(layout, settings):
            click.echo(line)
    if compact:
        report = compact_everything(layout, settings, click.echo)
        click.echo(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in report.items()))
        return
    leftovers = layout.remove_leftovers()
    remove_old_pins(layout)
    generations = _prune_index(layout, settings, Retention(settings.keep_generations, settings.keep_seconds))
    removed = remove_unnamed(layout, older_than=older_than)
    click.echo(
        f"removed {removed.artifacts:,} artifacts ({removed.bytes / 1e6:,.1f} MB), {generations:,} old publications, "
        f"{leftovers:,} leftovers of killed runs"
    )


@click.command("purge")
@click.argument("repository")
@click.argument("paths", nargs=-1)
@click.confirmation_option(prompt="This removes every earlier state of the repository. Go on?")
def purge_command(repository: str, paths: tuple[str, ...]) -> int:
    """Take PATHS of REPOSITORY (or what newer secret rules found) out of every artifact, cache and kept generation.

    The files are excluded in the registry, the repository is indexed anew, and every earlier state is removed: no
    roll-back to before is possible. Git mirrors keep what git keeps: rewrite the history upstream for that.
    """
    from ..embedding.vector_cache import VectorCache
    from ..errors import CodeIndexError
    from ..index.maintenance import Retention
    from ..index.manifest import PublicationStore
    from ..index.reader import published_spaces
    from ..retention import remove_unnamed, vector_keys
    from .index import run_chain

    settings = load_settings()
    layout = Layout(settings.data).create()
    registry = Registry.load(settings.registry_file, layout)
    entry = registry.exclude(repository, paths) if paths else registry.get(repository)
    spaces = published_spaces(layout)
    before = {space: {key: vector_keys(layout, space, key) for key in entry.keys} for space in spaces}
    outcomes = run_chain(settings, layout, list(entry.keys), lambda line: None)
    failed = [outcome for outcome in outcomes if not outcome.success]
    if failed:
        raise CodeIndexError(
            f"{failed[0].key} could not be indexed anew, nothing was purged: {failed[0].error}",
            remedy="correct that first",
        )
    # Pins of finished runs would keep the old artifacts.
    shutil.rmtree(layout.root / "pins", ignore_errors=True)
    _rewrite_shards(layout, settings)
    generations = _prune_index(layout, settings, Retention(1, 0.0))
    removed = sum(remove_unnamed(layout, key=key).artifacts for key in entry.keys)
    vectors = 0
    for space in spaces:
        manifest = PublicationStore(layout, space).current()
        if manifest is None:
            continue
        gone = set().union(*before[space].values()) - vector_keys(layout, space)
        cache = VectorCache(layout.vectors(space), manifest.dimension)
        vectors += cache.remove(gone)
        cache.compact()
    click.echo(f"purged: {removed:,} artifacts, {generations:,} publications, {vectors:,} vectors removed")
    click.echo("git mirrors still hold the file's history; rewrite it upstream if it must go there too")
    return 0


def remove_everywhere(layout: Layout, settings: Settings, entry: RepositoryEntry) -> Iterator[str]:
    """Takes a repository out of the index, the artifacts, the mirror and Dagster's partitions; yields what was done."""
    from ..triggers.heads import load_heads

    polled = load_heads(layout).get(entry.name)
    keys = dict.fromkeys((*entry.keys, *(polled.heads if polled else ())))
    yield from _retire(layout, settings, list(keys))
    yield f"{entry.name} is gone from the artifacts and Dagster's partitions; `code-index prune` frees more"


def _retire(layout: Layout, settings: Settings, keys: list[str]) -> Iterator[str]:
    from ..assets.instance import open_instance
    from ..assets.partitions import REPOSITORIES
    from ..triggers.retire import retire_partition

    for key in keys:
        yield f"{key}: {retire_partition(layout, settings, key):,} points left the index"
    with open_instance(layout) as instance:
        for key in keys:
            if instance.has_dynamic_partition(REPOSITORIES, key):
                instance.delete_dynamic_partition(REPOSITORIES, key)


def _retire_unnamed(layout: Layout, settings: Settings) -> Iterator[str]:
    """Retires what is published or polled, but in no entry of the registry."""
    from ..index.manifest import PublicationStore
    from ..index.reader import published_spaces
    from ..triggers.heads import load_heads, save_heads

    known = {entry.name for entry in Registry.load(settings.registry_file, layout).entries if entry.enabled}
    keys: dict[str, None] = {}
    for space in published_spaces(layout):
        manifest = PublicationStore(layout, space).current()
        keys |= dict.fromkeys(manifest.receipts if manifest else ())
    state = load_heads(layout)
    for polled in state.values():
        keys |= dict.fromkeys(polled.heads)
    yield from _retire(layout, settings, [key for key in keys if key.partition("@")[0] not in known])
    save_heads(layout, {name: polled for name, polled in state.items() if name in known})


def _prune_index(layout: Layout, settings: Settings, retention: object) -> int:
    from ..index.backend import make_backend
    from ..index.maintenance import Retention, prune_generations
    from ..index.manifest import PublicationStore
    from ..index.reader import published_spaces

    assert isinstance(retention, Retention)
    total = 0
    for space in published_spaces(layout):
        manifest = PublicationStore(layout, space).current()
        if manifest is not None:
            backend = make_backend(layout, settings, space, manifest.dimension)
            total += prune_generations(backend, layout, space, retention)[0]
    return total


def _rewrite_shards(layout: Layout, settings: Settings) -> None:
    """Optimizes every shard: removed points leave the files only then."""
    from ..index.backend import make_backend
    from ..index.maintenance import compact
    from ..index.manifest import PublicationStore
    from ..index.reader import published_spaces

    for space in published_spaces(layout):
        manifest = PublicationStore(layout, space).current()
        if manifest is not None:
            compact(make_backend(layout, settings, space, manifest.dimension), layout, space, changed_share=-1.0)
