"""Runs the steps up to `embeddings` of one partition in a process of its own, for a test to kill.

Arguments: data folder, key, model, address of the embedding server.
"""

from __future__ import annotations

import sys
from pathlib import Path

from code_index_assets.chain.chunk import chunk_files
from code_index_assets.chain.embed import embed_chunks
from code_index_assets.chain.observe import observe_repository
from code_index_assets.chain.run import ChainRun
from code_index_assets.chain.select import hash_files
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout


def main() -> None:
    data, key, model, url = sys.argv[1:5]
    settings = Settings.model_validate(
        {"data": Path(data), "model": model, "embedding_url": url, "embedding_dimension": 64, "embedding_in_flight": 3}
    )
    context = ChainRun(key, "killed", Layout(settings.data).create(), settings, Stages())
    for step in (observe_repository, hash_files, chunk_files, embed_chunks):
        step(context)


if __name__ == "__main__":
    main()
