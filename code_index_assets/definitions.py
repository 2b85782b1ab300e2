"""The Dagster code location: every asset, job, schedule and sensor, and the resource they share.

What lives here: the one line that makes them. What does not: which they are (`code_location.py`).
"""

from .code_location import build_defs

__all__ = ["defs"]

defs = build_defs()
