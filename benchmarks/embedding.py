"""Speed of every way to compute the transformer on a CPU, beside sentence-transformers' own `encode`.

    python -m benchmarks.embedding REPOSITORY[@COMMIT] [--chunks 200] [--rounds 2]

Real chunks of the repository, one thread each way, the same maximum length. Each way runs in a process of its own, in
turn, so that all see the same machine; rates are texts a second of process CPU time (cores are shared). Cosines are
against float32 with plain attention. GFLOP/s count the matrix products of the tokens computed; the peak is a float32
product of 2048 x 2048 in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from code_index_assets.chunking.parse import ChunkOptions, parse_files
from code_index_assets.embedding.runtimes import choice as runtimes
from code_index_assets.embedding.runtimes.int8 import cpu_has_int8
from code_index_assets.embedding.runtimes.worker_pool import worker_environment
from code_index_assets.embedding.text import chunk_text

from .parsing import read

BASELINE = "sentence-transformers"
# What a first version does: the library's own length (256 tokens), file after file.
DEFAULTS = "library defaults, file by file"
CHUNKS_OF_A_FILE = 12


def chunks(repository, count):
    files, context = read(repository, 400)
    texts = []
    for tables in parse_files(files, ChunkOptions(), mode="sequential", context=context):
        texts += [chunk_text(*row) for row in tables.chunks.select("kind", "local_name", "text").iter_rows()]
    return random.Random(3).sample(texts, min(count, len(texts)))


def one(way, texts, folder):
    """Loads one way, warms it up, prints CPU seconds for the texts; vectors go into the folder."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from code_index_assets.embedding.models.transformer import (
        MINILM,
        TransformerEmbedder,
        find_model,
        import_torch,
    )
    from code_index_assets.embedding.runtimes.exported_graph import graph
    from code_index_assets.embedding.runtimes.worker import load
    from code_index_assets.storage.layout import Layout

    layout, model = Layout(folder / "data").create(), find_model(MINILM)
    import_torch().set_num_threads(1)
    if way == "exact":
        embedder = TransformerEmbedder(model, device="cpu", exact=True)
    elif way in (BASELINE, DEFAULTS):
        from sentence_transformers import SentenceTransformer

        plain = SentenceTransformer(str(model.folder), device="cpu")
        if way == BASELINE:
            plain.max_seq_length = 128
        run = lambda part: plain.encode(list(part), batch_size=32, show_progress_bar=False, normalize_embeddings=True)  # noqa: E731
    else:
        model = find_model(f"{MINILM}:int8") if way in runtimes.INT8_NAMES else model
        embedder = load(model, 0, way, 1, str(graph(model, layout)), "cpu")
    if way == DEFAULTS:
        encode = run

        def run(part):
            return np.concatenate(
                [encode(part[n : n + CHUNKS_OF_A_FILE]) for n in range(0, len(part), CHUNKS_OF_A_FILE)]
            )

    elif way != BASELINE:
        run = lambda part: embedder.embed(part, "document")  # noqa: E731
    run(texts[:16])
    started = time.process_time()
    vectors = run(texts)
    seconds = time.process_time() - started
    np.save(folder / f"{slug(way)}.npy", np.asarray(vectors, np.float32))
    print(json.dumps({"seconds": seconds}))


def slug(way):
    return way.replace(" ", "-").replace(",", "")


def peak():
    torch = __import__("torch")
    torch.set_num_threads(1)
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.randn(2048, 2048).to(dtype)
        a @ a
        started = time.process_time()
        for _ in range(4):
            a @ a
        rates[str(dtype)[6:]] = 4 * 2 * 2048**3 / (time.process_time() - started) / 1e9
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return one(given.one, json.loads((Path(given.folder) / "texts.json").read_text()), Path(given.folder))
    ways = ["exact", DEFAULTS, BASELINE, "torch-fp32", "torch-bf16", "onnx-fp32"]
    ways += ["openvino-fp32", "openvino-bf16"] if find_spec("openvino") else []
    if cpu_has_int8():
        ways += [name for name in runtimes.INT8_NAMES if name.startswith("onnx") or find_spec("openvino")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = chunks(given.repository, given.chunks)
        (folder / "texts.json").write_text(json.dumps(texts))
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(given.rounds):
            for way in ways:
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.embedding",
                    given.repository,
                    "--one",
                    way,
                    "--folder",
                    name,
                ]
                environment = None if way in ("exact", BASELINE, DEFAULTS) else worker_environment(threads=1)
                done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
                if done.returncode:
                    print(way, done.stderr[-800:], file=sys.stderr)
                    best.pop(way, None)
                    continue
                if way in best:
                    best[way] = min(best[way], json.loads(done.stdout.strip().split("\n")[-1])["seconds"])
        flops = matrix_flops(texts)
        peaks = peak()
        print(
            f"{len(texts)} chunks of {given.repository}, one thread, machine {runtimes.machine()}; GFLOP/s peak {peaks}"
        )
        print(
            "| way | texts per CPU second | against sentence-transformers | cosine min | GFLOP/s |\n|---|---|---|---|---|"
        )
        exact = np.load(folder / "exact.npy")
        for way, seconds in best.items():
            cosine = (np.load(folder / f"{slug(way)}.npy") * exact).sum(axis=1).min()
            print(
                f"| {way} | {len(texts) / seconds:.0f} | {best[BASELINE] / seconds:.2f} | {cosine:.5f} | {flops / seconds / 1e9:.0f} |"
            )
    return 0


def matrix_flops(texts):
    """Matrix products of MiniLM's six layers over the tokens of the texts (cut at 128): 2 per weight, and attention."""
    from code_index_assets.embedding.models.transformer import MINILM, find_model, load_tokenizer

    lengths = [min(len(row.ids), 128) for row in load_tokenizer(find_model(MINILM)).encode_batch(texts)]
    hidden, inner, layers = 384, 1536, 6
    weights = 4 * hidden * hidden + 2 * hidden * inner
    return sum(layers * (2 * n * weights + 4 * n * n * hidden) for n in lengths)


if __name__ == "__main__":
    sys.exit(main())
