"""The exported transformer in OpenVINO, an optional extra: faster than torch where the CPU has bf16 units.

What lives here: computing vectors with it. What does not: the export (`onnx.py`), when it is chosen
(`choice.py`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..interface import Vectors
from ..models.transformer import TransformerModel
from .onnx import ExportedEmbedder


class OpenVinoEmbedder(ExportedEmbedder):
    """Computes vectors of an exported transformer with OpenVINO."""

    def __init__(
        self, model: TransformerModel, folder: Path, *, max_tokens: int = 0, threads: int = 1, half: bool = False
    ) -> None:
        import openvino

        super().__init__(model, max_tokens)
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Pinned, two processes sat on one core: 117 texts a second instead of 236.
            "ENABLE_CPU_PINNING": False,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        }
        self._compiled = core.compile_model(str(folder / "model.onnx"), "CPU", settings)
        self._request = self._compiled.create_infer_request()
        precision = "int8" if model.int8 else "bfloat16" if half else "float32"
        self._said = f"openvino {openvino.__version__.split('-')[0]} {precision} cpu"

    @property
    def runtime(self) -> str:
        """Library and number format that compute, as run records name them."""
        return self._said

    def _hidden(self, tokens: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        self._request.infer({"input_ids": tokens, "attention_mask": mask})
        return np.asarray(self._request.get_output_tensor(0).data, dtype=np.float32)
