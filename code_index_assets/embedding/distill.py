"""Making a static table from a transformer: once per model, about half a minute on two cores, 15 MB.

What lives here: the distillation and where its result is kept. What does not: using the table (`static_table.py`).

A table is kept in the data folder, because every process that searches must have the very same one; a copy in the
user's cache folder saves the next data folder on this machine the half minute.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np

from ..fingerprint import digest, file_digest
from ..layout import Layout
from ..progress import Say
from .static_table import StaticTableEmbedder
from .transformer import TransformerEmbedder, TransformerModel

DIMENSION = 256
# Smooth inverse frequency: without it a table scored .50 where it scores .64 with it (development set semble).
SIF = 1e-4
TABLE_VERSION = "1"


def static_table(model: TransformerModel, layout: Layout, say: Say) -> StaticTableEmbedder:
    """The static table of a transformer, made if it is in neither the data folder nor the user's cache."""
    name = f"static-{model.slug}-{DIMENSION}-v{TABLE_VERSION}-{model.revision[:8]}"
    home = layout.models / name
    if not (home / "table.json").exists():
        layout.create()
        with layout.lock(f"model-{name}", timeout=900):
            if not (home / "table.json").exists():
                _obtain(model, name, home, layout, say)
    return StaticTableEmbedder(home)


def user_cache() -> Path:
    """Where models made on this machine are kept for other data folders."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "code-index" / "models"


def _obtain(model: TransformerModel, name: str, home: Path, layout: Layout, say: Say) -> None:
    cached = user_cache() / name
    with layout.temporary("model") as folder:
        target = folder / name
        if (cached / "table.json").exists():
            shutil.copytree(cached, target)
        else:
            say(f"making the static table of {model.name} (once per machine, about half a minute)")
            target.mkdir()
            distill(model, target, say)
            _keep_for_others(target, cached)
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)
        target.rename(home)


def _keep_for_others(folder: Path, cached: Path) -> None:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        unfinished = cached.with_name(f"{cached.name}.{os.getpid()}")
        shutil.copytree(folder, unfinished)
        shutil.rmtree(cached, ignore_errors=True)
        unfinished.rename(cached)
    except OSError:
        return  # a read-only home folder costs the next data folder half a minute, nothing else


def distill(model: TransformerModel, folder: Path, say: Say) -> None:
    """Writes `vectors.npy`, `vocabulary.txt` and `table.json` into a folder."""
    embedder = TransformerEmbedder(model, device="cpu", max_tokens=8)
    vocabulary = embedder.vocabulary()
    vectors = np.empty((len(vocabulary), embedder.space.dimension), dtype=np.float32)
    step = 2048
    for start in range(0, len(vocabulary), step):
        vectors[start : start + step] = embedder.embed_tokens(list(range(start, min(start + step, len(vocabulary)))))
        say(f"static table: {min(start + step, len(vocabulary)):,}/{len(vocabulary):,} word pieces")
    embedder.close()
    reduced = _principal_components(vectors, DIMENSION)
    ranks = np.arange(2, len(vocabulary) + 2, dtype=np.float64)
    frequency = (1.0 / ranks) / (1.0 / ranks).sum()
    table = (reduced * (SIF / (SIF + frequency))[:, None]).astype(np.float16)
    np.save(folder / "vectors.npy", table)
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    revision = digest(TABLE_VERSION, model.revision, file_digest(folder / "vectors.npy"))
    (folder / "table.json").write_text(json.dumps({"model": model.slug, "revision": revision}))


def _principal_components(vectors: np.ndarray, dimension: int) -> np.ndarray:
    """Rows projected on the first principal components, each with its largest loading positive."""
    if vectors.shape[1] <= dimension:
        return vectors
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(np.asarray(centred.T @ centred, dtype=np.float64))
    axes = axes[:, ::-1][:, :dimension]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(centred @ (axes * signs), dtype=np.float32)
