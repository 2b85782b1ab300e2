"""What a data folder holds, decoded: for tests that look for what must not be there."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from code_index_assets.index.exact.texts import Texts


def everything_in(folder: Path) -> bytes:
    """All bytes below a folder, with Parquet and texts decoded; mirrors apart, which hold what git holds."""
    pieces = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or "mirrors" in path.parts:
            continue
        pieces.append(path.read_bytes())
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            texts = frame.select(pl.selectors.string(), pl.selectors.by_dtype(pl.List(pl.String)).list.join("\n"))
            pieces += [str(value).encode() for row in texts.iter_rows() for value in row if value]
        if path.suffix == ".mapped" and path.name.startswith("texts-"):
            pieces += texts_in(path)
    return b"\0".join(pieces)


def texts_in(path: Path) -> list[bytes]:
    """Every text of a bucket's exact index, its dictionary and its table."""
    stored = Texts(path)
    return [
        stored.dictionary, repr(stored.entries).encode(), *(stored.text(number) for number in range(stored.documents))
    ]  # fmt: skip
