"""An embedding process: loads one model in one runtime, answers batches of texts with vectors.

What lives here: the process's loop. What does not: starting and feeding it (`worker_pool.py`). Started as a fresh
interpreter with its thread counts in the environment, which libraries read when they are loaded.
"""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection
from pathlib import Path

from ..interface import Embedder
from ..models.transformer import TransformerModel


def load(model: TransformerModel, max_tokens: int, runtime: str, threads: int, export: str, device: str) -> Embedder:
    """The embedder of a runtime in this process."""
    if runtime.startswith("onnx"):
        from .onnx import OnnxEmbedder

        return OnnxEmbedder(model, Path(export), max_tokens=max_tokens, threads=threads)
    if runtime.startswith("openvino"):
        from .openvino import OpenVinoEmbedder

        return OpenVinoEmbedder(
            model, Path(export), max_tokens=max_tokens, threads=threads, half=runtime.endswith("bf16")
        )
    from ..models.transformer import TransformerEmbedder, import_torch

    if device == "cpu":
        import_torch().set_num_threads(threads)
    return TransformerEmbedder(model, device=device, max_tokens=max_tokens, full_precision=runtime.endswith("fp32"))


def main(descriptor: int) -> None:
    """Serves until the parent closes the connection."""
    connection = Connection(descriptor)
    try:
        try:
            embedder = load(*connection.recv())
        except Exception as error:
            connection.send(error)
            return
        connection.send((embedder.runtime, embedder.space.id))
        while True:
            texts, input_type = connection.recv()
            try:
                vectors = embedder.embed(texts, input_type)
            except Exception as error:
                connection.send(error)
                continue
            connection.send((vectors.tobytes(), getattr(embedder, "padding_waste", 0.0)))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        sys.exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
