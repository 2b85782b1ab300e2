"""Known names near to a misspelt one.

What lives here: nearness of names. What does not: which names there are, and what is said of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_names(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The known names that are near: those that contain this one, then those spelled much like it."""
    folded = {other.casefold(): other for other in names}
    given = name.casefold().strip("/")
    near = [other for other in folded if given and given in other]
    last_parts = {other.rpartition("/")[2]: other for other in folded}
    near += difflib.get_close_matches(given, folded, n=most, cutoff=0.6)
    near += [last_parts[part] for part in difflib.get_close_matches(given, last_parts, n=most, cutoff=0.6)]
    return [folded[other] for other in dict.fromkeys(near)][:most]
