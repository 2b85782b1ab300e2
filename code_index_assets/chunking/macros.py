"""Macros that a C or C++ parser cannot know: blanked out before parsing, byte for byte, so that offsets stay.

What lives here: which words are such macros. What does not: using the blanked text for anything but the syntax tree;
signatures, references and chunks are cut from the text as it is written.

`class LEVELDB_EXPORT Cache {`, `FMT_BEGIN_NAMESPACE`, `LUA_API int f(…)` and `void g() NOTHROW {` are syntax errors to
a grammar, and what stands around them is lost. docs/parsing.md has how many errors this removes on which repositories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = rb"[A-Z][A-Z0-9_]{2,}"
_MACRO = _WORD + rb"(?:\([^()\n]*\))?"
_MACROS = _MACRO + rb"(?:[ \t]+" + _MACRO + rb")*"
_IF_CPP = rb"^[ \t]*#[ \t]*if(?:def)?[ \t(]+(?:defined[ \t(]+)?__cplusplus[ \t)]*\r?\n[ \t]*"
_SPECIFIERS = rb"(?:(?:static|inline|extern|virtual|explicit|constexpr|friend|template|typedef)[ \t]+)*"
_TYPE = (
    rb"(?:(?:const|unsigned|signed|struct|enum|class|typename)[ \t]+)?"
    rb"(?!const\b|unsigned\b|signed\b|operator\b|return\b|else\b|case\b|goto\b|static\b|inline\b|extern\b|typedef\b)[A-Za-z_][\w:]*(?:<[^;{}\n]*>)?"
)
_NAME = rb"(?:operator[ \t]*(?:\(\)|[^\w\s(]{1,3})|[A-Za-z_~][\w:~]*)"
_POINTERS = rb"[ \t*&]+(?:const[ \t]+)?"

# In lines that hold a word in capitals: looking at whole texts takes five times as long. The first that matches counts.
_LINE_PATTERNS = (
    # Between `class` and the name, where a body or bases follow.
    re.compile(
        rb"(?:[^\n]*?\W)??(?:class|struct|union|enum)[ \t]+(" + _MACROS + rb")"
        rb"(?=[ \t]+[A-Za-z_][\w:]*(?:<[^;{}\n]*>)?\s*(?:final\s*)?(?:\{|:(?!:)))"
    ),
    # Before a type and a name: LUA_API int f(…), NO_UNIQUE_ADDRESS Locale locale_;
    re.compile(
        rb"[ \t]*" + _SPECIFIERS + rb"(" + _MACROS + rb")"
        rb"(?=[ \t]+" + _SPECIFIERS + _TYPE + _POINTERS + _NAME + rb"[ \t]*[;=\[(\n])"
    ),
    # Between a type and the name of a function: static void CALLBACK f(…)
    re.compile(rb"[ \t]*" + _SPECIFIERS + _TYPE + _POINTERS + rb"(" + _WORD + rb")(?=[ \t]+" + _NAME + rb"[ \t]*\()"),
    # After a name or its parameters: int x GUARDED_BY(mu);
    re.compile(
        rb"[ \t]*" + _SPECIFIERS + _TYPE + _POINTERS + _NAME + rb"(?:[ \t]*\([^()\n]*\)[ \t]*(?:const[ \t]+)?|[ \t]+)"
        rb"(" + _WORD + rb"\([^()\n]*\))(?=[ \t]*;)"
    ),
    # In a pointer to a function: typedef BOOL (WINAPI *f)(…)
    re.compile(
        rb"[ \t]*" + _SPECIFIERS + _TYPE + _POINTERS + rb"\((" + _WORD + rb")(?=[ \t]*\*[ \t]*\w+[ \t]*\)[ \t]*\()"
    ),
)
# Alone on its line, not the head of a body: FMT_BEGIN_NAMESPACE, ALIGNED(64).
_LONE = re.compile(rb"[ \t]*(" + _MACRO + rb")[ \t]*\r?\n(?!\s*[{=,;(.|&+*?:-])")
_OPEN_TYPE = re.compile(rb"\b(?:struct|class|union)\b[^{};()]*\{$")
# After the parameters, before a body: void f() NOTHROW {, or alone on its line: void f()⏎ LOCKED(mu);
_TAILS = (
    re.compile(rb"\)[ \t]*(?:(?:const|noexcept|override)[ \t]+)*(" + _MACRO + rb")(?=[ \t]*\r?\n?[ \t]*\{)"),
    re.compile(rb"\)[ \t]*(?:const)?[ \t]*\r?\n[ \t]+(" + _MACRO + rb")(?=[ \t]*;)"),
)
# The two halves of a C++ linkage block, each in its own condition.
_LINKAGE = (
    re.compile(_IF_CPP + rb"(extern[ \t]+\"C\"\s*\{)(?=[ \t]*\r?\n[ \t]*#[ \t]*endif)", re.M),
    re.compile(_IF_CPP + rb"(\})(?=[^\n]*\n[ \t]*#[ \t]*endif)", re.M),
)
_HAS_INCLUDE = re.compile(rb"\b\w*(?:has_include|HAS_INCLUDE)\w*\([<\"][^()\n]*\)")
_CAPITALS = re.compile(rb"[A-Z][A-Z0-9_]{2}")
# A class with a macro before its name reads as a function without any error; each begins with a literal, which is fast.
_MACRO_CLASS = tuple(re.compile(word + rb"[ \t]+[A-Z][A-Z0-9_]{2,}[ \t(]") for word in (b"class", b"struct"))
_NO_CODE = (b"#", b"//", b"*", b"/*")


def misread(raw: bytes) -> bool:
    """Whether a text may be read wrongly although its syntax tree has no error."""
    return any(pattern.search(raw) for pattern in _MACRO_CLASS)


def blank_macros(raw: bytes) -> bytes:
    """The text with such macros replaced by as many blanks."""
    spans = list(_in_lines(raw))
    patterns = (*(_TAILS if spans or _CAPITALS.search(raw) else ()), *(_LINKAGE if b"__cplusplus" in raw else ()))
    spans += [match.span(1) for pattern in patterns for match in pattern.finditer(raw)]
    conditions = [match.span() for match in _HAS_INCLUDE.finditer(raw)] if b"include(" in raw.lower() else []
    if not spans and not conditions:
        return raw
    blanked = bytearray(raw)
    for start, end in spans:
        blanked[start:end] = b" " * (end - start)
    for start, end in conditions:
        blanked[start:end] = b"1".ljust(end - start)
    return bytes(blanked)


def _in_lines(raw: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    blanked = -1
    while capital := _CAPITALS.search(raw, at):
        start = raw.rfind(b"\n", 0, capital.start()) + 1
        at = raw.find(b"\n", capital.start()) + 1 or len(raw)
        if raw[start : capital.start()].lstrip().startswith(_NO_CODE):
            continue
        if (lone := _LONE.match(raw, start)) and (lone.start(1) == start or _between(raw, start, blanked)):
            blanked = lone.end(1)
            yield lone.span(1)
            continue
        for pattern in _LINE_PATTERNS:
            if match := pattern.match(raw, start):
                yield match.span(1)
                break


def _between(raw: bytes, start: int, blanked: int) -> bool:
    """Whether what ends before a line lets a statement or member begin there."""
    before = raw[max(0, start - 400) : start].rstrip()
    end = start - (len(raw[max(0, start - 400) : start]) - len(before))
    return end == blanked or before.endswith(b";") or _OPEN_TYPE.search(before) is not None
