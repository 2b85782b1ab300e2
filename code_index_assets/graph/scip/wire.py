"""The wire format of protocol buffers, as far as SCIP uses it: varints and length-delimited fields.

What lives here: fields of a message from bytes and back. What does not: which field means what (`model.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SKIPPED = {FIXED64: 8, FIXED32: 4}


class MalformedError(ValueError):
    """The bytes are no message: they end early or hold what the format has not."""


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number and the offset after it. Raises MalformedError."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise MalformedError(f"a number at byte {at} does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of a message, in order. Raises MalformedError."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise MalformedError(f"field 0 at byte {at}")
        if kind == VARINT:
            value, at = varint(data, at)
            yield number, value
        elif kind == BYTES:
            size, at = varint(data, at)
            if at + size > end:
                raise MalformedError(f"a field at byte {at} is longer than what holds it")
            yield number, data[at : at + size]
            at += size
        elif kind in _SKIPPED and at + _SKIPPED[kind] <= end:
            at += _SKIPPED[kind]
        else:
            raise MalformedError(f"a field of kind {kind} at byte {at}")


def numbers(value: int | memoryview) -> list[int]:
    """A repeated number: one, or several packed."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


def text(value: int | memoryview) -> str:
    """A text field. Raises MalformedError."""
    if isinstance(value, int):
        raise MalformedError("a number stands where a text must be")
    return bytes(value).decode("utf-8", "replace")


def message(value: int | memoryview) -> memoryview:
    """A message field. Raises MalformedError."""
    if isinstance(value, int):
        raise MalformedError("a number stands where a message must be")
    return value


def put_varint(value: int) -> bytes:
    """A number as bytes."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put(number: int, value: int | str | bytes) -> bytes:
    """One field; nothing for a number that is 0 or an empty text, as the format's default."""
    if isinstance(value, int):
        return put_varint(number << 3 | VARINT) + put_varint(value) if value else b""
    raw = value.encode() if isinstance(value, str) else value
    return put_message(number, raw) if raw else b""


def put_message(number: int, raw: bytes) -> bytes:
    """One message as a field, an empty one too: each of a repeated field counts."""
    return put_varint(number << 3 | BYTES) + put_varint(len(raw)) + raw


def put_packed(number: int, values: Iterable[int]) -> bytes:
    """A repeated number, packed."""
    return put(number, b"".join(map(put_varint, values)))
