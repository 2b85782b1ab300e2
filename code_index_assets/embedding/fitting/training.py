"""Fitting the vectors of word pieces so that their sums are near a transformer's vectors, and pairs near each other.

What lives here: the starting table and the descent. What does not: reading repositories (`corpus.py`), using a table
(`../static_table.py`).

Start: each word piece embedded by itself, weighted by smooth inverse frequency (Arora et al. 2017; Model2Vec, 2024,
is the published form), mapped by least squares into the principal components of the transformer's vectors of the
texts. Then Adam on the sum of three losses: one minus the cosine to the transformer's vector of a text (distillation),
and for documentation with its code, and for commit subjects with the code they changed, the cross entropy of finding
the partner among the batch (InfoNCE, van den Oord et al. 2018), in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...progress import Say
from ..models.transformer import TransformerEmbedder, TransformerModel, import_torch

Matrix = npt.NDArray[np.float32]
# Word pieces of a text, as rows of the table.
Pieces = npt.NDArray[np.int32]
SIF = 1e-4
TEMPERATURE = 0.05
# Shares of the two losses over pairs; distillation has 1. With .3 to 2 times these shares nothing moved by .005.
PAIR_SHARE = 0.1
BATCH = 1024
STEPS = 400
# Of the starting table's root mean square, a step.
RATE = 0.01


@dataclass(frozen=True)
class Pairs:
    """What is said and the code it is said of, row by row."""

    said: list[Pieces]
    code: list[Pieces]


def first_guess(model: TransformerModel, say: Say) -> tuple[list[str], Matrix]:
    """The vocabulary and a vector for each of its pieces, by itself, shape (pieces, the transformer's dimension)."""
    embedder = TransformerEmbedder(model, device="cpu", max_tokens=8, full_precision=True)
    vocabulary = embedder.vocabulary()
    parts, step = [], 2048
    for start in range(0, len(vocabulary), step):
        parts.append(embedder.embed_tokens(list(range(start, min(start + step, len(vocabulary))))))
        say(f"word pieces: {min(start + step, len(vocabulary)):,}/{len(vocabulary):,}")
    vectors = np.concatenate(parts)
    vectors -= vectors.mean(axis=0)
    # The place in the vocabulary stands for the frequency: it is sorted by it.
    frequency = 1.0 / np.arange(2, len(vocabulary) + 2)
    weight = SIF / (SIF + frequency / frequency.sum())
    return vocabulary, np.asarray(vectors * weight[:, None], dtype=np.float32)


def fit(start: Matrix, texts: list[Pieces], wanted: Matrix, pairs: Sequence[Pairs], dimension: int, say: Say) -> Matrix:
    """The fitted table, shape (pieces, dimension). `wanted`: the transformer's vectors of the texts."""
    torch = import_torch()
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    goal = _unit(_principal(wanted - wanted.mean(axis=0), dimension))
    mapped = _mapped(start, texts, goal)
    rate = RATE * float(np.sqrt((mapped**2).mean()))
    table = torch.nn.Parameter(torch.from_numpy(mapped))
    optimizer = torch.optim.Adam([table], lr=rate, betas=(0.9, 0.99))
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 20) * max(0.05, 1 - step / STEPS)
        rows = _some(chance, len(texts))
        near = (_embedded(torch, table, texts, rows) * torch.from_numpy(goal[rows])).sum(1)
        loss = (1 - near).mean()
        for kind in pairs:
            rows = _some(chance, len(kind.said))
            said, code = _embedded(torch, table, kind.said, rows), _embedded(torch, table, kind.code, rows)
            likeness = said @ code.T / TEMPERATURE
            partner = torch.arange(len(rows))
            both = torch.nn.functional.cross_entropy(likeness, partner)
            both = both + torch.nn.functional.cross_entropy(likeness.T, partner)
            loss = loss + PAIR_SHARE / 2 * both
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            cosine = near.mean().item()
            say(f"step {step + 1} of {STEPS}: loss {loss.item():.3f}, cosine to the transformer {cosine:.3f}")
    return np.asarray(table.detach().numpy(), dtype=np.float32)


def _some(chance: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    return chance.choice(count, min(BATCH, count), replace=False)


def _embedded(torch: Any, table: Any, texts: list[Pieces], rows: npt.NDArray[np.int64]) -> Any:
    chosen = [texts[row] for row in rows]
    starts = np.cumsum([0, *(len(pieces) for pieces in chosen[:-1])])
    flat = torch.from_numpy(np.concatenate(chosen).astype(np.int64))
    summed = torch.nn.functional.embedding_bag(flat, table, torch.from_numpy(starts), mode="sum")
    return torch.nn.functional.normalize(summed, dim=1, eps=1e-6)


def _mapped(start: Matrix, texts: list[Pieces], goal: Matrix) -> Matrix:
    """The first guess in the goal's coordinates: the linear map that brings unit sums nearest to the goal."""
    sums = np.stack([start[pieces].sum(axis=0) for pieces in texts])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    linear = np.linalg.lstsq(sums / np.maximum(lengths, 1e-6), goal, rcond=None)[0]
    return np.asarray(start @ linear, dtype=np.float32)


def _principal(vectors: Matrix, dimension: int) -> Matrix:
    """Rows in their first principal components, each axis with its largest loading positive."""
    _, axes = np.linalg.eigh(np.asarray(vectors.T @ vectors, dtype=np.float64))
    axes = axes[:, ::-1][:, :dimension]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(vectors @ (axes * signs), dtype=np.float32)


def _unit(vectors: Matrix) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)
