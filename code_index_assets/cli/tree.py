"""Options that say which tree a question is about, and the engine for it.

What lives here: `--worktree`, `--published`, and what holds without them. What does not: the trees (`overlays/`).

Inside a checkout of a registered repository a question is about that checkout, edits that nobody committed included:
what a person sees there is what is searched. What costs little is looked at first: outside of a checkout nothing but
the registry and two questions to git.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import CodeIndexError, QueryError
from ..settings import Settings
from ..storage.layout import Layout

if TYPE_CHECKING:
    from ..search.engine import SearchEngine

F = TypeVar("F", bound=Callable[..., Any])
OverTree = Callable[["SearchEngine"], "SearchEngine"]


def tree_options(command: F) -> F:
    """Adds `--worktree` and `--published`; the command gets `worktree` and `published`."""
    for option in (
        click.option("--published", is_flag=True, help="What is published, also inside a checkout."),
        click.option(
            "--worktree",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="The checkout this folder is in, uncommitted work included. Default: the one you are in.",
        ),
    ):
        command = option(command)
    return command


def asked_tree(
    settings: Settings, layout: Layout, worktree: Path | None, published: bool, repositories: tuple[str, ...],
    refs: tuple[str, ...],
) -> OverTree | None:  # fmt: skip
    """What lays the asked tree over an engine; None if what is published is asked about.

    Raises QueryError for a folder that is in no checkout of a registered repository.
    """
    if worktree is not None and (published or refs):
        raise QueryError("a working tree is asked about or a ref, not both", remedy="leave one of the options out")
    if published:
        return None
    if refs:
        return _at_ref(settings, layout, repositories, refs)
    folder = worktree or _here()
    if folder is None or (worktree is None and not _is_asked(settings, layout, folder, repositories)):
        return None
    from ..overlays.asked import at_checkout
    from ..overlays.trees import Trees

    trees = Trees(layout, settings)
    return lambda engine: at_checkout(engine, trees, folder)


def _at_ref(
    settings: Settings, layout: Layout, repositories: tuple[str, ...], refs: tuple[str, ...]
) -> OverTree | None:
    from ..index.published import PublishedIndex
    from ..sources.registry import is_glob

    known = {receipt.ref for receipt in PublishedIndex(layout).receipts.values()}
    if len(refs) != 1 or is_glob(refs[0]) or refs[0] in known:
        return None
    from ..overlays.asked import at_ref
    from ..overlays.trees import Trees

    trees = Trees(layout, settings)
    return lambda engine: at_ref(engine, trees, repositories, refs)


def _here() -> Path | None:
    try:
        here = Path.cwd()
    except OSError:
        return None
    return here if any((folder / ".git").exists() for folder in (here, *here.parents)) else None


def _is_asked(settings: Settings, layout: Layout, folder: Path, repositories: tuple[str, ...]) -> bool:
    """Whether the checkout around is of a published repository that is asked about. Loads no heavy library."""
    from ..overlays.checkouts import find_checkout
    from ..sources.registry import Registry

    try:
        checkout = find_checkout(folder, Registry.load(settings.registry_file, layout))
        if checkout is None:
            return False
        from ..index.published import PublishedIndex
        from ..search.engine import resolve_keys

        receipts = PublishedIndex(layout).receipts
        keys = resolve_keys(dict(receipts), repositories, ())
    except CodeIndexError:
        return False  # the search says what is wrong
    asked = {receipts[key].repository for key in (receipts if keys is None else keys)}
    return checkout.entry.name in asked and any(key in receipts for key in checkout.entry.keys)
