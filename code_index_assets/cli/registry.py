"""Commands on the registry: add, remove, list."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..progress import Say
from ..settings import load_settings
from ..sources.registry import Registry, RepositoryEntry
from ..storage.layout import Layout
from .completion import repositories
from .failures import print_json
from .terminal import print_table

if TYPE_CHECKING:
    from ..search.answers import RepositoryStatus


@click.command("add")
@click.argument("repository")
@click.option("--name", help="Name; default: owner/name of the URL or of a clone's origin, else the folder's name.")
@click.option("--ref", "refs", multiple=True, help="Branch, tag or commit; may be given more than once.")
@click.option("--worktree", is_flag=True, help="Index the working tree, uncommitted changes included.")
@click.option("--include", multiple=True, help="Only paths that match (glob).")
@click.option("--exclude", multiple=True, help="Not these paths (glob).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def add_command(
    repository: str, name: str | None, refs: tuple[str, ...], worktree: bool, include: tuple[str, ...],
    exclude: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Register REPOSITORY (a git URL, a local repository or a folder) without indexing it."""
    settings = load_settings()
    registry = Registry.load(settings.registry_file, Layout(settings.data).create())
    entry = registry.add(repository, name=name, refs=refs, worktree=worktree, include=include, exclude=exclude)
    if as_json:
        print_json({"added": _told(entry), "registry": str(settings.registry_file)})
        return
    click.echo(f"added {entry.name} ({entry.location}) to {settings.registry_file}")
    click.echo(f"next: code-index index {entry.name}")


@click.command("remove")
@click.argument("name", shell_complete=repositories)
@click.option("--keep-data", is_flag=True, help="Take it out of the registry only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def remove_command(name: str, keep_data: bool, as_json: bool) -> None:
    """Take NAME out of the registry and out of every store. A removal that was cut off goes on."""
    done: list[str] = []

    def say(line: str) -> None:
        done.append(line)
        if not as_json:
            click.echo(line)

    remove_everything_of(name, keep_data=keep_data, say=say)
    if as_json:
        print_json({"removed": name, "data": not keep_data, "done": done})


def remove_everything_of(name: str, *, keep_data: bool, say: Say) -> None:
    """Does it, or what is left of a removal that was cut off. Raises ConfigurationError for a name nothing has."""
    from ..operations.doctor.removals import finish_removal, note_removal, unfinished_removal
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
            say(f"removed {name} from {settings.registry_file}")
    if keep_data:
        finish_removal(layout, name)
        return
    for line in remove_everywhere(layout, settings, name, keys):
        say(line)
    finish_removal(layout, name)


def _require_stored(layout: Layout, registry: Registry, name: str) -> None:
    """Passes for a name that is in no registry and something is stored of. Raises ConfigurationError."""
    from .upkeep import keys_of

    if not keys_of(layout, name, ()):
        registry.get(name)


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_command(as_json: bool) -> None:
    """List the registered repositories: how each is, how old what is published of it is, where it is from."""
    from ..search.freshness import ago, repository_statuses

    settings = load_settings()
    layout = Layout(settings.data).check()
    registry = Registry.load(settings.registry_file, layout)
    statuses = {status.key: status for status in repository_statuses(layout, settings)}
    rows = [_Row(entry, statuses.get(entry.keys[0])) for entry in registry.entries]
    if as_json:
        print_json({"repositories": [_told(row.entry) | row.facts for row in rows]})
        return
    if not rows:
        click.echo("no repositories yet: code-index index <git URL or path>")
        return
    now = time.time()
    print_table(
        ("name", "state", "indexed", "refs", "location"),
        [
            (
                row.entry.name,
                ", ".join(word for word in (row.facts["state"], row.facts["activity"]) if word),
                ago(now - row.published_at) if row.published_at else "never",
                ", ".join(row.entry.refs) or "HEAD",
                row.entry.location,
            )
            for row in rows
        ],
    )


@dataclass(frozen=True)
class _Row:
    """A registered repository and the state of its default ref."""

    entry: RepositoryEntry
    status: RepositoryStatus | None

    @property
    def published_at(self) -> float | None:
        return self.status.indexed_at if self.status else None

    @property
    def facts(self) -> dict[str, Any]:
        """As `code-index status --json` tells them."""
        state = self.status.state if self.status else ""
        return {
            "state": (self.status.published if self.status else None) or "not indexed",
            "activity": state if state in ("indexing", "failed") else "",
            "published_at": self.published_at,
        }


def _told(entry: RepositoryEntry) -> dict[str, Any]:
    return {"name": entry.name, "location": entry.location, "refs": list(entry.refs), "keys": list(entry.keys)}
