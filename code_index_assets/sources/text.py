"""From bytes to text: encodings, lines, and the text with its secrets taken out.

What lives here: `decode` and `redacted`, which every reader of file content goes through. What does not: finding
secrets (`sources/secrets/scan.py`) and deciding which files are read (`selection.py`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import SourceError

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = (
    re.compile(rb"\A(?:[^\n]*\n)?[ \t\f]*(?:#|//|/\*|;|--|%|\").{0,40}?coding[:=][ \t]*([-\w.]{3,20})"),
    re.compile(rb"\A\s*<\?xml[^>]{0,80}encoding=[\"']([-\w.]{3,20})[\"']"),
    re.compile(rb"<meta[^>]{0,120}charset=[\"']?([-\w.]{3,20})", re.IGNORECASE),
    re.compile(rb"\A\s*@charset \"([-\w.]{3,20})\""),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECLARATION_BYTES = 1024
_SAMPLE_BYTES = 64 * 1024
_BINARY_CODECS = frozenset({"base64", "bz2", "hex", "idna", "punycode", "quopri", "rot13", "uu", "zlib", "undefined",
                            "raw_unicode_escape", "unicode_escape", "utf-7", "mbcs", "oem"})  # fmt: skip


def has_mark(raw: bytes) -> bool:
    """Whether the bytes begin with a byte-order mark."""
    return raw.startswith(tuple(mark for mark, _ in _MARKS))


def decode(raw: bytes) -> tuple[str, str] | None:
    """Text and the name of its encoding (a byte-order mark removed), or None if it is no text we can read.

    Carriage returns alone become line feeds. In this order: byte-order mark, UTF-8, what the file declares, what a
    sample of 64 KiB looks like.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            text = _try(raw, encoding)
            return None if text is None else (text, encoding)
    text = _try(raw, "utf-8")
    if text is not None:
        return text, "utf-8"
    for name in (_declared(raw), _detected(raw)):
        text = _try(raw, name) if name else None
        if name and text is not None:
            return text, name
    return None


def text_of(raw: bytes, encoding: str) -> str:
    """The text of a kept file, decoded as it was when it was selected. Raises SourceError if that is not possible."""
    text = _try(raw, encoding)
    if text is None:
        raise SourceError(f"content that was {encoding} no longer is", remedy="run `code-index index` again")
    return text


def redacted(raw: bytes, encoding: str, findings: Iterable[Mapping[str, Any]]) -> str:
    """The text of a file with its secrets replaced by `[removed: <rule>]`.

    `findings` are the rows of FINDINGS of this file (`rule`, `start`, `end`: offsets in the decoded text). Line
    breaks inside a secret stay, so every line keeps its number.
    """
    return redact(text_of(raw, encoding), findings)


def redact(text: str, findings: Iterable[Mapping[str, Any]]) -> str:
    """`redacted` for text that is decoded already."""
    pieces: list[str] = []
    done = 0
    for finding in sorted(findings, key=lambda f: (f["start"], -f["end"])):
        start, end = finding["start"], finding["end"]
        if end <= done:
            continue
        if start >= done:
            pieces += [text[done:start], f"[removed: {finding['rule']}]"]
        pieces += re.findall(r"\r\n|\r|\n", text[max(start, done) : end])
        done = end
    return "".join([*pieces, text[done:]]) if done else text


def count_lines(text: str) -> int:
    """Lines as editors and git count them: ended by \\n (so \\r\\n too), the last one with or without."""
    return text.count("\n") + (not text.endswith("\n") if text else 0)


def _try(raw: bytes, encoding: str) -> str | None:
    try:
        text = raw.decode(encoding)
    except (UnicodeError, LookupError, ValueError):
        return None
    if not text.isascii() and _SURROGATE.search(text) and encoding != "utf-8":
        return None  # utf-7 and friends can make lone surrogates, which no artifact can store
    if "\r" in text and "\n" not in text:
        # Line ends of old Macs: without this the file is one line, and every answer is the whole of it.
        return text.replace("\r", "\n")
    return text


def _declared(raw: bytes) -> str | None:
    head = raw[:_DECLARATION_BYTES]
    for pattern in _DECLARED:
        match = pattern.search(head)
        if match:
            return _text_codec(match[1].decode("ascii"))
    return None


def _text_codec(name: str) -> str | None:
    """The codec's canonical name, if Python has it and it makes text of bytes."""
    try:
        codec = codecs.lookup(name)
    except LookupError:
        return None
    return None if codec.name in _BINARY_CODECS or not getattr(codec, "_is_text_encoding", True) else codec.name


def _detected(raw: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:_SAMPLE_BYTES], steps=5, chunk_size=512, threshold=0.2, preemptive_behaviour=False).best()
    return _text_codec(best.encoding) if best is not None and best.encoding else None
