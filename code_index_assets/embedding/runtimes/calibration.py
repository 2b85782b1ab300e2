"""The sample that int8 products are calibrated with; its digest names their embedding space."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ...storage.fingerprint import digest

# With the sample it names the space: raise it when scales come out differently.
CALIBRATION_VERSION = "1"


@cache
def calibration_texts() -> tuple[str, ...]:
    """The sample, the same for everyone and part of the space's name: never edit it without a new version.

    Code in 26 languages and formats written for it, stretches of this package as it was then, SQL, text, queries.
    """
    text = (Path(__file__).parent / "calibration.txt").read_text(encoding="utf-8")
    return tuple(part.strip("\n") for part in text.split("\n=====\n"))


@cache
def calibration_digest() -> str:
    """What makes an int8 space differ from that of its model."""
    return digest("int8", CALIBRATION_VERSION, *calibration_texts())
