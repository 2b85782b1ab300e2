"""Editing one table of a TOML text, every other character kept.

What lives here: setting and removing a table by its header. What does not: which files have which tables
(`clients.py`).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from .jsonc import MalformedError

_HEADER = re.compile(r"^[ \t]*\[{1,2}[^\[\]\n]*\]{1,2}[ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)


def load(text: str) -> dict[str, Any]:
    """What a TOML text holds. Raises MalformedError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(str(error)) from error


def get(text: str, path: Sequence[str]) -> Any:
    """What a path of keys leads to; None if nothing is there. Raises MalformedError."""
    found: Any = load(text)
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def set_table(text: str, path: Sequence[str], plain: dict[str, Any]) -> str:
    """The text with a table set. Raises MalformedError, also for one that is written without a header of its own."""
    before = load(text)
    if get(text, path) == plain:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    header = f"[{'.'.join(map(_key, path))}]"
    block = newline.join([header, *(f"{_key(key)} = {_shown(value)}" for key, value in plain.items())])
    spans = _spans(text, path)
    if spans:
        start, end = spans[0]
        rest = text
        for first, last in reversed(spans[1:]):
            rest = rest[:first] + rest[last:].lstrip("\r\n")
        made = rest[:start] + block + rest[end:]
    else:
        gap = "" if not text.strip() else newline if text.endswith(("\n", "\r")) else newline * 2
        made = text + gap + block + newline
    return _checked(made, _with(before, path, plain))


def remove_table(text: str, path: Sequence[str]) -> str:
    """The text without a table and those below it. Raises MalformedError."""
    before = load(text)
    if get(text, path) is None:
        return text
    made = text
    for first, last in reversed(_spans(text, path)):
        head, tail = made[:first], made[last:].lstrip("\r\n")
        newline = "\r\n" if "\r\n" in text else "\n"
        head = head.rstrip("\r\n") + newline if head.strip() else ""
        made = head + (newline if head and tail else "") + tail
    return _checked(made, _with(before, path, None))


def _spans(text: str, path: Sequence[str]) -> list[tuple[int, int]]:
    """Where a table and those below it stand: from the header to the last line that is no comment."""
    headers = list(_HEADER.finditer(text))
    found = []
    for number, header in enumerate(headers):
        try:
            named: Any = tomllib.loads(header[0].replace("[[", "[").replace("]]", "]"))
        except tomllib.TOMLDecodeError:
            continue
        for key in path:
            named = named.get(key) if isinstance(named, dict) else None
        if named is None or not _is_whole(text[: header.start()]):
            continue
        end = headers[number + 1].start() if number + 1 < len(headers) else len(text)
        body = text[header.start() : end]
        body = re.sub(r"(?:\r?\n[ \t]*(?:#[^\n]*)?)*$", "", body)
        found.append((header.start(), header.start() + len(body)))
    return found


def _is_whole(text: str) -> bool:
    """Whether a text ends outside of strings and arrays: what follows is a header, not words that look like one."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _with(before: dict[str, Any], path: Sequence[str], plain: dict[str, Any] | None) -> dict[str, Any]:
    after = deepcopy(before)
    holder = after
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    if plain is None:
        holder.pop(path[-1], None)
        for depth in range(len(path) - 1, 0, -1):
            around: Any = after
            for key in path[: depth - 1]:
                around = around[key]
            if around.get(path[depth - 1]) == {}:
                around.pop(path[depth - 1])
    else:
        holder[path[-1]] = plain
    return after


def _checked(made: str, wanted: dict[str, Any]) -> str:
    """The text, if it says what it should and nothing else changed. Raises MalformedError."""
    try:
        holds = tomllib.loads(made)
    except tomllib.TOMLDecodeError:
        holds = {}
    if _without_empty(holds) != _without_empty(wanted):
        raise MalformedError("the table is written in a form that cannot be edited in place")
    return made


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(one) for key, one in value.items()}
    return {key: one for key, one in kept.items() if one != {}}


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_shown(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
