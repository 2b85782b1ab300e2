"""What a pasted text says about places: frames of stack traces, compiler messages, and the errors themselves.

What lives here: reading them, and which indexed file a frame means. What does not: words, names and paths of a text
(`query.py`), what is made of a frame (`context.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

MAX_FRAMES = 30
MAX_ERRORS = 3
# Python: File "a/b.py", line 12, in f
_PYTHON = re.compile(r'File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<name>[\w<>.]+))?')
# Java, Kotlin, Scala: at org.acme.Cart.add(Cart.java:12)
_JVM = re.compile(
    r"\bat (?:[\w./@-]+/)?(?P<package>[\w.$]+)\.(?P<name>[\w$<>]+)\((?P<path>[\w$-]+\.\w+):(?P<line>\d+)\)"
)
# JavaScript: at Cart.add (/srv/a.js:12:5); .NET: at Acme.Cart.Add(Int32 n) in /src/Cart.cs:line 12
_AT = re.compile(
    r"\bat (?:async )?(?:new )?(?P<name>[\w.$<>\[\]]+)(?: \[as \w+\])? \((?P<path>[^()\n]+?):(?P<line>\d+)(?::\d+)?\)"
)
_NET = re.compile(r"\bat (?P<name>[\w.`<>]+)\([^)\n]*\) in (?P<path>[^\n]+?):line (?P<line>\d+)")
# Go: /srv/app/cart.go:12 +0x1d; Rust: at src/cart.rs:12:5; Ruby: cart.rb:12:in `add'; PHP: in a.php:12 or #0 a.php(12)
_PHP = re.compile(r"(?P<path>[\w./\\-]+\.php)(?:\((?P<line>\d+)\)| on line (?P<late>\d+))")
_PLAIN = re.compile(
    r"(?P<path>(?:[A-Za-z]:)?[\w./\\@+-]*[\w-]\.[A-Za-z]\w{0,4}):(?P<line>\d+)"
    r"(?::\d+)?(?::in [`'](?:[\w:.]+[.#])?(?P<name>[\w?!]+)')?"
)
_KINDS = (_PYTHON, _JVM, _NET, _AT, _PHP, _PLAIN)
# `ValueError: negative`, `java.lang.IllegalStateException: closed`, `panic: nil map`, `error[E0382]: borrow of …`
_ERROR = re.compile(
    r"^[\s>|]*(?:Caused by: |Exception in thread \"[^\"]*\" |Uncaught (?:\(in promise\) )?|[EF] +)?"
    r"(?P<error>(?:[\w.$]*(?:Error|Exception|Warning|Exit|Interrupt)|panic|fatal error|error(?:\[\w+\])?)"
    r"(?:: |\()[^\n]{3,300})",
    re.MULTILINE,
)
_PANIC = re.compile(r"panicked at (?P<error>[^\n]{3,300})")


@dataclass(frozen=True)
class Frame:
    """One place that a text names: a path as written there, a line, the function if it is given."""

    path: str
    line: int
    name: str = ""


def frames_of(text: str) -> tuple[Frame, ...]:
    """The places that a text names, in its order, each once, the last ones of a long trace."""
    found: dict[int, Frame] = {}
    taken: list[tuple[int, int]] = []
    for kind in _KINDS:
        for match in kind.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            groups = match.groupdict()
            line = int(groups.get("line") or groups.get("late") or 0)
            path = match["path"].strip().removeprefix("file://")
            if not 0 < line < 10_000_000 or "://" in path:
                continue
            taken.append(match.span())
            if package := groups.get("package"):
                # The package says in which folder: `org.acme.Cart` is org/acme/….
                folders = package.split("$", 1)[0].split(".")[:-1]
                path = "/".join([*folders, path])
            name = (groups.get("name") or "").split("(")[0]
            found[match.start()] = Frame(path, line, re.split(r"[.#:]", name)[-1].strip("<>`[]"))
    ordered = dict.fromkeys(found[start] for start in sorted(found))
    return tuple(ordered)[-MAX_FRAMES:]


def errors_of(text: str) -> tuple[str, ...]:
    """The lines of a text that name an error, the last ones first: what was raised in the end counts most."""
    found = [match["error"].strip() for pattern in (_ERROR, _PANIC) for match in pattern.finditer(text)]
    return tuple(dict.fromkeys(reversed(found)))[:MAX_ERRORS]


class PathsByName:
    """The files of a repository, found by the end of a path: a trace names them as they were installed somewhere."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_name[path.rpartition("/")[2].lower()].append(path)

    def meant(self, written: str, most: int = 2) -> tuple[str, ...]:
        """The files whose path agrees with the end of a written one in most parts; none if too many agree alike."""
        parts = [part for part in re.split(r"[\\/]", written.lower()) if part not in ("", ".")]
        if not parts:
            return ()
        agreeing = {path: _same_end(parts, path.lower().split("/")) for path in self._by_name.get(parts[-1], ())}
        best = max(agreeing.values(), default=0)
        found = tuple(sorted(path for path, same in agreeing.items() if same == best))
        return found if len(found) <= most else ()


def _same_end(one: list[str], other: list[str]) -> int:
    same = 0
    for mine, theirs in zip(reversed(one), reversed(other), strict=False):
        if mine != theirs:
            break
        same += 1
    return same
