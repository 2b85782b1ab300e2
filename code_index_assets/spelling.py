"""Names that somebody may have meant.

What lives here: nearness of names. What does not: which names there are, and what is said of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_names(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """Names that somebody may have meant: those that contain this one, then those spelled much like it."""
    folded = {other.casefold(): other for other in names}
    wanted = name.casefold().strip("/")
    found = [other for other in folded if wanted and wanted in other]
    last_parts = {other.rpartition("/")[2]: other for other in folded}
    found += difflib.get_close_matches(wanted, folded, n=most, cutoff=0.6)
    found += [last_parts[part] for part in difflib.get_close_matches(wanted, last_parts, n=most, cutoff=0.6)]
    return [folded[other] for other in dict.fromkeys(found)][:most]
