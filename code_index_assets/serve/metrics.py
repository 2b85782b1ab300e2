"""Counters of the serving process, in the text format Prometheus reads.

What lives here: counting and the format. What does not: what is counted (`serve/http/app.py`, `service.py`).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters and latency histograms; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[Labels, float]] = {}
        self._histograms: dict[str, dict[Labels, list[float]]] = {}  # counts by bucket, the sum last

    def count(self, name: str, **labels: str) -> None:
        """Adds one to a counter."""
        with self._lock:
            series = self._counters.setdefault(name, {})
            key = tuple(sorted(labels.items()))
            series[key] = series.get(key, 0) + 1

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Adds a duration to a histogram."""
        with self._lock:
            series = self._histograms.setdefault(name, {})
            row = series.setdefault(tuple(sorted(labels.items())), [0.0] * (len(BUCKETS) + 2))
            row[bisect_left(BUCKETS, seconds)] += 1
            row[-1] += seconds

    def text(self, gauges: Iterable[tuple[str, str, Mapping[Labels, float]]] = ()) -> str:
        """Everything, with gauges (name, help, value by labels) that are read at this moment."""
        lines: list[str] = []
        with self._lock:
            for name, series in sorted(self._counters.items()):
                lines += [f"# HELP {name} {_HELP.get(name, name)}", f"# TYPE {name} counter"]
                lines += [f"{name}{_braces(labels)} {value:g}" for labels, value in sorted(series.items())]
            for name, rows in sorted(self._histograms.items()):
                lines += [f"# HELP {name} {_HELP.get(name, name)}", f"# TYPE {name} histogram"]
                for labels, row in sorted(rows.items()):
                    lines += _histogram(name, labels, row)
        for name, help_text, values in gauges:
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_braces(labels)} {value:.15g}" for labels, value in sorted(values.items())]
        return "\n".join(lines) + "\n"


_HELP = {
    "code_index_requests_total": "Requests by route, method and status.",
    "code_index_request_seconds": "Time to answer, by route.",
    "code_index_refused_total": "Requests refused with 503, by reason: busy, restarting.",
    "code_index_lane_failures_total": "Searches in which a lane failed, by lane.",
    "code_index_answers_total": "Answers by outcome: found, no_match, degraded, not_indexed, indexing, failed, …",
}


def _histogram(name: str, labels: Labels, row: list[float]) -> list[str]:
    lines, total = [], 0.0
    for bound, count in zip((*BUCKETS, float("inf")), row[:-1], strict=True):
        total += count
        edge = "+Inf" if bound == float("inf") else f"{bound:g}"
        lines.append(f"{name}_bucket{_braces((*labels, ('le', edge)))} {total:g}")
    return [*lines, f"{name}_sum{_braces(labels)} {row[-1]:.6f}", f"{name}_count{_braces(labels)} {total:g}"]


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
