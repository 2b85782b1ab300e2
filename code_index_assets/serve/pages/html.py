"""HTML by construction: everything that is not markup of ours is escaped.

What lives here: one element function. What does not: pages (`routes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

# What a browser would not show, or show in another order than it is in: control characters, lone surrogates, and the
# overrides of direction by which code can be made to look like other code.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
VOID = frozenset({"input", "link", "meta", "br", "hr"})


class Safe(str):
    """Markup that was made here; any other text is escaped when it is put into an element."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def text(child: Child) -> Safe:
    """A child as markup: Safe as it is, other text escaped, None nothing, several one after the other."""
    if child is None:
        return Safe("")
    if isinstance(child, Safe):
        return child
    if isinstance(child, str | int):
        return Safe(escape(_HIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(child))))
    return Safe("".join(text(one) for one in child))


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Safe:
    """An element. `class_` is class, `data_key` data-key; True gives a bare attribute, None and False none."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        known = key.rstrip("_").replace("_", "-")
        written.append(f" {known}" if value is True else f' {known}="{text(str(value))}"')
    head = f"<{name}{''.join(written)}>"
    return Safe(head) if name in VOID else Safe(f"{head}{text(children)}</{name}>")
