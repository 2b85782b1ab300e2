"""A chain with two repositories that use each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogs import build
from chains import Chain, GitRepository
from templates import copy_of, made_once

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
SHOP: dict[str, str | bytes] = {
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


def make_two(folder: Path) -> None:
    """Fills a folder with shop (three commits), tools (one) and the data folder they are indexed in."""
    shop, tools = GitRepository(folder / "shop"), GitRepository(folder / "tools")
    shop.commit(SHOP)
    shop.commit({"shop/cart.py": str(SHOP["shop/cart.py"]) + "        # one\n"})
    shop.commit({"shop/cart.py": str(SHOP["shop/cart.py"])})
    tools.commit(TOOLS)
    chain = Chain(folder / "data")
    for repository, name in ((shop, "shop"), (tools, "tools")):
        chain.register(repository.path, name)
        chain.index(name)
    # What remains of it: that the SQL models were found right, which a build of another test need not find out again.
    build(chain)
    chain.layout.catalog.unlink()


@pytest.fixture
def two(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> tuple[Chain, GitRepository, GitRepository]:
    """The chain and the two repositories, in a copy."""
    folder = copy_of(made_once(tmp_path_factory, "two", make_two), tmp_path / "copy")
    return Chain(folder / "data"), GitRepository(folder / "shop"), GitRepository(folder / "tools")
