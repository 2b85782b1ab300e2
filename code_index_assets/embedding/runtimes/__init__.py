"""Ways to compute a transformer on this machine: torch, ONNX Runtime, OpenVINO, int8; and worker processes."""
