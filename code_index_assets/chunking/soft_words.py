"""Kotlin that its grammar takes for something else: modifiers as names, names that begin with a keyword.

What lives here: the text, of the same length, that such places are parsed as. What does not: the search for a construct
that is in no list (`recovery.py`), which costs about five parses where this costs one.

`open`, `suspend`, `set` or `by` are names wherever no declaration follows; the grammar sees modifiers. At the beginning
of a line it reads `in1.close()` as `in 1.close()`, which goes on with the line before. Another name of the same length
takes the place in the parsed text; what is stored is cut from the text as written.
"""

from __future__ import annotations

import re

_MODIFIERS = (
    rb"abstract|crossinline|dynamic|external|final|infix|inline|internal|lateinit|noinline|open|override|private"
    rb"|protected|public|sealed|suspend|tailrec|vararg"
)
_RENAMED = (
    # What follows says that it is a name: `open = true`, `by.write()`, `set += 1`.
    re.compile(
        rb"(?<![\w$`])(" + _MODIFIERS + rb"|by|get|set|where)(?=[ \t]*(?:=(?!=)|\?*\.|\[|\+=|-=|\+\+|--|->|::|!!))"
    ),
    # A call. `suspend() -> Unit` is a type.
    re.compile(rb"(?<![\w$`])(" + _MODIFIERS + rb")(?=\((?![^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)[ \t]*->))"),
    re.compile(rb"(?<![\w$`])(" + _MODIFIERS + rb"|get|set)(?=[ \t]*\{)"),
    re.compile(rb"(?<![\w$`])(suspend|dynamic)(?=[ \t]*[,)\n])"),
    # A name at the beginning of a line that begins with a keyword, and goes on with what is no letter.
    re.compile(rb"^[ \t]*(in|as|is|else|by|get|set|where)(?=[0-9_])", re.M),
)
# After an annotation `actual class Q {` is read as two infix calls, without any error.
_ANNOTATED = re.compile(
    rb"^[ \t]*(?:@[^\n]*|\)[ \t]*)[ \t\n][ \t]*(annotation|actual|expect|data|value|inner)[ \t]+"
    rb"(?=(?:class|interface|object)[ \t]+\w+[^(\n]*(?:\n|\Z))",
    re.M,
)
_BLANKED = (
    _ANNOTATED,
    # Annotations of a constructor in the line after its class.
    re.compile(
        rb"\bclass[ \t]+\w+[^\n{}()]*\n[ \t]*((?:@[\w.]+(?:\([^()\n]*\))?[ \t]+)+)"
        rb"(?=(?:internal|private|protected|public)[ \t]+constructor\b)"
    ),
    # `if (a) b; else c`
    re.compile(rb"(;)(?=[ \t]*else\b)"),
)
# A body on one line ends its last member without a line's end: `{ fun f() }`.
_ENDED = re.compile(rb"\{[^{}\n]*\b(?:fun|val|var)\b[^{}\n]*([ \t])(?=\})")


def misread(raw: bytes) -> bool:
    """Whether a text may be read wrongly although its syntax tree has no error."""
    return b"@" in raw and _ANNOTATED.search(raw) is not None


def known_words(raw: bytes) -> bytes:
    """The text with such words replaced by others as long, and what the grammar cannot have by blanks."""
    changed = bytearray(raw)
    for patterns, stands_for in ((_RENAMED, b"x"), (_BLANKED, b" "), ((_ENDED,), b";")):
        for pattern in patterns:
            for match in pattern.finditer(raw):
                start, end = match.span(1)
                changed[start:end] = stands_for * (end - start)
    return bytes(changed)
