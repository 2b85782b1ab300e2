"""Which resolver serves which language."""

from __future__ import annotations

from ..resolver import Resolver
from .python import PythonResolver

_FAMILIES: dict[str, tuple[str, type[Resolver]]] = {"python": ("python", PythonResolver)}


def resolver_for(language: str) -> tuple[str, type[Resolver]]:
    """The family of a language and its resolver. Raises KeyError."""
    return _FAMILIES[language]
