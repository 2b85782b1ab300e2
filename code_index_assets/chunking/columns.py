"""Rows to Arrow: what a parser process sends back.

What lives here: record batches of the seven tables, and Arrow IPC bytes of them. What does not: the tables' meaning
(`tables.py`). Imports pyarrow alone: a parser process starts without Polars.

Building list columns from flat values and offsets costs a tenth of handing Polars lists of lists.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from .documents import document_rows
from .single import ParsedFile, Row

TEXT, TEXTS, INT, WHOLE, INTS, COUNTS = range(6)
PLAIN = {TEXT: pa.large_string(), INT: pa.int32(), WHOLE: pa.int64()}

# Column types in the order of the tables in tables.py; a test holds them together.
CHUNKS = (TEXT, TEXT, TEXT, INT, INT, INT, WHOLE, WHOLE, *(TEXT,) * 7, TEXTS, TEXT, TEXT, TEXT)
SYMBOLS = (*(TEXT,) * 7, INT, INT, *(TEXT,) * 4, TEXTS, TEXTS, TEXTS)
IMPORTS = (TEXT, INT, TEXT, TEXT, TEXT, TEXT)
REFERENCES = (TEXT, TEXT, INTS)
DIAGNOSTICS = (TEXT, TEXT, TEXT)
DOCUMENTS = (TEXT, TEXT, COUNTS, COUNTS, INT, TEXT)
CODE_FACTS = (TEXT, TEXT, TEXTS, TEXT)


def arrow(parsed: Sequence[ParsedFile]) -> list[pa.RecordBatch]:
    """Record batches of chunks, symbols, imports, references, diagnostics, documents and code facts of some files."""
    return [
        _batch(CHUNKS, list(chain.from_iterable([p.chunks for p in parsed]))),
        _batch(SYMBOLS, list(chain.from_iterable([p.symbols for p in parsed]))),
        _batch(IMPORTS, list(chain.from_iterable([p.imports for p in parsed]))),
        _batch(REFERENCES, list(chain.from_iterable([p.references for p in parsed]))),
        _batch(DIAGNOSTICS, list(chain.from_iterable([p.diagnostics for p in parsed]))),
        _batch(DOCUMENTS, list(chain.from_iterable([document_rows(p.chunks, p.symbols) for p in parsed]))),
        _batch(CODE_FACTS, list(chain.from_iterable([p.code_facts for p in parsed]))),
    ]


def to_bytes(batches: Sequence[pa.RecordBatch]) -> list[bytes]:
    """Arrow IPC streams, one a batch."""
    offsets = []
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        offsets.append(sink.getvalue().to_pybytes())
    return offsets


def from_bytes(streams: Sequence[bytes]) -> list[pa.RecordBatch]:
    """Record batches from their serialized streams."""
    return [pa.ipc.open_stream(stream).read_next_batch() for stream in streams]


def _batch(types: tuple[int, ...], rows: list[Row]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    arrays = [_array(kind, values) for kind, values in zip(types, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=[str(number) for number in range(len(types))])


def _array(kind: int, values: Sequence[object]) -> pa.Array:
    if kind in PLAIN:
        return pa.array(values, type=PLAIN[kind])
    offsets = array("q", [0])
    offsets.extend(accumulate(map(len, values)))  # type: ignore[arg-type]
    bounds = pa.Array.from_buffers(pa.int64(), len(offsets), [None, pa.py_buffer(offsets)])
    flat: list[Any] = list(chain.from_iterable(values))  # type: ignore[arg-type]
    if kind == TEXTS:
        return pa.LargeListArray.from_arrays(bounds, pa.array(flat, type=pa.large_string()))
    numbers = array("I" if kind == COUNTS else "i", flat)
    inner_type = pa.uint32() if kind == COUNTS else pa.int32()
    inner = pa.Array.from_buffers(inner_type, len(numbers), [None, pa.py_buffer(numbers)])
    return pa.LargeListArray.from_arrays(bounds, inner)
