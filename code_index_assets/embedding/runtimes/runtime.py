"""A way of computing a transformer: a library with a precision, in so many processes of so many threads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Runtime:
    """A library with a precision, in so many processes of so many threads."""

    name: str
    workers: int
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.name}, {self.workers} x {self.threads}"
