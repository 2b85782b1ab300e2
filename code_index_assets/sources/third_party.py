"""Proof that a folder holds third-party code: it has its own licence or package manifest.

What lives here: which folders of a tree have such a file, and whether one of them is on a path. What does not: names
that prove it by themselves (`roles.toml`) and what follows (`selection.py`).

`vendor`, `external` and `deps` are also names of people's own packages (a marketplace has `app/models/vendor/`): such
a name alone leaves nothing out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# A licence, or what a package manager needs, beside the code it speaks of.
_PROOF = re.compile(
    rb"(?:^|/)(?:licen[cs]e|copying|copyright|unlicense)(?:[-_.][^/]*)?$"
    rb"|(?:^|/)(?:package\.json|bower\.json|composer\.json|cargo\.toml|go\.mod|setup\.py|pyproject\.toml|pom\.xml"
    rb"|configure(?:\.ac|\.in)?|cmakelists\.txt|meson\.build|module\.bazel|metadata|readme\.chromium|\.cargo-checksum\.json"
    rb"|[^/]+\.(?:gemspec|podspec|nuspec|cabal|rockspec))$",
    re.IGNORECASE,
)
# Written into the folder itself by the tool that filled it.
_FILLED = re.compile(rb"(?:^|/)(?:modules\.txt|autoload\.php|vendor\.json|installed\.json)$", re.IGNORECASE)
DOUBTFUL_FOLDER = r"(?i)(?:^|/)(?:vendors?|externals?|extern|deps|dependencies)/"
_DOUBTFUL = re.compile(f"{DOUBTFUL_FOLDER[:-1]}(?=/)".encode())


@dataclass(frozen=True)
class ThirdParty:
    """The folders of a tree that hold a proof (paths without a slash behind), and those that a tool filled."""

    proven: frozenset[bytes]
    filled: frozenset[bytes]

    def proves(self, path: bytes) -> bool:
        """Whether a folder on the path holds third-party code: one below `vendor/`, or a `vendor/` that a tool filled.

        A licence or manifest directly in `vendor/` proves nothing: a package of one's own may be called so.
        """
        for match in _DOUBTFUL.finditer(path):
            if path[: match.end()] in self.filled:
                return True
            below = path[match.end() + 1 :].split(b"/")[:-1]
            folders = (path[: match.end()] + b"/" + b"/".join(below[: i + 1]) for i in range(len(below)))
            if any(folder in self.proven for folder in folders):
                return True
        return False


def is_doubtful(path: bytes) -> bool:
    """Whether a folder on the path has a name that third-party code and people's own packages both have."""
    return _DOUBTFUL.search(path) is not None


def third_party_of(paths: Iterable[bytes]) -> ThirdParty:
    """The proofs among the paths of a tree. Paths without a doubtful folder name are not looked at."""
    proven, filled = set(), set()
    for path in paths:
        if not is_doubtful(path):
            continue
        if _PROOF.search(path):
            proven.add(path.rpartition(b"/")[0])
        if _FILLED.search(path):
            filled.add(path.rpartition(b"/")[0])
    return ThirdParty(frozenset(proven), frozenset(filled))
