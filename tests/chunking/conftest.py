"""Parsing in tests: short ways to parse a text and to look at what came out."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_spec = importlib.util.spec_from_file_location("chunking_samples", Path(__file__).parent / "samples.py")
assert _spec is not None and _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["chunking_samples"] = _module
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    return _module
