"""Which tree a call of a tool is about: a checkout that it names, the one the server was started in, or a ref.

What lives here: the choice and who may name which folder. What does not: the trees (`overlays/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ...errors import CodeIndexError
from ...overlays.asked import at_checkout, at_ref, checkout_at
from ...overlays.checkouts import Checkout
from ...overlays.trees import Trees
from ...search.answers import RepositoryState
from ...search.engine import SearchEngine
from ...settings import Settings
from ...storage.layout import Layout
from .folders import indexable_folder

Worktree = Annotated[
    str | None,
    Field(max_length=4096, description="Absolute path of a checkout: answers for it, uncommitted edits included."),
]


class AskedTrees:
    """The trees that one server answers for.

    A server on standard input and output is a client's own: agents start it in the checkout they work in, so without a
    `worktree` its answers are about that checkout.
    """

    def __init__(self, settings: Settings, layout: Layout, engine: SearchEngine, transport: str) -> None:
        self._settings, self._layout, self._engine, self._transport = settings, layout, engine, transport
        self._trees = Trees(layout, settings)

    def engine(self, worktree: str | None, repositories: Iterable[str], refs: Iterable[str]) -> SearchEngine:
        """The engine for a call. Raises QueryError for a folder that is no checkout of a registered repository, or
        that this server may not look at."""
        if worktree:
            folder = indexable_folder(worktree, self._settings, self._layout, self._transport).path
            return at_checkout(self._engine, self._trees, folder)
        if tuple(refs):
            return at_ref(self._engine, self._trees, tuple(repositories), tuple(refs))
        here = self._here()
        return self._engine if here is None else self._engine.over(self._trees.checkout(here))

    def _here(self) -> Checkout | None:
        """The published checkout that the server was started in."""
        if self._transport != "stdio":
            return None
        try:
            checkout = checkout_at(self._trees, Path.cwd())
        except (CodeIndexError, OSError):
            return None
        if checkout is None or not any(key in self._engine.receipts() for key in checkout.entry.keys):
            return None
        return checkout


def tree_note(states: Iterable[RepositoryState]) -> str | None:
    """One line about the trees that are not published; None where all is."""
    lines = [
        f"{state.repository}: {state.tree.kind.replace('_', ' ')} at {state.commit[:12]}, {state.tree.changed} files "
        f"changed and {state.tree.gone} gone since {state.tree.base_commit[:12]}"
        for state in states
        if state.tree is not None
    ]
    return "; ".join(lines) or None
