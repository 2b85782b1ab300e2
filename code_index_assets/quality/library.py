"""Great Expectations, imported for half of what its plain import costs.

What lives here: the import, and the modules it puts off. What does not: the suite (`suite.py`), the process that
imports it beside a run (`suite_process.py`).

Great Expectations imports SciPy's statistics and Altair for expectations and pictures that the suite does not use: 1.1
of 2.9 seconds of CPU and 80 of 304 MB. They become modules that load when an attribute of them is read.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PUT_OFF = frozenset({"scipy.stats", "altair"})


class _PuttingOff(MetaPathFinder):
    """Finds the modules that are put off, with a loader that waits for the first use."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target
        spec = PathFinder.find_spec(fullname, path) if fullname in PUT_OFF else None
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def import_great_expectations() -> Any:
    """The library. The stage table shows this call's seconds apart from the checks."""
    if "great_expectations" in sys.modules:
        return sys.modules["great_expectations"]
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with _put_off(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
    return great_expectations


@contextmanager
def _put_off() -> Iterator[None]:
    finder = _PuttingOff()
    sys.meta_path.insert(0, finder)
    # Almost everything that is imported stays: to look for garbage meanwhile takes a fifth of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if collecting:
            gc.enable()
