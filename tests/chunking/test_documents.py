"""The `documents` table: made with the chunks, the same however it is made."""

from __future__ import annotations

import polars as pl

from code_index_assets.chunking import documents as d
from code_index_assets.chunking.batch import frames
from code_index_assets.chunking.columns import arrow
from code_index_assets.chunking.single import ChunkOptions, SourceFile, parse_file
from code_index_assets.chunking.terms import count_terms, term_id
from code_index_assets.index.documents import documents_of
from code_index_assets.tables import CHUNKS, DOCUMENTS, SYMBOLS

CODE = """class Cart:
    \"\"\"Holds what is bought.\"\"\"

    def add(self, price: int) -> None:
        self.total += price


def total_price(cart: Cart) -> int:
    return cart.total
"""


def parsed(text: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    file = SourceFile("shop/cart.py", "b1", "python", text)
    tables = frames(arrow([parse_file(file, ChunkOptions(60, 20))]))
    return tables.chunks, tables.symbols, tables.documents


def test_positions_in_rows_are_those_of_the_tables() -> None:
    chunks, symbols = list(CHUNKS.schema), list(SYMBOLS.schema)
    for position, name in (
        (d.CHUNK_ID, "chunk_id"), (d.PATH, "path"), (d.START_LINE, "start_line"), (d.END_LINE, "end_line"),
        (d.NAME, "name"), (d.NAMES, "names"), (d.TEXT, "text"),
    ):  # fmt: skip
        assert chunks[position] == name
    for position, name in (
        (d.SYMBOL_PATH, "path"), (d.SYMBOL_NAME, "name"), (d.QUALIFIED_NAME, "qualified_name"),
        (d.SYMBOL_KIND, "kind"), (d.SYMBOL_START, "start_line"), (d.SYMBOL_END, "end_line"),
        (d.SYMBOL_SIGNATURE, "signature"),
    ):  # fmt: skip
        assert symbols[position] == name


def test_documents_made_later_are_those_made_with_the_chunks() -> None:
    chunks, symbols, made = parsed(CODE)
    assert chunks.height > 1 and made.schema == DOCUMENTS.schema
    assert documents_of(chunks, symbols).equals(made)


def test_a_document_changes_with_its_chunk_and_its_definitions_alone() -> None:
    _, _, before = parsed(CODE)
    _, _, after = parsed(CODE.replace("return cart.total", "return cart.sum"))
    changed = set(after.get_column("digest")) - set(before.get_column("digest"))
    assert len(changed) == 1
    moved = set(parsed("\n" + CODE)[2].get_column("digest"))
    assert moved.isdisjoint(before.get_column("digest"))  # lines are part of what a point holds


def test_names_count_more_than_paths_and_paths_more_than_text() -> None:
    terms = count_terms(["cart"], "shop", "price price")
    counts = dict(zip(terms.ids, terms.counts, strict=True))
    assert [counts[term_id(word)] for word in ("cart", "shop", "price")] == [6, 4, 2]
    assert terms.length == 2 and terms.ids == sorted(terms.ids)
