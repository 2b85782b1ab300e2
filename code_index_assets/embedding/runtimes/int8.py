"""The exported transformer with int8 products, calibrated once on a fixed sample: a separate embedding space.

What lives here: which products become int8, their scales, and checking and keeping the result. What does not: the
float32 graph and computing with a graph (`onnx.py`, `openvino.py`).

Scales are constants of the graph. Dynamic scales come from a whole batch and make a vector depend on its batch mates
(cosine .988), so such vectors cannot be cached. Rounding makes small differences of float32 arithmetic between batches
and runtimes larger from layer to layer, up to the size of the rounding itself; so what matters is that the rounding be
small. The figures of the alternatives are in docs/adr/007.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ConfigurationError, EmbeddingError
from ...progress import Say
from ...storage.layout import Layout
from ..models.transformer import CPU_BATCH_TOKENS, TransformerModel, cut_tokens, load_tokenizer, token_batches
from .calibration import calibration_digest, calibration_texts

# Texts are cut here for calibration whatever the cut of the space: one graph serves all cuts of a model.
_SAMPLE_TOKENS = 128
# Inputs whose largest value is more than this many times their root mean square stay float32: in all-MiniLM-L6-v2 the
# second feed-forward products of three of its six layers. Agreement of the two runtimes .99894 without, .9992 with.
MAX_CREST = 64.0
# How much of an input's channel range moves into the weights: even shares are best (.5 to .7 are alike).
_SMOOTHING = 0.55
# Channels above this quantile of the channels' ranges are scaled down to it where no layer norm comes before.
_OUTLIERS = 0.9
# Cosine of the texts held back to float32 below which a graph is not used: all-MiniLM-L6-v2 has .9976; where it was
# .993 at worst, ONNX Runtime and OpenVINO no longer agreed to .999.
MIN_COSINE = 0.995
# What a text's vector must keep whatever the texts beside it.
MIN_AGREEMENT = 0.999
_HELD_BACK = 9  # every ninth text of the sample is not calibrated with, but checked

Array = npt.NDArray[Any]


def cpu_has_int8() -> bool:
    """Whether the CPU adds int8 products in 32 bits. Older x86 CPUs do in 16 and saturate: other vectors, no gain."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_vnni", "avx_vnni", "amx_int8"}.isdisjoint(flags)


def int8_graph(model: TransformerModel, layout: Layout, say: Say) -> Path:
    """The folder of the int8 graph of a model, made if it is not there. Raises ConfigurationError, EmbeddingError."""
    from .onnx import export

    if not cpu_has_int8():
        raise ConfigurationError(
            f"{model.name}:int8 needs a CPU with int8 dot products (VNNI), which this one does not have",
            remedy="set CODE_INDEX_MODEL to the same without `:int8` and index again",
        )
    home = layout.models / f"onnx-{model.slug}-{model.revision[:8]}-{calibration_digest()[:8]}"
    if (home / "model.json").exists():
        return home
    plain = replace(model, int8=False)
    source = export(plain, layout)
    with layout.lock(f"model-{home.name}", timeout=900):
        if (home / "model.json").exists():
            return home
        say(f"calibrating int8 products of {model.name} (once per data folder, about 10 s)")
        with layout.temporary("int8") as folder:
            target = folder / home.name
            target.mkdir()
            cosine = _make(model, source, target)
            (target / "model.json").write_text(json.dumps({"model": model.name, "cosine": cosine}))
            home.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(home, ignore_errors=True)  # what a kill left there, without model.json
            target.rename(home)
        say(f"int8 products of {model.name}: cosine to float32 at least {cosine:.4f}, kept in {home.name}")
    return home


def _make(model: TransformerModel, source: Path, target: Path) -> float:
    """Writes the graph; returns the least cosine of the texts held back. Raises EmbeddingError if it is too low."""
    from .onnx import OnnxEmbedder

    texts = calibration_texts()
    sample = [text for number, text in enumerate(texts) if number % _HELD_BACK]
    quantize(source / "model.onnx", target / "model.onnx", _batches(model, sample))
    held = texts[::_HELD_BACK]
    embedder = OnnxEmbedder(model, target)
    together = embedder.embed(held, "document")
    alone = np.concatenate([embedder.embed([text], "document") for text in held])
    exact = OnnxEmbedder(replace(model, int8=False), source).embed(held, "document")
    cosine, agreement = (float((together * other).sum(axis=1).min()) for other in (exact, alone))
    if not (cosine >= MIN_COSINE and agreement >= MIN_AGREEMENT):
        raise EmbeddingError(
            f"int8 products change the vectors of {model.name} too much: cosine {cosine:.4f} to float32 (at least "
            f"{MIN_COSINE} is asked for), {agreement:.4f} to themselves beside other texts (at least {MIN_AGREEMENT})",
            remedy="set CODE_INDEX_MODEL to the same without `:int8`: this model needs float32 or bf16",
        )
    return cosine


def _batches(model: TransformerModel, texts: list[str]) -> Iterator[dict[str, Array]]:
    ids = cut_tokens(load_tokenizer(model), texts, _SAMPLE_TOKENS)
    for rows in token_batches([len(row) for row in ids], CPU_BATCH_TOKENS):
        tokens = np.zeros((len(rows), max(len(ids[row]) for row in rows)), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for place, row in enumerate(rows):
            tokens[place, : len(ids[row])] = ids[row]
            mask[place, : len(ids[row])] = 1
        yield {"input_ids": tokens, "attention_mask": mask}


class InputRange:
    """What calibration sees of one input of products: largest magnitude by channel, and the mean square."""

    def __init__(self) -> None:
        self.squares, self.count = 0.0, 0
        self.low: Array = np.zeros(1, dtype=np.float32)
        self.high: Array = np.zeros(1, dtype=np.float32)

    def add(self, values: Array) -> None:
        """Values of shape (tokens, channels)."""
        self.low = np.minimum(self.low, values.min(axis=0))
        self.high = np.maximum(self.high, values.max(axis=0))
        self.squares += float(np.square(values, dtype=np.float64).sum())
        self.count += values.size

    @property
    def largest(self) -> Array:
        """The largest absolute value of each channel, at least 0.00001."""
        return np.asarray(np.maximum(np.maximum(-self.low, self.high), 1e-5), dtype=np.float32)

    @property
    def crest(self) -> float:
        """Largest magnitude over root mean square."""
        return float(self.largest.max() / max((self.squares / max(self.count, 1)) ** 0.5, 1e-9))


def quantize(source: Path, target: Path, batches: Iterator[dict[str, Array]]) -> None:
    """Writes the graph with products by constant weights in int8: scales of inputs constant, of weights by column.

    Ranges are from the least to the largest value seen: cut off where the squared error is least, the outliers that
    transformers keep in one channel of their first token were lost (mean cosine .991 instead of .998).
    """
    import onnx

    model = onnx.load(source)
    products = _products(model)
    ranges = _ranges(model, sorted(products), batches)
    normed = {name for node in model.graph.node if node.op_type == "LayerNormalization" for name in node.output}
    for name, users in products.items():
        if ranges[name].crest <= MAX_CREST:
            _to_int8(model.graph, name, users, ranges[name], smooth=name in normed)
    onnx.save(model, target)


def _products(model: Any) -> dict[str, list[tuple[Any, Any]]]:
    """Input name → the matrix products of it by a constant, with that constant. Weights that layers share stay."""
    uses = Counter(name for node in model.graph.node for name in node.input)
    constants = {constant.name: constant for constant in model.graph.initializer if uses[constant.name] == 1}
    products: dict[str, list[tuple[Any, Any]]] = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            products.setdefault(node.input[0], []).append((node, constants[node.input[1]]))
    return products


def _ranges(model: Any, names: list[str], batches: Iterator[dict[str, Array]]) -> dict[str, InputRange]:
    import onnx
    import onnxruntime

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ranges = {name: InputRange() for name in names}
    for batch in batches:
        there = batch["attention_mask"].astype(bool)
        for name, values in zip(names, session.run(names, batch), strict=True):
            ranges[name].add(values[there])
    return ranges


def _channel_scales(seen: InputRange, weights: list[Array], smooth: bool) -> Array:
    """By what each channel of an input is divided, and its row of the weights multiplied, before both are rounded.

    Behind a layer norm ranges are shared out between input and weights (Xiao et al. 2023, SmoothQuant); elsewhere only
    outlying channels are scaled, since sharing out made it worse (mean cosine .987 instead of .997).
    """
    largest = seen.largest
    if not smooth:
        return np.asarray(np.maximum(1, largest / np.quantile(largest, _OUTLIERS)), dtype=np.float32)
    rows = np.maximum(np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0), 1e-5)
    scales = largest**_SMOOTHING / rows ** (1 - _SMOOTHING)
    return np.asarray(scales / np.exp(np.log(scales).mean()), dtype=np.float32)


def _to_int8(graph: Any, name: str, users: list[tuple[Any, Any]], seen: InputRange, *, smooth: bool) -> None:
    """Puts rounding of the input (unsigned, with a zero point) and of the weights (signed) before the products."""
    from onnx import helper, numpy_helper

    def constant(suffix: str, values: Any) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(values), suffix))
        return suffix

    weights = [numpy_helper.to_array(stored) for _, stored in users]
    channels = _channel_scales(seen, weights, smooth)
    low, high = float((seen.low / channels).min()), float((seen.high / channels).max())
    step = max(high - low, 1e-9) / 255
    scale = constant(f"{name}/scale", np.float32(step))
    zero = constant(f"{name}/zero", np.uint8(np.clip(round(-low / step), 0, 255)))
    before = [
        helper.make_node("Mul", [name, constant(f"{name}/channels", 1 / channels)], [f"{name}/even"]),
        helper.make_node("QuantizeLinear", [f"{name}/even", scale, zero], [f"{name}/int8"]),
        helper.make_node("DequantizeLinear", [f"{name}/int8", scale, zero], [f"{name}/rounded"]),
    ]
    for (node, stored), weight in zip(users, weights, strict=True):
        scaled = weight * channels[:, None]
        steps = np.maximum(np.abs(scaled).max(axis=0) / 127, 1e-12).astype(np.float32)
        graph.initializer.remove(stored)
        parts = [
            constant(f"{stored.name}/int8", np.clip(np.round(scaled / steps), -127, 127).astype(np.int8)),
            constant(f"{stored.name}/scale", steps),
            constant(f"{stored.name}/zero", np.zeros(len(steps), dtype=np.int8)),
        ]
        before.append(helper.make_node("DequantizeLinear", parts, [stored.name], axis=1))
        node.input[0] = f"{name}/rounded"
    place = min(list(graph.node).index(node) for node, _ in users)
    for offset, node in enumerate(before):
        graph.node.insert(place + offset, node)
