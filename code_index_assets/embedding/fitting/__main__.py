"""Fits a static table to repositories: how the table of the package was made, and how to make one for other code.

    python -m code_index_assets.embedding.fitting OUT REPOSITORIES [--root FOLDER]

REPOSITORIES is a file with a line `path commit` for each bare clone (`#` begins a comment); paths are relative to
--root. Some minutes for a repository of two thousand chunks on two cores, nearly all of it the transformer's; its
vectors are kept in the data folder (CODE_INDEX_DATA), so a second fit with another list costs only what is new.
Use the table with CODE_INDEX_MODEL=static:OUT.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from ...errors import CodeIndexError
from ...settings import load_settings
from ...storage.layout import Layout
from ..models.static_table import write_table
from ..models.transformer import MINILM, find_model
from ..models.word_pieces import WordPieces
from . import training
from .corpus import Corpus, read_repository
from .teacher import vectors_of, what_was_read


def main() -> int:
    """Fits a table as the command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("repositories", type=Path)
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--model", default=MINILM, help="the transformer to learn from")
    parser.add_argument("--dimension", type=int, default=256)
    given = parser.parse_args()
    try:
        fit_table(given.out, read_list(given.repositories, given.root), given.model, given.dimension)
    except CodeIndexError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def read_list(file: Path, root: Path) -> list[tuple[Path, str]]:
    """(bare clone, commit) of each line."""
    rows = []
    for line in file.read_text().splitlines():
        path, _, commit = line.partition("#")[0].strip().partition(" ")
        if path:
            rows.append((root / path, commit.strip() or "HEAD"))
    return rows


def fit_table(out: Path, repositories: list[tuple[Path, str]], model_name: str, dimension: int) -> None:
    """Reads, asks the transformer, fits, writes. Raises SourceError, EmbeddingError, ConfigurationError."""

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    corpus = Corpus()
    for path, commit in repositories:
        part = read_repository(path, commit)
        say(f"{path} {commit}: {len(part.texts)} texts, {len(part.documented)} + {len(part.committed)} pairs")
        corpus.add(part)
    model, layout = find_model(model_name), Layout(load_settings().data).create()
    texts = list(dict.fromkeys(corpus.texts))
    targets = vectors_of(model, texts, layout, say)
    vocabulary, start = training.first_guess(model, say)
    pieces = WordPieces(vocabulary)

    def cut(texts: list[str]) -> list[training.Pieces]:
        return [np.asarray(pieces.of_text(text) or [0], dtype=np.int32) for text in texts]

    pairs = [
        training.Pairs(cut([sentence for sentence, _ in kind]), cut([code for _, code in kind]))
        for kind in (corpus.documented, corpus.committed)
    ]
    table = training.fit(start, cut(what_was_read(model, texts)), targets, pairs, dimension, say)
    write_table(out, model.slug, vocabulary, table)
    say(f"written to {out}; use it with CODE_INDEX_MODEL=static:{out}")


if __name__ == "__main__":
    sys.exit(main())
