"""What a publication holds, as sets that tests compare."""

from __future__ import annotations

import publishing as p

from code_index_assets.index.filters import Filter


def shop_points():
    return {("acme/shop", row["path"], row["name"]) for row in p.chunks_of(p.SHOP)}


def everything(view, where=None):
    return {
        (hit.payload["key"], hit.payload["path"], hit.payload["name"])
        for hit in view._ranked(where or Filter(), 10_000, view._view.scan)
    }


def grown(**files):
    return p.SHOP | {name.replace("__", "/") + ".py": text for name, text in files.items()}
