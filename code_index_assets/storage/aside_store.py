"""A store whose pointers are its own: what is made through it becomes current for nobody else.

What lives here: `AsideStore`. What does not: the store it keeps folders in (`store.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from .layout import Layout
from .store import Home, LocalStore


class AsideStore(LocalStore):
    """Folders are those of the data folder, where an artifact of the same inputs is taken over and kept for the next
    run that needs it; pointers and pins are in memory, and begin as given."""

    def __init__(self, layout: Layout, current: Mapping[Home, str]) -> None:
        super().__init__(layout)
        self._current = dict(current)
        self._pins: dict[tuple[str, str, str], tuple[Home, str]] = {}

    def current(self, home: Home) -> str | None:
        """See `Store.current`."""
        return self._current.get(home)

    def has_damaged_pointer(self, home: Home) -> bool:
        """See `Store.has_damaged_pointer`."""
        del home
        return False

    def swap(self, home: Home, expected: str | None, new: str | None) -> bool:
        """See `Store.swap`."""
        if self._current.get(home) != expected:
            return False
        if new is None:
            self._current.pop(home, None)
        else:
            self._current[home] = new
        return True

    def pin(self, run_id: str, home: Home, name: str) -> None:
        """See `Store.pin`."""
        self._pins[(run_id, home.kind, home.key)] = (home, name)

    def pinned(self, run_id: str, home: Home) -> tuple[Home, str] | None:
        """See `Store.pinned`."""
        return self._pins.get((run_id, home.kind, home.key))
