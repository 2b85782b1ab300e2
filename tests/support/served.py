"""A small repository to serve: ordinary code, code that means harm to a page, files that are left out."""

from __future__ import annotations

from pathlib import Path

from chains import Chain, GitRepository

from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

HOSTILE = "x<img src=x onerror=alert(1)>"
FILES: dict[str, str | bytes] = {
    "shop/cart.py": "import json\n\n\ndef add_item(cart, item):\n    cart.items.append(item)\n    return cart\n\n\n"
    "def total_price(cart):\n    return sum(item.price for item in cart.items)\n",
    "shop/gateway.py": "from shop.cart import total_price\n\n\nclass PaymentGateway:\n    url = 'https://pay'\n\n"
    "    def charge(self, cart):\n        # charge the customer's credit card\n        return total_price(cart)\n",
    "tests/test_cart.py": "from shop.cart import add_item\n\n\ndef test_add_item():\n    assert add_item(1, 2)\n",
    f"evil/{HOSTILE}.py": f"def evil():\n    return '{HOSTILE}</code></pre><script>alert(1)</script>'  # \"quoted\" &amp;\n",
    "evil/trojan.py": "def trojan():\n    access = 'user\u202e // check\u2066'\n    return access\n",
    "web/page.html": "<h1>Hello</h1>\n<script>alert(document.cookie)</script>\n",
    "vendor/lib.js": "function vendored() { return 1 }\n",
    "logo.png": b"\x89PNG\0\0",
    "long.txt": "".join(f"line {n} of a long file\n" for n in range(1, 7001)),
    "README.md": "# Shop\n\nA shop that takes payments.\n",
}


def make_shop(base: Path) -> None:
    """Fills a folder with the repository and a data folder in which it is indexed."""
    work = GitRepository(base / "work")
    work.commit(FILES)
    chain = Chain(base / "data")
    chain.register(work.path, "acme/shop")
    chain.index("acme/shop")


class Shop:
    """The indexed repository in a folder: its chain, work tree and commit."""

    def __init__(self, base: Path) -> None:
        self.work = GitRepository(base / "work")
        self.commit = self.work.git("rev-parse", "HEAD").strip()
        self.chain = Chain(base / "data")

    @property
    def settings(self) -> Settings:
        return self.chain.settings

    @property
    def layout(self) -> Layout:
        return self.chain.layout
