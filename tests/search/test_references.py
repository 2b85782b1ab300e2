"""Who mentions a name, on a real index of real git repositories."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import steps_alone
from chains import GitRepository

from code_index_assets.errors import CorruptArtifactError, NotIndexedError, QueryError
from code_index_assets.search.answer_fields import to_json
from code_index_assets.search.answers import References
from code_index_assets.search.cursors import Cursor, decode_cursor, encode_cursor
from code_index_assets.search.engine import SearchEngine
from code_index_assets.search.filters import SearchFilters
from code_index_assets.search.references import find_references
from code_index_assets.search.render import render_references
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout

FILES = {
    "shop/cart.py": (
        "class Cart:\n"
        "    def add_item(self, item):\n"
        "        # add_item is mentioned here in a comment\n"
        "        return self.rows.append(item)\n"
        "\n"
        "\n"
        "def fill(cart):\n"
        "    cart.add_item('add_item in a string')\n"
        "    return Cart()\n"
    ),
    "shop/checkout.py": (
        "from shop.cart import (\n"
        "    Cart,\n"
        "    fill as fill_up,\n"
        ")\n"
        "\n"
        "\n"
        "class Checkout:\n"
        "    def pay(self):\n"
        "        cart = Cart()\n"
        "        fill_up(cart)\n"
        "        cart.add_item(1); cart.add_item(2)\n"
    ),
    "tests/test_cart.py": "from shop.cart import Cart\n\n\ndef test_add_item():\n    Cart().add_item(3)\n",
    "web/cart.ts": "export class Basket {\n  add_item(x: number): void {}\n}\nnew Basket().add_item(4)\n",
}


@dataclasses.dataclass
class Shop:
    settings: Settings
    work: GitRepository
    engine: SearchEngine

    def index(self, files: dict[str, str | None], run: str) -> str:
        commit = self.work.commit(files)
        steps_alone.run(self.settings, "acme/shop", run)
        return commit

    def find(self, name: str, **options: Any) -> References:
        page: dict[str, Any] = {name: options.pop(name) for name in ("limit", "cursor") if name in options}
        return find_references(self.engine, name, SearchFilters(**options), **page)


def shop_at(folder: Path) -> Shop:
    settings = steps_alone.settings_of(folder / "data")
    layout = Layout(settings.data).create()
    work = GitRepository(folder / "work")
    work.commit(FILES)
    Registry.load(settings.registry_file, layout).add(str(work.path), name="acme/shop")
    steps_alone.run(settings, "acme/shop", "run-1")
    return Shop(settings, work, SearchEngine(layout, settings))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop_at(tmp_path_factory.mktemp("references"))


@pytest.fixture
def own_shop(tmp_path: Path) -> Shop:
    """A shop that a test may change."""
    return shop_at(tmp_path)


def places(found: References) -> list[tuple[str, int]]:
    return [(r.path, r.line) for r in found.references]


def test_definitions_and_lines_of_code_in_order(shop: Shop) -> None:
    found = shop.find("add_item")
    assert [(d.path, d.start_line, d.qualified_name) for d in found.definitions] == [
        ("shop/cart.py", 2, "shop.cart.Cart.add_item"),
        ("web/cart.ts", 2, "cart.Basket.add_item"),
    ]
    # Source before tests; comments, strings and the definitions themselves are not mentions.
    assert places(found) == [
        ("shop/cart.py", 8), ("shop/checkout.py", 11), ("web/cart.ts", 4), ("tests/test_cart.py", 5),
    ]  # fmt: skip
    assert (found.total, found.files, found.by_repository, found.outcome) == (4, 4, {"acme/shop": 4}, "found")
    first, second, _, last = found.references
    assert (first.text, first.within, first.within_lines) == (
        "    cart.add_item('add_item in a string')", "shop.cart.fill", (7, 9),
    )  # fmt: skip
    assert (second.within, second.within_kind, second.kind) == ("shop.checkout.Checkout.pay", "method", "use")
    assert (last.role, last.within) == ("test", "tests.test_cart.test_add_item")


def test_imports_are_told_from_uses(shop: Shop) -> None:
    found = shop.find("Cart")
    kinds = {(r.path, r.line): r.kind for r in found.references}
    assert kinds == {
        ("shop/cart.py", 9): "use",
        ("shop/checkout.py", 2): "import",
        ("shop/checkout.py", 9): "use",
        ("tests/test_cart.py", 1): "import",
        ("tests/test_cart.py", 5): "use",
    }
    assert [r.kind for r in shop.find("fill_up").references] == ["import", "use"]


def test_the_case_counts_and_other_spellings_are_named(shop: Shop) -> None:
    none = shop.find("CART")
    assert (none.outcome, none.references, none.definitions) == ("no_match", (), ())
    assert none.near == ("Cart", "cart")
    assert "spelled otherwise: Cart, cart" in render_references(none)
    assert shop.find("nothing_of_the_kind").near == ()


def test_a_qualifier_narrows_definitions_and_orders_mentions(shop: Shop) -> None:
    found = shop.find("Basket.add_item")
    assert [d.path for d in found.definitions] == ["web/cart.ts"]
    assert places(found)[0] == ("web/cart.ts", 4)
    assert sorted(places(found)) == sorted(places(shop.find("add_item")))


def test_filters(shop: Shop) -> None:
    assert places(shop.find("add_item", languages=("ts",))) == [("web/cart.ts", 4)]
    assert places(shop.find("add_item", paths=("tests/**",))) == [("tests/test_cart.py", 5)]
    assert shop.find("add_item", paths=("tests/**",)).definitions == ()
    assert shop.find("add_item", repositories=("shop",)).total == 4
    with pytest.raises(NotIndexedError):
        shop.find("add_item", repositories=("acme/other",))


@settings(max_examples=10, deadline=None)
@given(limit=st.integers(1, 6))
def test_pages_together_are_the_whole(shop: Shop, limit: int) -> None:
    whole = shop.find("add_item")
    pages: list[Any] = []
    cursor = None
    while True:
        page = shop.find("add_item", limit=limit, cursor=cursor)
        pages.extend(page.references)
        assert page.total == whole.total and (cursor is None or page.definitions == ())
        cursor = page.next_cursor
        if cursor is None:
            break
    assert tuple(pages) == whole.references


def test_a_cursor_goes_on_in_its_publication(own_shop: Shop) -> None:
    first = own_shop.find("add_item", limit=2)
    own_shop.index({"shop/aaa.py": "def more(cart):\n    cart.add_item(9)\n"}, "run-2")
    rest = own_shop.find("add_item", limit=10, cursor=first.next_cursor)
    assert rest.publication == first.publication
    assert len(first.references) + len(rest.references) == first.total == 4
    fresh = own_shop.find("add_item")
    assert fresh.total == 5 and fresh.publication != first.publication
    (own_shop.engine.layout.index(rest_space(own_shop)) / "publications" / f"{first.publication}.json").unlink()
    with pytest.raises(QueryError, match="no longer kept"):
        own_shop.find("add_item", limit=10, cursor=first.next_cursor)


def rest_space(shop: Shop) -> Any:
    return shop.engine.snapshot().space


def test_only_what_is_published_answers(own_shop: Shop) -> None:
    before = own_shop.find("add_item").total
    own_shop.work.commit({"shop/late.py": "def late(cart):\n    cart.add_item(9)\n"})
    for number in range(3):  # chunks are made and current, but not published
        steps_alone.step(own_shop.settings, "acme/shop", "run-2", number)
    assert own_shop.find("add_item").total == before
    for number in range(3, 6):
        steps_alone.step(own_shop.settings, "acme/shop", "run-2", number)
    assert own_shop.find("add_item").total == before + 1


def test_a_damaged_table_is_refused(own_shop: Shop) -> None:
    receipt = own_shop.engine.snapshot().receipts["acme/shop"]
    folder = own_shop.engine.layout.artifact_home("chunks", "acme/shop") / receipt.artifacts["chunks"]
    part = next(folder.glob("references-*.parquet"))
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    part.write_bytes(raw)
    with pytest.raises(CorruptArtifactError):
        own_shop.find("add_item")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("", {}), ("x", {}), ("   ", {}), ("x" * 5000, {}), ("add_item", {"limit": 0}), ("add_item", {"limit": 1001}),
        ("add_item", {"cursor": "nonsense"}), ("add_item", {"cursor": "W10"}), ("add_item", {"cursor": "é"}),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    shop: Shop, name: str, options: dict[Any, Any] | dict[str, int] | dict[str, str]
) -> None:
    with pytest.raises(QueryError):
        shop.find(name, **options)


def test_a_cursor_of_another_question_is_refused(shop: Shop) -> None:
    cursor = shop.find("add_item", limit=1).next_cursor
    with pytest.raises(QueryError, match="another question"):
        shop.find("Cart", limit=1, cursor=cursor)


@given(text=st.text(max_size=80))
def test_no_text_but_a_cursor_is_a_cursor(text: str) -> None:
    with pytest.raises(QueryError):
        decode_cursor(text, {"name": "x"})


@given(offset=st.integers(0, 1_000_000))
def test_a_cursor_comes_back(offset: int) -> None:
    cursor = Cursor("p00000001-abcdef01", offset)
    assert decode_cursor(encode_cursor(cursor, {"name": "x"}), {"name": "x"}) == cursor


@pytest.mark.parametrize("publication", ["../../secret", "p1/x", "", 5, None])
def test_a_cursor_names_no_other_file(publication: Any) -> None:
    forged = encode_cursor(Cursor(publication, 0), {"name": "x"})
    with pytest.raises(QueryError):
        decode_cursor(forged, {"name": "x"})


def test_rendering(shop: Shop) -> None:
    found = shop.find("add_item", limit=2)
    text = render_references(found)
    assert "shop/cart.py" in text and "in shop.cart.fill" in text and "2 of 4 lines" in text and "--cursor" in text
    body = to_json(found)
    assert body["references"][0]["line"] == 8 and body["next_cursor"]
