"""Which files of a bucket may have a text: the trigrams of each, as one immutable file.

What lives here: the keys of a text, writing the file, asking it. What does not: the texts (`texts.py`), which keys a
pattern needs (`plan.py`).

A key is a hash of three neighbouring bytes of the folded text (`fold`), 18 bits wide. Two trigrams may share a key, so
the answer names files that *may* have the text; the caller reads them. It never leaves out a file that has it.

The file, numbers little-endian: magic, documents, keys, sparse entries, dense keys; for each value of a key's upper 10
bits where its keys start; the lower 8 bits of each key; how many documents each key has (0: dense); before each 64th
key, how many sparse entries and dense keys there are; the documents of sparse keys; a bitmap for each dense key.
A key is dense where the bitmap is shorter than the list.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import CorruptArtifactError

Keys = npt.NDArray[np.uint32]

MAGIC = b"CITG0001"
KEY_BITS = 18
_LOW_BITS = 8
_HIGHS = 1 << (KEY_BITS - _LOW_BITS)
_BLOCK = 64
_HEADER = struct.Struct("<8sIIII")
_MULTIPLIER = np.uint32(2654435761)
_SHIFT = np.uint32(32 - KEY_BITS)
# Texts shorter than this are sorted in place of marked: a table of all keys costs more to read than they have.
_SORTED = 4096
# Letters beyond ASCII that match an ASCII letter where case does not count.
_ODD_LETTERS = ((b"\xe2\x84\xaa", b"k"), (b"\xc5\xbf", b"s"))
_LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))


def fold(text: bytes) -> bytes:
    """A text as keys are made of it: ASCII letters in lower case, so that one index serves both kinds of question."""
    for letter, plain in _ODD_LETTERS:
        if letter in text:
            text = text.replace(letter, plain)
    return text.translate(_LOWER)


def _slots(folded: bytes) -> Keys:
    data = np.frombuffer(folded, np.uint8).astype(np.uint32)
    codes = (data[:-2] << np.uint32(16)) | (data[1:-1] << np.uint32(8)) | data[2:]
    slots: Keys = (codes * _MULTIPLIER) >> _SHIFT
    return slots


def keys_of(folded: bytes) -> list[int]:
    """The keys of a folded text that is asked for, without repetition."""
    return list(dict.fromkeys(_slots(folded).tolist())) if len(folded) > 2 else []


class KeyFinder:
    """The keys of documents, one after the other."""

    def __init__(self) -> None:
        self._marks = np.zeros(1 << KEY_BITS, np.bool_)

    def of(self, text: bytes) -> Keys:
        """The keys of a text, ascending."""
        folded = fold(text)
        if len(folded) < 3:
            return np.empty(0, np.uint32)
        slots = _slots(folded)
        if len(slots) < _SORTED:
            return np.unique(slots)
        self._marks[slots] = True
        found = np.flatnonzero(self._marks).astype(np.uint32)
        self._marks[found] = False
        return found


def build(documents: Sequence[Keys]) -> bytes:
    """The file over the keys of each document."""
    count = len(documents)
    item = _item(count)
    width = (count + 7) // 8
    numbers = np.repeat(np.arange(count, dtype=np.uint64), [len(keys) for keys in documents])
    pairs = np.concatenate([np.empty(0, np.uint32), *documents]).astype(np.uint64) << np.uint64(32) | numbers
    pairs.sort()
    slots, docs = (pairs >> np.uint64(32)).astype(np.uint32), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    keys, frequencies = np.unique(slots, return_counts=True)
    dense = (frequencies * item > width) | (frequencies > 255)
    counts = np.where(dense, 0, frequencies).astype(np.uint8)
    of_dense = np.repeat(dense, frequencies)
    rows = np.repeat(np.cumsum(dense) - 1, frequencies)[of_dense]
    bitmaps = np.zeros((int(dense.sum()), width * 8), np.uint8)
    bitmaps[rows, docs[of_dense]] = 1
    highs = np.searchsorted(keys >> np.uint32(_LOW_BITS), np.arange(_HIGHS + 1)).astype(np.uint32)
    before = np.concatenate([np.zeros((2, 1), np.int64), np.cumsum([counts, dense], axis=1, dtype=np.int64)], axis=1)
    blocks = before[:, : len(keys) : _BLOCK].astype(np.uint32)
    sparse = docs[~of_dense].astype(f"<u{item}")
    return b"".join((
        _HEADER.pack(MAGIC, count, len(keys), len(sparse), len(bitmaps)),
        highs.astype("<u4").tobytes(),
        (keys & np.uint32(255)).astype(np.uint8).tobytes(),
        counts.tobytes(),
        blocks.astype("<u4").tobytes(),
        sparse.tobytes(),
        np.packbits(bitmaps, axis=1, bitorder="little").tobytes(),
    ))  # fmt: skip


def _item(documents: int) -> int:
    return 1 if documents <= 256 else 2 if documents <= 65536 else 4


class Trigrams:
    """The file of one bucket, mapped. Documents are bits of whole numbers: bit n is document n."""

    def __init__(self, path: Path) -> None:
        """Raises CorruptArtifactError if it is no such file, FileNotFoundError."""
        with path.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            magic, self.documents, self._keys, sparse, dense = _HEADER.unpack_from(self._map)
        except struct.error:
            magic = b""
        if magic != MAGIC:
            raise CorruptArtifactError(f"{path} is no index of trigrams", remedy="run `code-index index` again")
        self._item = _item(self.documents)
        self._width = (self.documents + 7) // 8
        self._blocks_count = -(-self._keys // _BLOCK)
        self._highs = memoryview(self._map)[_HEADER.size : _HEADER.size + 4 * (_HIGHS + 1)].cast("I")
        self._lows = _HEADER.size + 4 * (_HIGHS + 1)
        self._counts = self._lows + self._keys
        self._blocks = self._counts + self._keys
        self._sparse = self._blocks + 8 * self._blocks_count
        self._dense = self._sparse + sparse * self._item
        self.all = (1 << self.documents) - 1
        if self._dense + dense * self._width != len(self._map):
            raise CorruptArtifactError(f"{path} is not as long as it says", remedy="run `code-index index` again")

    def having(self, key: int) -> int:
        """The documents that have a key."""
        high = key >> _LOW_BITS
        first, last = self._highs[high], self._highs[high + 1]
        at = self._map[self._lows + first : self._lows + last].find(key & 255)
        return 0 if at < 0 else self._postings(first + at)

    def _postings(self, at: int) -> int:
        block = at // _BLOCK
        counts = self._map[self._counts + block * _BLOCK : self._counts + at + 1]
        count, counts = counts[-1], counts[:-1]
        if count:
            before = self._block(block) + sum(counts)
            start = self._sparse + before * self._item
            found = 0
            raw = self._map[start : start + count * self._item]
            for number in raw if self._item == 1 else memoryview(raw).cast("H" if self._item == 2 else "I"):
                found |= 1 << number
            return found
        before = self._block(self._blocks_count + block) + counts.count(0)
        start = self._dense + before * self._width
        return int.from_bytes(self._map[start : start + self._width], "little")

    def _block(self, number: int) -> int:
        start = self._blocks + 4 * number
        return int.from_bytes(self._map[start : start + 4], "little")

    def keys_by_document(self) -> list[Keys]:
        """The keys of each document, ascending: what `build` was given."""
        raw = np.frombuffer(self._map, np.uint8)
        highs = np.frombuffer(self._map, "<u4", _HIGHS + 1, _HEADER.size).astype(np.int64)
        lows = raw[self._lows : self._counts].astype(np.uint32)
        keys = (np.repeat(np.arange(_HIGHS, dtype=np.uint32), np.diff(highs)) << np.uint32(_LOW_BITS)) | lows
        counts = raw[self._counts : self._blocks]
        sparse = np.frombuffer(raw[self._sparse : self._dense].tobytes(), f"<u{self._item}").astype(np.int64)
        bitmaps = raw[self._dense :].reshape(-1, self._width) if self._width else raw[:0].reshape(0, 0)
        rows, docs = np.nonzero(np.unpackbits(bitmaps, axis=1, bitorder="little"))
        all_keys = np.concatenate([np.repeat(keys, counts), keys[counts == 0][rows]])
        all_docs = np.concatenate([sparse, docs])
        order = np.argsort(all_docs.astype(np.uint64) << np.uint64(32) | all_keys.astype(np.uint64))
        ends = np.cumsum(np.bincount(all_docs, minlength=self.documents))
        return np.split(all_keys[order], ends[:-1]) if self.documents else []


def united(masks: Iterable[int]) -> int:
    """The documents of any of several answers."""
    found = 0
    for mask in masks:
        found |= mask
    return found
