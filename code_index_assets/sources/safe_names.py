"""Names of files, branches and tags that hold a secret: taken out before anything is stored, shown or logged.

What lives here: the shown form of such a name, and how it is recognised again. What does not: finding secrets
(`sources/secrets/scan.py`), refusing the file (`selection.py`), isolating the ref (`sources/git/source.py`,
`registry.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..storage.fingerprint import digest

REMOVED = "[removed: "
_MARK = re.compile(r"\[removed: ([\w-]+)\]")
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
# Most refs have no long piece with a digit; for those the scanner need not be loaded.
_SUSPECT = re.compile(r"(?=[A-Za-z_=-]*\d)[\w=-]{8}")
# Shorter names hold no secret that could be distinguished from a word.
_SHORTEST = 10


def safe_names(names: Sequence[str]) -> dict[int, str]:
    """The shown forms of the names that hold a secret, by their place; other names are left out.

    Two names that differ in the secret alone stay apart: a digest of the name follows.
    """
    from .secrets.scan import names_with_secrets
    from .text import redact

    long = [i for i, name in enumerate(names) if len(name) >= _SHORTEST]
    secret_names = names_with_secrets([names[i] for i in long])
    return {
        long[place]: f"{redact(names[long[place]], [vars(f) for f in findings])}~{digest(names[long[place]])[:8]}"
        for place, findings in secret_names.items()
        if findings
    }


def removed_rule(name: str) -> str | None:
    """The rule by which a secret was taken out of a name, or None."""
    match = _MARK.search(name)
    return match[1] if match else None


def ref_rule(ref: str) -> str | None:
    """The rule by which the name of a branch or tag holds a secret, or None."""
    if len(ref) < _SHORTEST or _COMMIT.match(ref) or not _SUSPECT.search(ref):
        return None
    shown = safe_names([ref])
    return removed_rule(shown[0]) if shown else None
