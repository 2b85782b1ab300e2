"""What an image installs: the dependencies of pyproject.toml with some of its extras, one a line.

    python image_requirements.py pyproject.toml EXTRA… > requirements.txt
    python image_requirements.py --check-torch cpu|cuda

Only Python's standard library is used, except for the check, which looks at the torch that was installed: pip takes
PyPI's CUDA build (several GB) without a word where the index of CPU builds cannot be reached.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: Path, extras: list[str]) -> list[str]:
    """The requirements of a project and of these extras. Raises KeyError for an extra that it has not."""
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    found = list(project["dependencies"])
    for extra in extras:
        found += project["optional-dependencies"][extra]
    return found


def torch_fault(variant: str, cuda: str | None) -> str:
    """What is wrong with a torch built for this CUDA (None: for CPUs) in an image of a variant; "" if nothing is."""
    if variant == "cpu" and cuda is not None:
        return (
            f"torch is a CUDA {cuda} build, and this is the image for CPUs\n"
            "  → let the build reach https://download.pytorch.org/whl/cpu, or put torch's +cpu wheel in deploy/wheels/"
        )
    if variant == "cuda" and cuda is None:
        return "torch is a CPU build, and this is the image for CUDA\n  → take torch's +cpu wheel out of deploy/wheels/"
    return ""


def main(arguments: list[str]) -> int:
    """Prints requirements, or checks torch; the exit status."""
    if arguments[0] == "--check-torch":
        import torch

        fault = torch_fault(arguments[1], torch.version.cuda)
        if fault:
            sys.stderr.write(f"error: {fault}\n")
        return 1 if fault else 0
    sys.stdout.write("\n".join(requirements(Path(arguments[0]), arguments[1:])) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
