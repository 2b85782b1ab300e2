"""Facts that edges are resolved from, one module a language family.

What lives here: which languages have facts, and the call that reads them from a tree.
"""

from __future__ import annotations

import sys
from typing import Any

from .c import CFacts
from .go import GoFacts
from .java import JavaFacts
from .model import Builder, FileFacts
from .python import PythonFacts
from .typescript import TypeScriptFacts

DEEPEST = 20_000
READERS: dict[str, type[Builder]] = {
    "python": PythonFacts,
    "typescript": TypeScriptFacts,
    "tsx": TypeScriptFacts,
    "javascript": TypeScriptFacts,
    "go": GoFacts,
    "c": CFacts,
    "cpp": CFacts,
    "java": JavaFacts,
}


def facts_of(path: str, language: str, raw: bytes, root: Any) -> FileFacts | None:
    """The facts of one file; None for a language that has none. Raises RecursionError for a tree too deep to walk."""
    reader = READERS.get(language)
    if reader is None:
        return None
    made = reader(path, language, raw)
    # A text put together of 500 parts is a tree 500 deep, three calls a level.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEPEST))
    try:
        made.read(root)
    finally:
        sys.setrecursionlimit(limit)
    return made.facts
