"""Which way of computing a transformer is fastest on this CPU: candidates are timed once a machine and kept.

What lives here: candidates, timing them, the kept choice. What does not: the runtimes themselves
(`embedding/models/transformer.py`, `onnx.py`, `openvino.py`) and the processes that run them (`worker.py`,
`worker_pool.py`).

All candidates of a model make vectors of one space (cosine ≥ .999 to each other): float32 and bf16 of one, int8 of
another. CPUs differ: with bf16 units torch bf16 is 3.4 times sentence-transformers, without them it is emulated and
three times slower than float32. One process of one thread a core beats one process of many: 1.35 times on two cores.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ...errors import ConfigurationError
from ...progress import Say
from ...storage.fingerprint import digest
from ...storage.layout import Layout, write_atomically
from ..models.transformer import TransformerModel, cpu_has_bf16
from .runtime import Runtime

NAMES = ("torch-fp32", "torch-bf16", "onnx-fp32", "openvino-fp32", "openvino-bf16")
# Of the spaces of int8 models (`int8.py`).
INT8_NAMES = ("onnx-int8", "openvino-int8")
# Below so many texts no process is started and nothing timed: ONNX Runtime in this process is ready in 0.4 s.
SMALL_JOB = 400
# Timing takes 15 to 30 s, once a machine: worth it when the work takes a minute and more. A first job of 1,840 texts,
# 9 s of work, took 48 s with it.
TIMED_JOB = 8_000
TIMED_SECONDS = 2.0
# Four slices for each of two processes: with fewer, one waits for the other and looks slow.
_SAMPLE_TEXTS = 512
_WARM_UP_TEXTS = 128


def candidates(cores: int, int8: bool = False) -> list[Runtime]:
    """What may be fastest here: half precision only where the CPU has it, OpenVINO only where it is installed."""
    if int8:
        return [Runtime(name, cores) for name in INT8_NAMES if name.startswith("onnx") or find_spec("openvino")]
    half = "bf16" if cpu_has_bf16() else "fp32"
    names = [f"torch-{half}", "onnx-fp32"]
    if find_spec("openvino") is not None:
        names.append(f"openvino-{half}")
    return [Runtime(name, cores) for name in names]


def preferred(cores: int, int8: bool = False) -> Runtime:
    """The choice without timing: the order measured on CPUs with and without bf16."""
    if int8:
        return candidates(cores, int8)[-1]
    return candidates(cores)[-1] if find_spec("openvino") else candidates(cores)[0 if cpu_has_bf16() else 1]


def asked(name: str, workers: int, cores: int, int8: bool = False) -> Runtime:
    """The runtime a setting names. Raises ConfigurationError if there is none, or it makes vectors of another space."""
    names = INT8_NAMES if int8 else NAMES
    if name not in names:
        what = f"no runtime {name!r}" if name not in NAMES + INT8_NAMES else f"no {name} for this model"
        raise ConfigurationError(
            f"there is {what}",
            remedy=f"CODE_INDEX_RUNTIME is one of {', '.join(names)}; int8 belongs to models named with `:int8`",
        )
    if name.startswith("openvino") and find_spec("openvino") is None:
        raise ConfigurationError("OpenVINO is not installed", remedy='pip install "code-index[openvino]"')
    count = workers or cores
    return Runtime(name, count, max(1, cores // count))


def machine() -> str:
    """Identifies the CPU and the libraries a choice was made with."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        cpu = "".join(sorted({line for line in text.split("\n") if line.startswith(("model", "flags", "cpu family"))}))
    except OSError:
        cpu = platform.processor()
    libraries = [f"{name} {_version(name)}" for name in ("torch", "onnxruntime", "openvino")]
    return digest(cpu, str(usable_cores()), *libraries)[:12]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choice_file(model: TransformerModel, max_tokens: int, layout: Layout) -> Path:
    """The file that keeps which runtime was fastest on this machine."""
    return layout.models / f"runtime-{model.slug}-{max_tokens}-{machine()}.json"


def kept(model: TransformerModel, max_tokens: int, layout: Layout) -> Runtime | None:
    """The choice made on this machine before, if any."""
    try:
        return Runtime(**json.loads(choice_file(model, max_tokens, layout).read_bytes())["choice"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def choose(model: TransformerModel, max_tokens: int, layout: Layout, say: Say, texts: int = TIMED_JOB) -> Runtime:
    """The fastest runtime: kept from before, else timed if the work of `texts` texts is worth it."""
    known = kept(model, max_tokens, layout)
    if known is not None:
        return known
    cores = usable_cores()
    if texts < TIMED_JOB:
        return preferred(cores, model.int8)
    rates: dict[Runtime, float] = {}
    for runtime in candidates(cores, model.int8):
        say(f"timing {runtime} on this machine")
        rates[runtime] = measure(model, max_tokens, layout, runtime)
        say(f"{runtime}: {rates[runtime]:.0f} texts/s")
    best = max(rates, key=lambda runtime: rates[runtime])
    if cores > 1:
        single = Runtime(best.name, 1, cores)
        rates[single] = measure(model, max_tokens, layout, single)
        say(f"{single}: {rates[single]:.0f} texts/s")
        best = max(rates, key=lambda runtime: rates[runtime])
    facts = {"choice": asdict(best), "rates": {str(r): round(rate, 1) for r, rate in rates.items()}, "at": time.time()}
    path = choice_file(model, max_tokens, layout)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(facts, indent=1).encode())
    say(f"{best} is fastest here: kept for this machine ({path.name})")
    return best


def measure(model: TransformerModel, max_tokens: int, layout: Layout, runtime: Runtime) -> float:
    """Texts a second of a runtime on code, model load and warm-up apart."""
    from .worker_pool import WorkerPool

    texts = sample_texts()
    with WorkerPool(model, max_tokens, layout, runtime) as pool:
        list(pool.compute(texts[:_WARM_UP_TEXTS], "document"))
        done, started = 0, time.perf_counter()
        while (seconds := time.perf_counter() - started) < TIMED_SECONDS:
            list(pool.compute(texts, "document"))
            done += len(texts)
    return done / seconds


def sample_texts() -> list[str]:
    """Code to time with: stretches of this package's own modules, about as long as chunks are."""
    source = "".join(path.read_text() for path in sorted(Path(__file__).parents[1].rglob("*.py")))
    parts = [part for part in re.split(r"\n(?=def |class |    def )", source) if len(part) > 200]
    while len(parts) < _SAMPLE_TEXTS:
        parts += parts
    return [part[:1500] for part in parts[:_SAMPLE_TEXTS]]
