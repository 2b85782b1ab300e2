"""One repository, indexed once by the chain, and applications over it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from served import Shop, make_shop
from templates import copy_of, made_once


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """An indexed repository that no test changes; servers of this worker announce themselves in its folder."""
    home = made_once(tmp_path_factory, "shop", make_shop)
    return Shop(copy_of(home, tmp_path_factory.mktemp("shop")))


@pytest.fixture
def shop_copy(shop: Shop, tmp_path: Path) -> Path:
    """A data folder of the same content that a test may change."""
    ignored = shutil.ignore_patterns("serve.json")
    return Path(shutil.copytree(shop.layout.root, tmp_path / "copy", symlinks=True, ignore=ignored))
