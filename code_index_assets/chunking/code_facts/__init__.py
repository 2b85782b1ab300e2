"""Facts that edges are resolved from, one module a language family.

What lives here: which languages have facts, and the call that reads them from a tree.
"""

from __future__ import annotations

from typing import Any

from .c import CFacts
from .go import GoFacts
from .java import JavaFacts
from .model import Builder, FileFacts
from .python import PythonFacts
from .typescript import TypeScriptFacts

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
    """The facts of one file; None for a language that has none."""
    reader = READERS.get(language)
    if reader is None:
        return None
    made = reader(path, language, raw)
    made.read(root)
    return made.facts
