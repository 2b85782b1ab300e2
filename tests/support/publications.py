"""What a publication holds, as sets that tests compare."""

from __future__ import annotations

from typing import Any

import publishing as p

from code_index_assets.index.filters import Filter


def shop_points() -> set[tuple[str, str, str | None]]:
    return {("acme/shop", row["path"], row["name"]) for row in p.chunks_of(p.SHOP)}


def everything(view: Any, where: Filter | None = None) -> set[tuple[str, str, str | None]]:
    return {
        (hit.payload["key"], hit.payload["path"], hit.payload["name"])
        for hit in view._ranked(where or Filter(), 10_000, view._view.scan)
    }


def grown(**files: str) -> dict[str, str]:
    return p.SHOP | {name.replace("__", "/") + ".py": text for name, text in files.items()}
