"""What a data folder holds, decoded: for tests that look for what must not be there."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def everything_in(folder: Path) -> bytes:
    """All bytes below a folder, with Parquet decoded; mirrors apart, which hold what git holds."""
    pieces = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or "mirrors" in path.parts:
            continue
        pieces.append(path.read_bytes())
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            texts = frame.select(pl.selectors.string(), pl.selectors.by_dtype(pl.List(pl.String)).list.join("\n"))
            pieces += [str(value).encode() for row in texts.iter_rows() for value in row if value]
    return b"\0".join(pieces)
