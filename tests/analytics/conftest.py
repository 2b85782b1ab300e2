"""A chain with two repositories that use each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from chains import Chain, GitRepository

from code_index_assets.assets.partitions import add_partitions

COPIED = (
    "def shared_helper(values):\n"
    "    total = 0\n"
    "    for value in values:\n"
    "        if value:\n"
    "            for part in value:\n"
    "                if part > 0:\n"
    "                    total += part\n"
    "    # the comment makes this text long enough to be told from what is alike by chance\n"
    "    return total\n"
)
SHOP = {
    "shop/cart.py": 'import os\nimport requests\n\nfrom shop import prices\n\n\nclass Cart:\n    """A cart."""\n\n'
    "    def add(self, item):\n        return prices.price(item)\n",
    "shop/prices.py": "from shop import cart\n\n\ndef price(item):\n    return len(item)\n",
    "shop/helper.py": COPIED,
    "shop/__init__.py": "",
    "tests/test_cart.py": "from shop.cart import Cart\n\n\ndef test_add():\n    assert Cart().add('x') == 1\n",
    "CODEOWNERS": "* @everyone\n/shop/ @shop-team @lead\n*.md\n",
    "README.md": "# Shop\n\nSells things.\n",
    ".env": "TOKEN=abcdefgh\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0",
}
TOOLS = {"tools/helper.py": COPIED, "tools/run.py": "import requests\n\n\ndef main():\n    return requests.get('x')\n"}


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with shop (three commits), tools (one) and the data folder they are indexed in. Made once: 8 s."""
    folder = tmp_path_factory.mktemp("indexed")
    shop, tools = GitRepository(folder / "shop"), GitRepository(folder / "tools")
    shop.commit(SHOP)
    shop.commit({"shop/cart.py": str(SHOP["shop/cart.py"]) + "        # one\n"})
    shop.commit({"shop/cart.py": str(SHOP["shop/cart.py"])})
    tools.commit(TOOLS)
    with dg.instance_for_test() as instance:
        chain = Chain(folder / "data", instance)
        for repository, name in ((shop, "shop"), (tools, "tools")):
            chain.register(repository.path, name)
            chain.index(name)
    return folder


@pytest.fixture
def two(indexed: Path, tmp_path: Path) -> Iterator[tuple[Chain, GitRepository, GitRepository]]:
    """A copy of it: the chain and the two repositories."""
    shutil.copytree(indexed, tmp_path / "copy")
    folder = tmp_path / "copy"
    registry = folder / "data" / "repositories.toml"
    registry.write_text(registry.read_text().replace(str(indexed), str(folder)))
    with dg.instance_for_test() as instance:
        add_partitions(instance, ["shop", "tools"])
        yield Chain(folder / "data", instance), GitRepository(folder / "shop"), GitRepository(folder / "tools")
