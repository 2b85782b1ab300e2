"""Source text as highlighted HTML lines, with the words of a query marked.

What lives here: a small tokenizer by language family (comments, strings, numbers, keywords, calls, types), in one pass
of one regular expression. What does not: understanding code (`chunking/`): a wrong colour is harmless, a slow page is
not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from .html import Safe, tag, text

Span = tuple[int, int]
# A line longer than this is shown cut: it is data or minified, and a browser would choke on it.
MAX_LINE = 2000

_C_WORDS = (
    "abstract as async await break case catch class const constexpr continue default defer delete do else enum export "
    "extends extern final finally fn for from func function go goto if impl implements import in inline instanceof "
    "interface internal is let loop match mod module move mut namespace new operator override package private "
    "protected pub public range readonly ref register return sealed select self sizeof static struct super switch "
    "template this "
    "throw throws trait try type typedef typename typeof union unsafe use using val var virtual void volatile when "
    "where while yield true false nil null None undefined int long short char bool boolean float double string byte "
    "unsigned signed auto dyn crate chan map fun object companion suspend lateinit guard extension protocol init"
)
_HASH_WORDS = (
    "and as assert async await begin break case class continue def default defp defmodule del do done elif else elsif "
    "end ensure esac except export fi finally for from function global if import in is lambda let local module next "
    "nil nonlocal not or pass raise redo require require_relative rescue retry return self super switch then try "
    "unless until use when while with yield True False None true false null"
)
_DASH_WORDS = (
    "and as begin between break by case class create data delete deriving desc distinct do else elseif end exists for "
    "forall from function group having if import in infixl infixr insert instance into is join left let limit local "
    "module newtype nil not null of on or order outer over partition primary repeat return right select set table then "
    "true false type union unique until update using values view when where while with"
)
_FAMILIES: dict[str, tuple[str, ...]] = {
    "hash": ("python", "ruby", "bash", "shell", "sh", "fish", "perl", "elixir", "r", "julia", "nim", "crystal", "yaml",
             "toml", "make", "makefile", "cmake", "dockerfile", "terraform", "hcl", "ini", "properties", "nix", "tcl",
             "starlark", "graphql", "gitignore", "awk"),
    "dash": ("sql", "lua", "haskell", "elm", "ada", "vhdl", "purescript"),
    "lisp": ("clojure", "commonlisp", "scheme", "racket", "elisp", "fennel"),
    "markup": ("html", "xml", "svg", "vue", "svelte"),
    "plain": ("text", "markdown", "rst", "diff", "csv", ""),
}  # fmt: skip
_OF = {language: family for family, languages in _FAMILIES.items() for language in languages}
_DOUBLE, _SINGLE, _BACK = r'"(?:\\.|[^"\\\n])*"?', r"'(?:\\.|[^'\\\n])*'?", r"`(?:\\.|[^`\\])*`?"
_CHAR = r"'(?:\\[^\n]{1,10}?|[^'\\\n])'"
# Where ' opens a string rather than one character or a lifetime.
_SINGLE_QUOTED = frozenset({"javascript", "typescript", "tsx", "jsx", "php", "dart", "groovy", "css", "scss", "less"})


@lru_cache(maxsize=128)
def _lexer(language: str) -> tuple[re.Pattern[str], frozenset[str]] | None:
    family = _OF.get(language, "c")
    if family == "plain":
        return None
    if family == "markup":
        parts = [("c", r"<!--.*?(?:-->|\Z)"), ("k", r"</?[A-Za-z][\w:.-]*"), ("s", f"{_DOUBLE}|{_SINGLE}")]
        return _compiled(parts), frozenset()
    if family == "hash":
        # '#' opens a comment only where a word could begin: not in "${#a}", "a#b".
        strings = rf'"""(?:.*?)(?:"""|\Z)|\'\'\'(?:.*?)(?:\'\'\'|\Z)|{_DOUBLE}|{_SINGLE}'
        return _compiled([("c", r"(?<![\w$\{&])#[^\n]*"), ("s", strings), *_REST]), frozenset(_HASH_WORDS.split())
    if family == "dash":
        comments = r"--\[\[.*?(?:\]\]|\Z)|\{-.*?(?:-\}|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)"
        return _compiled([("c", comments), ("s", f"{_DOUBLE}|{_SINGLE}"), *_REST]), frozenset(_DASH_WORDS.split())
    if family == "lisp":
        return _compiled([("c", r";[^\n]*"), ("s", r'"(?:\\.|[^"\\])*"?'), *_REST]), frozenset(
            [
                "def",
                "defn",
                "defmacro",
                "defun",
                "let",
                "if",
                "cond",
                "fn",
                "lambda",
                "define",
                "ns",
                "require",
                "loop",
                "recur",
                "do",
                "when",
                "nil",
                "true",
                "false",
            ]
        )
    single = _SINGLE if language in _SINGLE_QUOTED else _CHAR
    strings = rf'"""(?:.*?)(?:"""|\Z)|{_DOUBLE}|{single}|{_BACK}'
    comments = r"//[^\n]*|/\*.*?(?:\*/|\Z)" + (r"|(?m:^)[ \t]*#[^\n]*" if language == "php" else "")
    preprocessor = [("p", r"(?m:^)[ \t]*#[ \t]*[a-z]+")] if language in ("c", "cpp", "objc", "csharp", "cuda") else []
    parts = [("c", comments), ("s", strings), *preprocessor, ("m", r"#!?\[[^\]\n]{0,200}\]|@[A-Za-z_][\w.]*"), *_REST]
    return _compiled(parts), frozenset(_C_WORDS.split())


_REST = [
    ("n", r"\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\w*"),
    ("f", r"\b[A-Za-z_]\w*(?=\()"),
    ("w", r"\b[A-Za-z_]\w*"),
]


def _compiled(parts: Sequence[tuple[str, str]]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in parts), re.DOTALL)


def tokens(source: str, language: str | None) -> Iterator[tuple[int, int, str]]:
    """(start, end, class) of what is coloured, in order: c comment, s string, n number, k keyword, f call, t type, m
    attribute, p directive."""
    family_lexer = _lexer((language or "").lower())
    if family_lexer is None:
        return
    lexer, words = family_lexer
    for match in lexer.finditer(source):
        kind = match.lastgroup or ""
        if kind in ("w", "f"):
            word = match.group()
            if word in words or (language == "sql" and word.lower() in words):
                kind = "k"
            elif kind == "w":
                if not (word[0].isupper() and any(c.islower() for c in word)):
                    continue
                kind = "t"
        yield match.start(), match.end(), kind


def highlighted(source: str, language: str | None, marks: Mapping[int, Sequence[Span]] | None = None) -> list[Safe]:
    """The lines of a text as HTML. `marks`: for a line (from 0), (start, end) of the words to mark, in order."""
    lines = source.split("\n")
    colours = _by_line(lines, tokens(source, language))
    return [_line(line, colours.get(number, ()), (marks or {}).get(number, ())) for number, line in enumerate(lines)]


def _by_line(lines: list[str], marks: Iterator[tuple[int, int, str]]) -> dict[int, list[tuple[int, int, str]]]:
    """Tokens cut at line breaks, with offsets in their lines."""
    rows: dict[int, list[tuple[int, int, str]]] = {}
    number, begin = 0, 0
    for token_start, end, kind in marks:
        start = token_start
        while number < len(lines) - 1 and start > begin + len(lines[number]):
            begin += len(lines[number]) + 1
            number += 1
        at, line_begin = number, begin
        while start < end and at < len(lines):
            line_end = line_begin + len(lines[at])
            if start < line_end:
                rows.setdefault(at, []).append((start - line_begin, min(end, line_end) - line_begin, kind))
            line_begin = line_end + 1
            start = max(start, line_begin)
            at += 1
    return rows


def _line(line: str, colours: Sequence[tuple[int, int, str]], marks: Sequence[Span]) -> Safe:
    """One line: colours and marks overlap freely, so it is cut at every edge of either."""
    shown = line.rstrip("\r")
    cut = shown[:MAX_LINE]
    edges = sorted({0, len(cut), *(e for s in (colours, marks) for span in s for e in span[:2] if e < len(cut))})
    pieces: list[Safe] = []
    colour = mark = 0
    for start, end in pairwise(edges):
        while colour < len(colours) and colours[colour][1] <= start:
            colour += 1
        while mark < len(marks) and marks[mark][1] <= start:
            mark += 1
        piece = text(cut[start:end])
        if colour < len(colours) and colours[colour][0] <= start:
            piece = tag("span", piece, class_=colours[colour][2])
        if mark < len(marks) and marks[mark][0] <= start:
            piece = tag("mark", piece)
        pieces.append(piece)
    if len(shown) > len(cut):
        pieces.append(tag("em", f" … {len(shown) - len(cut):,} more characters", class_="cut"))
    return Safe("".join(pieces))
