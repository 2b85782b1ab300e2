"""Facts of the languages, one module a language; a language without a module gets the defaults.

What lives here: the table name → facts, filled by loading every module of this package once.
"""

from __future__ import annotations

import importlib
import pkgutil

from ..facts import LanguageFacts

FACTS: dict[str, LanguageFacts] = {}

for _module in pkgutil.iter_modules(__path__):
    FACTS.update(importlib.import_module(f"{__name__}.{_module.name}").LANGUAGES)
