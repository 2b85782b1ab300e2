"""Commands on the registry: add, remove, list."""

from __future__ import annotations

import json

import click

from ..layout import Layout
from ..settings import load_settings
from ..sources.registry import Registry


@click.command("add")
@click.argument("repository")
@click.option("--name", help="Name; default: owner/name from the URL, or the folder's name.")
@click.option("--ref", "refs", multiple=True, help="Branch, tag or commit; may be given more than once.")
@click.option("--worktree", is_flag=True, help="Take the checkout as it lies, uncommitted work included.")
@click.option("--include", multiple=True, help="Only paths that match (glob).")
@click.option("--exclude", multiple=True, help="Not these paths (glob).")
def add_command(
    repository: str, name: str | None, refs: tuple[str, ...], worktree: bool, include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> None:  # fmt: skip
    """Register REPOSITORY (a git URL, a local repository or a folder) without indexing it."""
    settings = load_settings()
    registry = Registry.load(settings.registry_file, Layout(settings.data).create())
    entry = registry.add(repository, name=name, refs=refs, worktree=worktree, include=include, exclude=exclude)
    click.echo(f"added {entry.name} ({entry.location}) to {settings.registry_file}")
    click.echo(f"next: code-index index {entry.name}")


@click.command("remove")
@click.argument("name")
@click.option("--keep-data", is_flag=True, help="Take it out of the registry only.")
def remove_command(name: str, keep_data: bool) -> None:
    """Take NAME out of the registry and out of every store. A removal that was cut off goes on."""
    from ..care.removals import finish_removal, note_removal, unfinished_removal
    from .upkeep import keys_of, remove_everywhere

    settings = load_settings()
    layout = Layout(settings.data).create()
    registry = Registry.load(settings.registry_file, layout)
    keys = unfinished_removal(layout, name)
    if name in registry.names or keys is None:
        known = name in registry.names
        if not known:
            _require_stored(layout, registry, name)
        keys = keys_of(layout, name, registry.get(name).keys if known else ())
        if not keep_data:
            note_removal(layout, name, keys)
        if known:
            registry.remove(name)
            click.echo(f"removed {name} from {settings.registry_file}")
    if keep_data:
        finish_removal(layout, name)
        return
    for line in remove_everywhere(layout, settings, name, keys):
        click.echo(line)
    finish_removal(layout, name)


def _require_stored(layout: Layout, registry: Registry, name: str) -> None:
    """Passes for a name that is in no registry and something is stored of. Raises ConfigurationError."""
    from .upkeep import stored_keys

    if not stored_keys(layout, name):
        registry.get(name)


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_command(as_json: bool) -> None:
    """List the registered repositories."""
    settings = load_settings()
    registry = Registry.load(settings.registry_file, Layout(settings.data).check())
    if as_json:
        rows = [
            {"name": e.name, "location": e.location, "refs": list(e.refs), "keys": list(e.keys)}
            for e in registry.entries
        ]
        click.echo(json.dumps({"repositories": rows}))
        return
    for entry in registry.entries:
        refs = f" @ {', '.join(entry.refs)}" if entry.refs else ""
        click.echo(f"{entry.name}\t{entry.location}{refs}")
    if not registry.entries:
        click.echo("no repositories yet: code-index index <git URL or path>")
