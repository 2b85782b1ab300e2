"""The texts of a bucket's kept files, secrets removed, as one immutable file: any one of them is read by itself.

What lives here: writing the file and reading it. What does not: which files to read (`trigrams.py`, `plan.py`).

The file, numbers little-endian: magic, documents, bytes of the table, bytes of the dictionary; the table (zstd of JSON:
path, language, lines of each document, in order of paths); a dictionary (zstd) made of the beginnings of some
documents, without which small files compress half as well; where each document starts; the documents, each a zstd frame
with a checksum.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...errors import CorruptArtifactError
from ...storage.fingerprint import digest

MAGIC = b"CITX0001"
LEVEL = 5
DICTIONARY_BYTES = 65_536
_SAMPLE_BYTES = 2_048
_HEADER = struct.Struct("<8sIII")
_REMEDY = "run `code-index index` again"


@dataclass(frozen=True)
class TextFile:
    """One kept file: its text in UTF-8, secrets removed."""

    path: str
    language: str | None
    text: bytes


@dataclass(frozen=True)
class Entry:
    """What the table says of one document."""

    path: str
    language: str | None
    lines: int


def build(files: Sequence[TextFile]) -> bytes:
    """The file over texts, in the order given."""
    import zstandard

    dictionary = _dictionary(files)
    data = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if dictionary else None
    packer = zstandard.ZstdCompressor(level=LEVEL, dict_data=data, write_checksum=True)
    frames = [packer.compress(file.text) for file in files]
    plain = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    rows = [[file.path, file.language, _lines(file.text)] for file in files]
    table = plain.compress(json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode())
    packed = plain.compress(dictionary)
    starts = np.cumsum([0, *(len(frame) for frame in frames)], dtype="<u8")
    header = _HEADER.pack(MAGIC, len(files), len(table), len(packed))
    return b"".join((header, table, packed, starts.tobytes(), *frames))


def values_digest(files: Sequence[TextFile]) -> str:
    """Digest of what the file holds, the same however it was compressed."""
    return digest(MAGIC, *(part for file in files for part in (file.path, file.language or "", file.text)))


def _dictionary(files: Sequence[TextFile]) -> bytes:
    """The beginnings of files spread over the bucket: licences, imports and idioms are there."""
    if len(files) < 8:
        return b""
    step = max(1, len(files) * _SAMPLE_BYTES // DICTIONARY_BYTES)
    return b"".join(file.text[:_SAMPLE_BYTES] for file in files[::step])[:DICTIONARY_BYTES]


def _lines(text: bytes) -> int:
    return text.count(b"\n") + (not text.endswith(b"\n") if text else 0)


class Texts:
    """The file of one bucket, mapped."""

    def __init__(self, path: Path) -> None:
        """Raises CorruptArtifactError if it is no such file, FileNotFoundError."""
        self._path = path
        with path.open("rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            magic, self.documents, self._table, self._packed = _HEADER.unpack_from(self._map)
        except struct.error:
            magic = b""
        if magic != MAGIC:
            raise CorruptArtifactError(f"{path} holds no texts", remedy=_REMEDY)
        at = _HEADER.size + self._table + self._packed
        self._starts = np.frombuffer(self._map[at : at + 8 * (self.documents + 1)], "<u8").tolist()
        self._frames = at + 8 * (self.documents + 1)

    @cached_property
    def entries(self) -> list[Entry]:
        """Path, language and lines of each document. Raises CorruptArtifactError."""
        raw = self._map[_HEADER.size : _HEADER.size + self._table]
        return [Entry(*row) for row in json.loads(self._unpacked(raw))]

    def text(self, document: int) -> bytes:
        """The text of one document. Raises CorruptArtifactError."""
        first, last = self._starts[document], self._starts[document + 1]
        return self._unpacked(self._map[self._frames + first : self._frames + last], self._unpacker)

    @property
    def _unpacker(self) -> object:
        import zstandard

        # One for each call: a decompressor is not safe for threads, and making one costs a microsecond.
        return zstandard.ZstdDecompressor(dict_data=self._dictionary) if self._dictionary else None

    @cached_property
    def _dictionary(self) -> object:
        import zstandard

        at = _HEADER.size + self._table
        raw = self._unpacked(self._map[at : at + self._packed])
        return zstandard.ZstdCompressionDict(raw, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if raw else None

    def _unpacked(self, frame: bytes, unpacker: object = None) -> bytes:
        import zstandard

        try:
            return (unpacker or zstandard.ZstdDecompressor()).decompress(frame)  # type: ignore[attr-defined,no-any-return]
        except zstandard.ZstdError as error:
            raise CorruptArtifactError(f"{self._path} is damaged: {error}", remedy=_REMEDY) from error
