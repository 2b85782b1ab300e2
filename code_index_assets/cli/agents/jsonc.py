"""Editing one member of a JSON text with comments and trailing commas, every other character kept.

What lives here: reading such a text with the places of its members, setting and removing one. What does not: which
files have which members (`clients.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")
MAX_DEPTH = 200


class MalformedError(ValueError):
    """A text that is no JSON, with or without comments; the message says where."""


@dataclass
class Member:
    """One member of an object: where its key begins, and what it holds."""

    key: str
    start: int
    value: Value


@dataclass
class Value:
    """A value and its place in the text. `members` are those of an object; None of anything else."""

    start: int
    end: int
    plain: Any
    members: list[Member] | None = None
    trailing_comma: bool = False

    def member(self, key: str) -> Member | None:
        """The member of a key; the last one where a key is repeated, as JSON readers take it."""
        return next((one for one in reversed(self.members or ()) if one.key == key), None)


def read(text: str) -> Value:
    """The value that a text holds. Raises MalformedError."""
    reader = _Reader(text)
    value = reader.value(reader.space(0), 0)
    end = reader.space(value.end)
    if end != len(text):
        raise reader.wrong(end, "something follows the end")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def wrong(self, at: int, what: str) -> MalformedError:
        line = self.text.count("\n", 0, at) + 1
        return MalformedError(f"line {line}, column {at - self.text.rfind(chr(10), 0, at)}: {what}")

    def space(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        assert match is not None
        if self.text.startswith("/*", match.end()):
            raise self.wrong(match.end(), "a comment without an end")
        return match.end()

    def value(self, at: int, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise self.wrong(at, "nested too deeply")
        char = self.text[at : at + 1]
        if char == "{":
            return self.object(at, depth)
        if char == "[":
            return self.array(at, depth)
        match = (_STRING if char == '"' else _WORD).match(self.text, at)
        try:
            if match is None:
                raise ValueError
            return Value(at, match.end(), json.loads(match[0]))
        except ValueError:
            raise self.wrong(at, "a value is missing or is none of JSON") from None

    def object(self, at: int, depth: int) -> Value:
        members: list[Member] = []
        found, comma = self.space(at + 1), False
        while self.text[found : found + 1] != "}":
            if members and not comma:
                raise self.wrong(found, "a comma or } is missing")
            key = _STRING.match(self.text, found)
            if key is None:
                raise self.wrong(found, "the name of a member is missing")
            colon = self.space(key.end())
            if self.text[colon : colon + 1] != ":":
                raise self.wrong(colon, "a colon is missing")
            value = self.value(self.space(colon + 1), depth + 1)
            members.append(Member(json.loads(key[0]), found, value))
            found = self.space(value.end)
            comma = self.text[found : found + 1] == ","
            found = self.space(found + 1) if comma else found
        plain = {member.key: member.value.plain for member in members}
        return Value(at, found + 1, plain, members, comma)

    def array(self, at: int, depth: int) -> Value:
        items: list[Any] = []
        found, comma = self.space(at + 1), True
        while self.text[found : found + 1] != "]":
            if not comma:
                raise self.wrong(found, "a comma or ] is missing")
            value = self.value(found, depth + 1)
            items.append(value.plain)
            found = self.space(value.end)
            comma = self.text[found : found + 1] == ","
            found = self.space(found + 1) if comma else found
        return Value(at, found + 1, items)


def get(text: str, path: Sequence[str]) -> Any:
    """What a path of keys leads to; None if nothing is there. Raises MalformedError."""
    value = read(text) if text.strip() else None
    for key in path:
        member = value.member(key) if value is not None else None
        value = member.value if member is not None else None
    return value.plain if value is not None else None


def set_member(text: str, path: Sequence[str], plain: Any) -> str:
    """The text with a member set. Raises MalformedError, also where something on the way is no object."""
    if not text.strip("\ufeff \t\r\n"):
        text = "{}\n"
    value = read(text)
    for depth, key in enumerate(path):
        if value.members is None:
            raise _Reader(text).wrong(value.start, f"{'.'.join(path[:depth]) or 'the file'} is no object")
        member = value.member(key)
        if member is None:
            made: Any = plain
            for below in reversed(path[depth + 1 :]):
                made = {below: made}
            return _inserted(text, value, key, made)
        value = member.value
    if value.plain == plain:
        return text
    unit, newline = _unit(text), _newline(text)
    indent = _indent_at(text, value.start)
    return text[: value.start] + _shown(plain, indent, unit, newline) + text[value.end :]


def remove_member(text: str, path: Sequence[str]) -> str:
    """The text without a member, and without objects on the way that are empty then. Raises MalformedError."""
    value = read(text)
    chain: list[tuple[Value, Member]] = []
    for key in path:
        member = value.member(key)
        if member is None:
            return text
        chain.append((value, member))
        value = member.value
    while len(chain) > 1 and len(chain[-1][0].members or ()) == 1:
        chain.pop()
    holder, member = chain[-1]
    members = holder.members or []
    number, reader = members.index(member), _Reader(text)
    after = reader.space(member.value.end)
    if number + 1 < len(members):
        # What follows takes its place, comments of the next member included.
        return text[: member.start] + text[after + 1 :].lstrip(" \t\r\n")
    if number == 0:
        return text[: holder.start + 1] + text[holder.end - 1 :]
    # The comma before it goes, or becomes the trailing one; comments before it stay.
    comma = reader.space(members[number - 1].value.end)
    comments = text[comma + 1 : member.start].rstrip()
    rest = text[after + 1 :] if holder.trailing_comma else text[member.value.end :]
    if "//" in comments.rpartition("\n")[2] and not rest.startswith(("\n", "\r")):
        comments += _newline(text)  # else the comment would go on
    return text[: comma + 1 if holder.trailing_comma else comma] + comments + rest


def _inserted(text: str, holder: Value, key: str, plain: Any) -> str:
    unit, newline = _unit(text), _newline(text)
    outer = _indent_at(text, holder.start)
    members = holder.members or []
    inner = _indent_at(text, members[0].start) if members else outer + unit
    if members and "\n" not in text[holder.start : members[0].start]:
        inner = outer + unit
    entry = f"{json.dumps(key)}: {_shown(plain, inner, unit, newline)}"
    if not members:
        between = text[holder.start + 1 : holder.end - 1].rstrip()
        return f"{text[: holder.start + 1]}{between}{newline}{inner}{entry}{newline}{outer}{text[holder.end - 1 :]}"
    last = members[-1].value.end
    if members and "\n" not in text[holder.start : holder.end]:
        plain_entry = f"{json.dumps(key)}: {json.dumps(plain, ensure_ascii=False)}"
        if holder.trailing_comma:
            last = _Reader(text).space(last) + 1
            return f"{text[:last]} {plain_entry},{text[last:]}"
        return f"{text[:last]}, {plain_entry}{text[last:]}"
    # A comment behind the last member stays behind it.
    reader = _Reader(text)
    at = reader.space(last) + 1 if holder.trailing_comma else last
    behind = re.compile(r"[ \t]*(?://[^\n]*|/\*[^\n]*?\*/)?").match(text, at)
    assert behind is not None
    stays = behind[0].rstrip()
    tail = text[at + len(stays) :]
    close = "" if tail.lstrip(" \t").startswith(("\r", "\n", "/")) else f"{newline}{outer}"
    comma, trailing = ("", ",") if holder.trailing_comma else (",", "")
    return f"{text[:at]}{comma}{stays}{newline}{inner}{entry}{trailing}{close}{tail.lstrip(' ') if close else tail}"


def _shown(plain: Any, indent: str, unit: str, newline: str) -> str:
    """A value as JSON, its lists on one line."""
    if isinstance(plain, dict) and plain:
        inner = indent + unit
        rows = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {_shown(one, inner, unit, newline)}"
            for key, one in plain.items()
        ]
        return "{" + newline + f",{newline}".join(rows) + newline + indent + "}"
    return json.dumps(plain, ensure_ascii=False)


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    match = re.search(r"[\[{][ \t]*(?://[^\n]*)?\r?\n([ \t]+)\S", text)
    return match[1] if match else "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
