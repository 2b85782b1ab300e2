"""The exact index of published repositories, opened for reading.

What lives here: opening the two parts of every bucket, and asking which of their documents may have what is needed.
What does not: matching texts (`search/exact.py`).

A bucket's trigrams are verified against the manifest before they are believed: a bit that is lost would hide a match.
Texts are not read whole: each is a frame with a checksum of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ...storage.layout import Layout
from ..manifest import Receipt
from ..published_artifacts import mapped_parts
from .plan import Need
from .texts import Texts
from .trigrams import Trigrams, keys_of

PARTS = ("texts", "trigrams")
_KEPT = 4096
_KEYS = 32  # of one text: enough to leave out most large files, which have most trigrams
_segments: OrderedDict[tuple[Path, Path], Segment] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Segment:
    """One bucket of one repository."""

    texts: Texts
    trigrams: Trigrams

    def candidates(self, needs: tuple[Need, ...]) -> list[int]:
        """The documents that may meet all needs, ascending."""
        mask = self.trigrams.all
        for need in needs:
            mask = self._meeting(need, mask)
            if not mask:
                return []
        return [number for number in range(mask.bit_length()) if mask >> number & 1]

    def _meeting(self, need: Need, mask: int) -> int:
        for text in need.texts:
            keys = keys_of(text)
            # Every third first: neighbours share two of three bytes, and tell less.
            for key in (keys[::3] + keys[1::3] + keys[2::3])[:_KEYS]:
                mask &= self.trigrams.having(key)
                if not mask:
                    return 0
                if mask & (mask - 1) == 0:
                    break  # one document: reading it costs less than asking on
        for alternatives in need.choices:
            found = 0
            for alternative in alternatives:
                found |= self._meeting(alternative, mask)
            mask = found
        return mask


def is_indexed(receipt: Receipt) -> bool:
    """Whether a publication has the exact index: one of before there was one has none, until its next run."""
    return all(part in receipt.parts for part in PARTS)


def segments_of(layout: Layout, receipt: Receipt) -> list[Segment]:
    """The buckets of one published repository. Raises SnapshotGoneError, CorruptArtifactError."""
    texts = mapped_parts(layout, receipt, "texts", verified=False)
    trigrams = mapped_parts(layout, receipt, "trigrams", verified=True)
    return [_opened(*paths) for paths in zip(texts, trigrams, strict=True)]


def _opened(texts: Path, trigrams: Path) -> Segment:
    with _lock:
        found = _segments.get((texts, trigrams))
        if found is None:
            found = Segment(Texts(texts), Trigrams(trigrams))
            while len(_segments) >= _KEPT:
                _segments.popitem(last=False)
            _segments[texts, trigrams] = found
        else:
            _segments.move_to_end((texts, trigrams))
        return found
