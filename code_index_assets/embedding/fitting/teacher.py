"""The transformer's vectors of texts, computed once and kept, and how much of a text it read.

What lives here: asking the transformer. What does not: learning from it (`training.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...progress import Say
from ...storage.fingerprint import digest
from ...storage.layout import Layout
from ..cache.vectors import VectorCache
from ..interface import Vectors
from ..models.transformer import DEFAULT_MAX_TOKENS, TransformerModel, load_tokenizer
from ..runtimes.choice import preferred, usable_cores
from ..runtimes.worker_pool import WorkerPool

_WINDOW = 4096


def vectors_of(model: TransformerModel, texts: Sequence[str], layout: Layout, say: Say) -> Vectors:
    """Unit vectors of texts, shape (texts, dimension); what the data folder's cache holds is not computed again."""
    space = model.space()
    cache = VectorCache(layout.vectors(space.id) / "fitting", space.dimension)
    keys = [digest(text) for text in texts]
    cached = cache.get(keys)
    missing = [row for row, key in enumerate(keys) if key not in cached]
    say(f"{len(texts):,} texts, {len(cached):,} vectors known")
    if missing:
        with WorkerPool(model, 0, layout, preferred(usable_cores())) as pool:
            for start in range(0, len(missing), _WINDOW):
                part = missing[start : start + _WINDOW]
                for rows, vectors in pool.compute([texts[row] for row in part], "document"):
                    cache.put([keys[part[row]] for row in rows], vectors)
                say(f"{min(start + _WINDOW, len(missing)):,}/{len(missing):,} texts embedded by {pool.runtime}")
        cached = cache.get(keys)
    return np.stack([cached[key] for key in keys])


def what_was_read(model: TransformerModel, texts: Sequence[str]) -> list[str]:
    """Each text as far as the transformer reads it: a table that learns from more learns noise."""
    tokenizer = load_tokenizer(model)
    read = []
    for start in range(0, len(texts), _WINDOW):
        part = list(texts[start : start + _WINDOW])
        for text, row in zip(part, tokenizer.encode_batch(part), strict=True):
            read.append(text if len(row.ids) <= DEFAULT_MAX_TOKENS else text[: row.offsets[DEFAULT_MAX_TOKENS - 2][1]])
    return read
