"""The texts of a bucket's kept files, secrets removed, as one immutable file: any one of them is read by itself.

What lives here: writing the file and reading it. What does not: which files to read (`trigrams.py`, `plan.py`).

The file, numbers little-endian: magic, documents, bytes of the table, bytes of the dictionary; the table (zstd of
JSON: path, language, lines, digest of each document and whether the dictionary has it, in order of paths); a dictionary
(zstd) made of the beginnings of some documents, without which small files take a fifth more; where each document
starts; the documents, each a zstd frame with a checksum.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CorruptArtifactError
from ...storage.fingerprint import digest

MAGIC = b"CITX0001"
LEVEL = 5
DICTIONARY_BYTES = 65_536
_SAMPLE_BYTES = 2_048
_FEW = 8  # documents for which a dictionary costs more than it saves
_HEADER = struct.Struct("<8sIII")
_REMEDY = "run `code-index index` again"


@dataclass(frozen=True)
class Entry:
    """What the table says of one document."""

    path: str
    language: str | None
    lines: int
    digest: str  # of the text
    sampled: bool = False  # its beginning is in the dictionary


@dataclass(frozen=True)
class Document:
    """One document to be written: its text, or the frame it has in a file with the same dictionary."""

    entry: Entry
    text: bytes = b""
    frame: bytes = b""


def document(path: str, language: str | None, text: str) -> Document:
    """A document over a text without secrets."""
    raw = text.encode("utf-8", "surrogatepass")
    lines = raw.count(b"\n") + (not raw.endswith(b"\n") if raw else 0)
    return Document(Entry(path, language, lines, digest(raw)), raw)


def build(documents: Sequence[Document], dictionary: bytes | None = None) -> bytes:
    """The file over documents, in the order given; `dictionary` is the one that their frames were made with.

    A dictionary holds text: who hands one over has made sure that all documents it was made of are there still.
    """
    import zstandard

    if dictionary is None:
        documents = _sampled(documents)
        parts = (one.text[:_SAMPLE_BYTES] for one in documents if one.entry.sampled)
        dictionary = b"".join(parts)[:DICTIONARY_BYTES]
    data = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if dictionary else None
    packer = zstandard.ZstdCompressor(level=LEVEL, dict_data=data, write_checksum=True)
    frames = [one.frame or packer.compress(one.text) for one in documents]
    plain = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    rows = [astuple(one.entry) for one in documents]
    table = plain.compress(json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode())
    packed = plain.compress(dictionary)
    starts = np.cumsum([0, *(len(frame) for frame in frames)], dtype="<u8")
    header = _HEADER.pack(MAGIC, len(documents), len(table), len(packed))
    return b"".join((header, table, packed, starts.tobytes(), *frames))


def values_digest(documents: Sequence[Document]) -> str:
    """Digest of what the file holds, the same however it was compressed."""
    rows = (replace(one.entry, sampled=False) for one in documents)
    return digest(MAGIC, *(str(value) for row in rows for value in astuple(row)))


def _sampled(documents: Sequence[Document]) -> Sequence[Document]:
    """The documents, of which some are marked for the dictionary: licences, imports and idioms begin files."""
    step = max(1, len(documents) * _SAMPLE_BYTES // DICTIONARY_BYTES)
    few = len(documents) < _FEW
    return [
        replace(one, entry=replace(one.entry, sampled=not few and number % step == 0))
        for number, one in enumerate(documents)
    ]


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
        """Path, language, lines and digest of each document. Raises CorruptArtifactError."""
        raw = self._map[_HEADER.size : _HEADER.size + self._table]
        return [Entry(*row) for row in json.loads(self._unpacked(raw))]

    def text(self, document: int, unpacker: Any = None) -> bytes:
        """The text of one document; `unpacker` as `unpacker` gives it. Raises CorruptArtifactError."""
        return self._unpacked(self.frame(document), unpacker or self.unpacker())

    def frame(self, document: int) -> bytes:
        """The frame of one document, as it is in the file."""
        first, last = self._starts[document], self._starts[document + 1]
        return self._map[self._frames + first : self._frames + last]

    @cached_property
    def dictionary(self) -> bytes:
        """What the frames were made with. Raises CorruptArtifactError."""
        at = _HEADER.size + self._table
        return self._unpacked(self._map[at : at + self._packed])

    @cached_property
    def _dictionary_data(self) -> Any:
        import zstandard

        return zstandard.ZstdCompressionDict(self.dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)

    def unpacker(self) -> Any:
        """What unpacks documents, for one thread: making one costs as much as a document of some kilobytes."""
        import zstandard

        return zstandard.ZstdDecompressor(dict_data=self._dictionary_data if self.dictionary else None)

    def _unpacked(self, frame: bytes, unpacker: Any = None) -> bytes:
        import zstandard

        try:
            unpacked: bytes = (unpacker or zstandard.ZstdDecompressor()).decompress(frame)
            return unpacked
        except zstandard.ZstdError as error:
            raise CorruptArtifactError(f"{self._path} is damaged: {error}", remedy=_REMEDY) from error
