"""The `purge` command: a file, or what newer secret rules found, out of everything that is stored.

What lives here: that command. What does not: removing unreferenced artifacts (`upkeep.py`), and git's own history.
"""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from ..errors import CodeIndexError, ConfigurationError, NotBuiltError
from ..progress import Say
from ..settings import Settings, load_settings
from ..sources.registry import Registry, RepositoryEntry
from ..storage.artifacts import ArtifactStore
from ..storage.layout import Layout, key_segment
from .completion import repositories
from .failures import print_json


@click.command("purge")
@click.argument("repository", shell_complete=repositories)
@click.argument("paths", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; needs --yes.")
def purge_command(repository: str, paths: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Take PATHS of REPOSITORY (or what newer secret rules found) out of every artifact, cache and kept generation.

    The files are excluded in the registry, every ref of the repository is indexed anew, and every earlier state is
    removed: no roll-back to before is possible. Of other embedding spaces than the current one the repository is
    taken out. Git mirrors keep what git keeps: rewrite the history upstream for that.
    """
    if as_json and not yes:
        raise click.UsageError(
            "with --json nothing is asked: add --yes to remove every earlier state of the repository"
        )
    if not yes:
        click.confirm("This removes every earlier state of the repository. Go on?", abort=True)
    done: list[str] = []

    def say(line: str) -> None:
        done.append(line)
        if not as_json:
            click.echo(line)

    removed = _purge(repository, paths, say)
    if as_json:
        print_json({"repository": repository, "paths": list(paths), **removed, "done": done})
    return 0


def _purge(repository: str, paths: tuple[str, ...], say: Say) -> dict[str, int]:
    """Does it, and gives how many artifacts, publications and vectors were removed. Raises CodeIndexError."""
    from ..index.generations import Retention
    from ..index.precise import forget_precise
    from ..operations.retention import remove_unnamed, vector_keys
    from ..workers.chain_runs import run_chain
    from .index import partition_keys
    from .upkeep import prune_index, rebuild_catalogue, retire, stored_keys

    settings = load_settings()
    layout = Layout(settings.data).create()
    registry = Registry.load(settings.registry_file, layout)
    entry = registry.get(repository)
    stored = stored_keys(layout, entry.name)
    _require_known(layout, entry, stored, paths)
    keys = partition_keys(entry, settings)
    if paths:
        registry.exclude(repository, paths)
    before = {space: _union(vector_keys(layout, space, key) for key in stored) for space in _embedded_spaces(layout)}
    outcomes = run_chain(settings, layout, keys, lambda line: None)
    failed = [outcome for outcome in outcomes if not outcome.success]
    if failed:
        raise CodeIndexError(
            f"{failed[0].key} could not be indexed anew, nothing was purged: {failed[0].error}",
            remedy="correct that first",
        )
    for line in retire(layout, settings, [key for key in stored if key not in keys]):
        say(line)
    for line in _leave_other_spaces(layout, settings, keys):
        say(line)
    for key in keys:
        # Pins of finished runs would keep the old artifacts.
        for pin in (layout.root / "pins").glob(f"*/{glob.escape(key_segment(key))}.*.json"):
            pin.unlink(missing_ok=True)
        if forget_precise(layout, key):
            say(f"removed the precise index of {key}, which may name the file; take it in again without it")
    _rewrite_shards(layout, settings)
    generations = prune_index(layout, settings, Retention(1, 0.0))
    removed = sum(remove_unnamed(layout, key=key).artifacts for key in keys)
    vectors = sum(_forget_vectors(layout, space, gone) for space, gone in before.items())
    rebuild_catalogue(layout, settings)
    say(f"purged: {removed:,} artifacts, {generations:,} publications, {vectors:,} vectors removed")
    if layout.mirror(entry.name).exists() or entry.path:
        say("git still holds the file's history; rewrite it upstream if it must go there too")
    return {"artifacts": removed, "publications": generations, "vectors": vectors}


def _require_known(layout: Layout, entry: RepositoryEntry, stored: list[str], paths: tuple[str, ...]) -> None:
    """Refuses a path that no stored state has: a purge that misspells its file must not say it is done."""
    if not stored:
        raise NotBuiltError(
            f"nothing is stored of {entry.name}: there is nothing to purge",
            remedy="to keep files out from the start, write `exclude` into the registry",
        )
    store = ArtifactStore(layout)
    known: set[str] = set()
    for key in stored if paths else ():
        home = layout.artifact_home("file_hashes", key)
        for folder in home.iterdir() if home.is_dir() else ():
            artifact = store.whole(folder) if folder.is_dir() else None
            if artifact is not None:
                known |= set(artifact.read("files", ["path"]).get_column("path"))
    for path in paths:
        stripped = path.strip("/")
        if not stripped or not any(one == stripped or one.startswith(stripped + "/") for one in known):
            raise ConfigurationError(
                f"no stored state of {entry.name} has a file {path!r}; nothing was purged",
                remedy=f"write it as `code-index files {stored[0]}` does, from the root of the repository",
            )


def _embedded_spaces(layout: Layout) -> list[str]:
    base = layout.root / "embeddings"
    return sorted(path.name for path in base.iterdir() if path.is_dir()) if base.is_dir() else []


def _union(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _leave_other_spaces(layout: Layout, settings: Settings, keys: list[str]) -> Iterator[str]:
    """Takes the repository out of the spaces that this run did not index anew; yields what was done."""
    from ..embedding.loading import space_of
    from ..index.backends.choice import make_backend
    from ..index.maintenance import remove
    from ..index.manifest import PublicationStore
    from ..index.published import in_force

    current = space_of(in_force(settings, layout), layout).id
    published = (path.name for path in (layout.root / "index").glob("*") if path.is_dir())
    for space in sorted({*_embedded_spaces(layout), *published} - {current}):
        manifest = PublicationStore(layout, space).current()
        for key in keys:
            if manifest is not None and key in manifest.receipts:
                points = remove(key, make_backend(layout, settings, space, manifest.dimension), layout, space)
                yield f"{key}: {points:,} points left the space {space}; index it there again if it is wanted"
            for kind in ("embeddings", "quality"):
                shutil.rmtree(layout.artifact_home(kind, key, space), ignore_errors=True)


def _rewrite_shards(layout: Layout, settings: Settings) -> None:
    """Writes every shard anew: removed points leave the files only then."""
    from ..index.maintenance import compact
    from ..index.published import PublishedIndex

    published = PublishedIndex(layout)
    for manifest in published.publications():
        compact(published.backend(manifest, settings), layout, manifest.space, changed_share=-1.0)


def _forget_vectors(layout: Layout, space: str, before: set[str]) -> int:
    from ..embedding.cache.vectors import VectorCache
    from ..index.manifest import PublicationStore
    from ..operations.retention import vector_keys

    manifest = PublicationStore(layout, space).current()
    if manifest is None or not (Path(layout.vectors(space)) / "data.mdb").exists():
        return 0
    cache = VectorCache(layout.vectors(space), manifest.dimension)
    removed = cache.remove(before - vector_keys(layout, space))
    cache.compact()
    return removed
