"""One repository, indexed once by the chain, and applications over it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from served import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An indexed repository that no test changes."""
    import os

    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CODE_INDEX_")}
    try:
        with dg.instance_for_test() as instance:
            yield Shop(tmp_path_factory.mktemp("shop"), instance)
    finally:
        os.environ.update(before)


@pytest.fixture
def shop_copy(shop: Shop, tmp_path: Path) -> Path:
    """A data folder of the same content that a test may change."""
    ignored = shutil.ignore_patterns("serve.json")
    return Path(shutil.copytree(shop.layout.root, tmp_path / "copy", symlinks=True, ignore=ignored))
