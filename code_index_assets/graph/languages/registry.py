"""Which resolver serves which language."""

from __future__ import annotations

from ..resolver import Resolver
from ..scip.facts import LANGUAGE, PreciseResolver
from .c import CResolver
from .go import GoResolver
from .java import JavaResolver
from .python import PythonResolver
from .typescript import TypeScriptResolver

_FAMILIES: dict[str, tuple[str, type[Resolver]]] = {
    "python": ("python", PythonResolver),
    "typescript": ("typescript", TypeScriptResolver),
    "tsx": ("typescript", TypeScriptResolver),
    "javascript": ("typescript", TypeScriptResolver),
    "go": ("go", GoResolver),
    "c": ("c", CResolver),
    "cpp": ("c", CResolver),
    "java": ("java", JavaResolver),
    LANGUAGE: (LANGUAGE, PreciseResolver),
}


def resolver_for(language: str) -> tuple[str, type[Resolver]]:
    """The family of a language and its resolver. Raises KeyError."""
    return _FAMILIES[language]
