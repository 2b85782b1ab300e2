"""Commands that take things away: prune (unreferenced artifacts), removal of a repository; `purge.py` has the third."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from ..errors import ConfigurationError
from ..settings import Settings, load_settings
from ..sources.registry import Registry, validate_key
from ..storage.layout import Layout
from .failures import print_json


@click.command("prune")
@click.option("--older-than", default=86_400.0, show_default=True, help="Seconds an artifact must have been unused.")
@click.option("--retired", is_flag=True, help="Also take out partitions that the registry does not name any more.")
@click.option("--compact", is_flag=True, help="All of the weekly compaction: vector cache, shards, logs too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def prune_command(older_than: float, retired: bool, compact: bool, as_json: bool) -> None:
    """Remove unreferenced artifacts and generations."""
    from ..chain.run import remove_old_pins
    from ..index.generations import Retention
    from ..operations.retention import compact_everything, remove_unnamed

    settings = load_settings()
    layout = Layout(settings.data).check()
    done = []
    for line in _retire_unnamed(layout, settings) if retired else ():
        done.append(line)
        if not as_json:
            click.echo(line)
    if compact:
        report = compact_everything(layout, settings, (lambda line: None) if as_json else click.echo)
        if as_json:
            print_json({**report, "retired": done})
            return
        click.echo(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in report.items()))
        return
    leftovers = layout.remove_leftovers() + layout.remove_half_written()
    remove_old_pins(layout)
    generations = prune_index(layout, settings, Retention(settings.keep_generations, settings.keep_seconds))
    removed = remove_unnamed(layout, older_than=older_than)
    if as_json:
        counts = {"artifacts": removed.artifacts, "bytes": removed.bytes, "publications": generations}
        print_json({**counts, "leftovers": leftovers, "retired": done})
        return
    click.echo(
        f"removed {removed.artifacts:,} artifacts ({removed.bytes / 1e6:,.1f} MB), {generations:,} old publications, "
        f"{leftovers:,} leftovers of killed runs"
    )


def keys_of(layout: Layout, name: str, registered: tuple[str, ...]) -> list[str]:
    """Every partition key of a repository: registered, polled, stored or published."""
    from ..triggers.heads import load_heads

    polled = load_heads(layout).get(name)
    known = (*registered, *(polled.heads if polled else ()), *stored_keys(layout, name))
    return list(dict.fromkeys((*known, *(key for key in dagster_partitions(layout) if belongs_to(key, name)))))


def dagster_partitions(layout: Layout) -> list[str]:
    """Every partition key in Dagster's records, whatever the registry says: the UI lets people add any text."""
    from ..assets.instance import open_instance
    from ..assets.partitions import REPOSITORIES

    with open_instance(layout) as instance:
        return list(instance.get_dynamic_partitions(REPOSITORIES))


def belongs_to(key: str, name: str) -> bool:
    """Whether a partition key is of a repository's name, or is that very text (a URL is no name with a ref)."""
    return key == name or key.partition("@")[0] == name


def remove_everywhere(layout: Layout, settings: Settings, name: str, keys: list[str]) -> Iterator[str]:
    """Takes every ref of a repository out of the index, the artifacts, the mirror, the catalogue and Dagster's
    partitions; yields what was done. Doing it again after being cut off does what is left."""
    yield from retire(layout, settings, keys)
    rebuild_catalogue(layout, settings)
    yield f"{name} is gone from the artifacts and Dagster's partitions; `code-index prune` frees more"


def stored_keys(layout: Layout, name: str) -> list[str]:
    """Every partition key of a repository that anything is stored or published of, whatever the registry says now.

    Refs that a pattern stands for (`release/*`) are in no entry, only here.
    """
    from ..index.published import PublishedIndex
    from ..storage.artifacts import ArtifactStore

    keys = dict.fromkeys(PublishedIndex(layout).receipts)
    store = ArtifactStore(layout)
    for home in layout.keys("repository"):
        artifacts = (store.open_folder(folder) for folder in home.iterdir() if folder.is_dir())
        keys |= dict.fromkeys(artifact.manifest.key for artifact in artifacts if artifact is not None)
    return sorted(key for key in keys if key.partition("@")[0] == name)


def rebuild_catalogue(layout: Layout, settings: Settings) -> None:
    """Builds the catalogue, where there is one, from nothing: a copy would keep removed rows in its free pages."""
    from ..analytics.catalog import build_catalog
    from ..progress import Stages

    if layout.catalog.exists():
        build_catalog(layout, settings, Stages(), full=True)


def retire(layout: Layout, settings: Settings, keys: list[str]) -> Iterator[str]:
    """Retires partitions; yields one line for each."""
    from ..operations.retire import retire_partition

    for key in keys:
        if can_be_stored(key):
            yield f"{key}: {retire_partition(layout, settings, key):,} points left the index"
        else:
            yield f"{key}: nothing is stored of it; it leaves Dagster's partitions"
    forget_partitions(layout, keys)


def forget_partitions(layout: Layout, keys: Iterable[str]) -> None:
    """Takes keys out of Dagster's partitions."""
    from ..assets.instance import open_instance
    from ..assets.partitions import REPOSITORIES

    with open_instance(layout) as instance:
        for key in keys:
            if instance.has_dynamic_partition(REPOSITORIES, key):
                instance.delete_dynamic_partition(REPOSITORIES, key)


def can_be_stored(key: str) -> bool:
    """Whether a partition key is one of ours: of a URL that was added in Dagster's UI nothing is ever stored."""
    try:
        validate_key(key)
    except ConfigurationError:
        return False
    return True


def _retire_unnamed(layout: Layout, settings: Settings) -> Iterator[str]:
    """Retires what is published, polled, or a partition of Dagster's, but in no entry of the registry."""
    from ..index.published import PublishedIndex
    from ..triggers.heads import load_heads, save_heads

    known = {entry.name for entry in Registry.load(settings.registry_file, layout).entries if entry.enabled}
    keys = dict.fromkeys(PublishedIndex(layout).receipts)
    state = load_heads(layout)
    for polled in state.values():
        keys |= dict.fromkeys(polled.heads)
    keys |= dict.fromkeys(dagster_partitions(layout))
    yield from retire(layout, settings, [key for key in keys if key.partition("@")[0] not in known])
    save_heads(layout, {name: polled for name, polled in state.items() if name in known})


def prune_index(layout: Layout, settings: Settings, retention: object) -> int:
    """Removes unneeded generations of every space; returns how many shards or points."""
    from ..index.generations import Retention, prune_generations
    from ..index.published import PublishedIndex

    assert isinstance(retention, Retention)
    published = PublishedIndex(layout)
    return sum(
        prune_generations(published.backend(manifest, settings), layout, manifest.space, retention)[0]
        for manifest in published.publications()
    )
