"""Secrets in the content of files: found by rules, named by rule, never shown.

What lives here: the scanner, and rules by the form of a key. What does not: the rules themselves (`rules.toml`,
ours; `formats.toml`, made from gitleaks'), values given to names (`assignments.py`,
`commands.py`), secrets by their place in a document (`documents.py`), files refused by their name
(`sources/roles.py`), and taking the text out (`sources/text.py`).

How it is fast: three linear passes of RE2 over a text (300 MB/s each) look for the rules' literals, for names that may
have a value, and for commands. Only the surroundings of a hit are read by anything slower.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any
from urllib.parse import unquote_to_bytes

import re2

from ...storage.fingerprint import digest
from . import assignments as secret_assignments
from . import commands as secret_commands
from . import documents as secret_documents
from .assignments import Assigned, assigned
from .commands import commands
from .documents import documents
from .values import MadeUp, is_key, is_password, is_reference, is_sequence, is_uuid_key, kinds, shannon

_RULES_FILE, _FORMATS_FILE = "rules.toml", "formats.toml"
# What of the rules is code: raised when names, values, spellings or documents are judged in another way.
_CODE_VERSION = 3
_BEFORE, _AFTER = 240, 2_000  # bytes of surroundings a rule sees; a PEM rule asks for more
_FORM_BEFORE, _FORM_AFTER, _CONTEXT_AFTER = 100, 1_200, 320
# Removing a secret can bring another into view (a longer value around it): looked for until nothing is found.
_ROUNDS = 3
_CONFIG = re.compile(
    r"(?i)(?:\.(?:ya?ml|properties|ini|cfg|conf|config|cnf|env|toml|envrc|tfvars|hcl|service|npmrc|pypirc|netrc|j2|rc"
    r"|editorconfig|plist|reg|list|dist|sample|txt)"
    r"|(?:^|/)(?:\.?env[\w.-]*|dockerfile[\w.-]*|\.[\w-]+rc|config|credentials|hosts|inventory))\Z"
)


@dataclass(frozen=True)
class Finding:
    """A secret: the rule, the line it starts on (from 1), offsets in the text (characters, end exclusive)."""

    rule: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Rule:
    """One rule of `rules.toml`; what its fields mean is said there."""

    id: str
    literals: tuple[str, ...]
    pattern: re.Pattern[bytes]
    before: int
    after: int
    entropy: float
    check: str
    allow: re.Pattern[bytes] | None
    form_only: bool
    needs: bytes


@dataclass(frozen=True)
class Format:
    """One rule of `formats.toml`. `context`: the value is a key only because of the name before it."""

    id: str
    literals: tuple[str, ...]
    pattern: Any  # a pattern of RE2
    entropy: float
    context: bool


@dataclass(frozen=True)
class _Rules:
    version: str
    rules: tuple[Rule, ...]
    formats: tuple[Format, ...]
    by_literal: dict[str, tuple[Rule | Format, ...]]
    literals: Any  # a pattern of RE2: any of them
    sizes: list[int]
    made_up: MadeUp


@lru_cache(maxsize=1)
def _load() -> _Rules:
    own, made = (
        resources.files(__package__).joinpath(name).read_text("utf-8") for name in (_RULES_FILE, _FORMATS_FILE)
    )
    raw = tomllib.loads(own)
    rules = tuple(_rule(row) for row in raw["rule"])
    formats = tuple(_format(row) for row in tomllib.loads(made)["rule"])
    by_literal: dict[str, tuple[Rule | Format, ...]] = dict.fromkeys(secret_documents.MARKS, ())
    every: tuple[Rule | Format, ...] = (*rules, *formats)
    for rule in every:
        for literal in rule.literals:
            by_literal[literal] = (*by_literal.get(literal, ()), rule)
    return _Rules(
        version=f"{raw['version']}.{_CODE_VERSION}-{digest(own + made)[:8]}",
        rules=rules,
        formats=formats,
        by_literal=by_literal,
        literals=_re2("(?i)" + "|".join(re2.escape(literal) for literal in sorted(by_literal))),
        sizes=sorted({len(literal) for literal in by_literal}),
        made_up=MadeUp(raw["made_up"], raw["placeholders"]),
    )


def _rule(row: dict[str, Any]) -> Rule:
    allow = row.get("allow")
    return Rule(
        id=row["id"],
        literals=tuple(literal.lower() for literal in row["literals"]),
        pattern=re.compile(row["pattern"].encode()),
        before=row.get("before", _BEFORE),
        after=row.get("after", _AFTER),
        entropy=row.get("entropy", 0.0),
        check=row.get("check", "token"),
        allow=re.compile("|".join(allow).encode()) if allow else None,
        form_only=row.get("form_only", False),
        needs=row.get("needs", "").encode(),
    )


def _re2(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = 32 << 20
    return re2.compile(pattern.encode(), options)


def _format(row: dict[str, Any]) -> Format:
    pattern = row["pattern"]
    return Format(
        row["id"],
        tuple(row["literals"]),
        _re2(pattern),
        row.get("entropy", 0.0),
        "=|>|:" in pattern,
    )


def secret_rules_version() -> str:
    """Version of the rule set, part of the fingerprint of everything made from scanned text."""
    return _load().version


def rule_ids() -> list[str]:
    """Every rule that can stand in `[removed: …]`."""
    rules = _load()
    named = (*secret_assignments.RULES, *secret_commands.RULES, *secret_documents.RULES)
    return list(dict.fromkeys([*(rule.id for rule in rules.rules), *(form.id for form in rules.formats), *named]))


def scan(text: str, path: str | None = None) -> list[Finding]:
    """Secrets of one text, in order, not overlapping."""
    return scan_many([text], None if path is None else [path])[0]


def scan_many(texts: Sequence[str], paths: Sequence[str] | None = None) -> list[list[Finding]]:
    """Secrets of each text, in order, not overlapping.

    `paths` are their paths: in files of settings a value without quotes may hold any sign.
    """
    rules = _load()
    findings: list[list[Finding]] = []
    for i, text in enumerate(texts):
        config = paths is not None and _CONFIG.search(paths[i]) is not None
        findings.append(_scan_one(text, rules, config))
    return findings


def names_with_secrets(names: Sequence[str]) -> dict[int, list[Finding]]:
    """The names (paths, refs) that hold a secret, by their place in the list. One pass over all of them."""
    joined = "\n".join(name.replace("\n", " ").replace("\r", " ") for name in names)
    findings = scan(joined)
    if not findings:
        return {}
    lines = {finding.line - 1 for finding in findings}
    return {line: scan(names[line]) for line in sorted(lines)}


def _scan_one(text: str, rules: _Rules, config: bool) -> list[Finding]:
    raw = text.encode("utf-8")
    spans = _spans(raw, rules, config)
    if not spans:
        return []
    for _ in range(_ROUNDS):
        merged = _merged(spans)
        clean, origin = _without(raw, merged)
        more = _spans(clean, rules, config)
        more = {(origin(start), origin(end)): rule for (start, end), rule in more.items()}
        if not more.keys() - spans.keys():
            break
        spans |= more
    return _findings(text, raw, _merged(spans))


Spans = dict[tuple[int, int], str]


def _spans(raw: bytes, rules: _Rules, config: bool) -> Spans:
    """Where secrets are in UTF-8 text, and by which rule."""
    spans: Spans = {}
    seen_until: dict[str, int] = {}
    marks: set[str] = set()
    hit = rules.literals.search(raw)
    while hit is not None:
        start = hit.start()
        head = raw[start : start + rules.sizes[-1]].lower().decode("latin-1")
        for size in rules.sizes:
            here = rules.by_literal.get(head[:size])
            if here is None:
                continue
            marks.add(head[:size])
            for rule in here:
                if seen_until.get(rule.id, -1) > start:
                    continue  # inside what this rule took already
                if isinstance(rule, Rule):
                    take = _apply(rule, raw, start, spans, rules)
                else:
                    take = _apply_format(rule, raw, start, spans, rules)
                seen_until[rule.id] = max(take, seen_until.get(rule.id, -1))
        hit = rules.literals.search(raw, start + 1)
    for one in _written(raw, config, marks):
        if not rules.made_up(raw[one.start : one.end]):
            spans.setdefault((one.start, one.end), one.rule)
    return spans


def _written(raw: bytes, config: bool, marks: set[str]) -> Iterable[Assigned]:
    """Secrets by name, by command, by place."""
    yield from assigned(raw, config=config)
    yield from commands(raw)
    yield from documents(raw, marks)


def _apply(rule: Rule, raw: bytes, start: int, spans: Spans, rules: _Rules) -> int:
    """Runs a rule around one hit of its literal; returns the end of what it took."""
    if rule.needs and raw.find(rule.needs, start, start + rule.after) < 0:
        return -1
    low = max(0, start - rule.before)
    if rule.before <= _BEFORE:
        low = max(low, raw.rfind(b"\n", low, start) + 1)
    high = min(len(raw), start + rule.after)
    end = -1
    for match in rule.pattern.finditer(raw, low, high):
        # Where the form alone is enough, the alternative without the group matched.
        group = (
            match.lastgroup
            if match.lastgroup in {"secret", "oracle"}
            else ("secret" if match.groupdict().get("secret") else 0)
        )
        first, last = match.span(group)
        if first == last or not _CHECKS[rule.check](raw[first:last], match, rule, rules):
            continue
        spans[first, last] = rule.id
        end = max(end, last)
    return end


def _apply_format(form: Format, raw: bytes, start: int, spans: Spans, rules: _Rules) -> int:
    low = max(0, start - _FORM_BEFORE)
    piece = raw[low : start + (_CONTEXT_AFTER if form.context else _FORM_AFTER)]
    end = -1
    for match in form.pattern.finditer(piece):
        group = 1 if match.re.groups and match.group(1) else 0
        first, last = match.span(group)
        value = piece[first:last]
        if shannon(value) < form.entropy or _STARS.search(value):
            continue
        if form.context and (rules.made_up(value) or is_sequence(value) or not _is_value(value)):
            continue
        spans.setdefault((low + first, low + last), form.id)
        end = max(end, low + last)
    return end


def _is_value(value: bytes) -> bool:
    return is_key(value, quoted=True) or is_uuid_key(value) or is_password(value, quoted=True)


def _merged(spans: Spans) -> list[tuple[int, int, str]]:
    """Spans in order. Where two rules found overlapping text, the longer one stands for both."""
    merged: list[tuple[int, int, str]] = []
    for (start, end), rule in sorted(spans.items()):
        if merged and start < merged[-1][1]:
            before = merged[-1]
            longer = rule if end - start > before[1] - before[0] else before[2]
            merged[-1] = (before[0], max(end, before[1]), longer)
        else:
            merged.append((start, end, rule))
    return merged


def _without(raw: bytes, merged: list[tuple[int, int, str]]) -> tuple[bytes, Callable[[int], int]]:
    """The text as it is stored, without these spans; and where a place in it was before."""
    from bisect import bisect_right

    pieces: list[bytes] = []
    at: list[int] = [0]  # where a piece begins in the new text, and where that was
    was: list[int] = [0]
    done = size = 0
    for start, end, rule in merged:
        removed = f"[removed: {rule}]".encode() + b"\n" * raw.count(b"\n", start, end)
        pieces += [raw[done:start], removed]
        size += start - done
        at += [size, size + len(removed)]
        was += [start, end]
        size += len(removed)
        done = end
    pieces.append(raw[done:])

    def origin(place: int) -> int:
        i = bisect_right(at, place) - 1
        return was[i] + (place - at[i] if i % 2 == 0 else 0)

    return b"".join(pieces), origin


def _findings(text: str, raw: bytes, merged: list[tuple[int, int, str]]) -> list[Finding]:
    """Findings in characters."""
    ascii_text = len(raw) == len(text)
    findings = []
    for start, end, rule in merged:
        line = raw.count(b"\n", 0, start) + 1
        ends = (start, end) if ascii_text else tuple(len(raw[:at].decode("utf-8", "ignore")) for at in (start, end))
        findings.append(Finding(rule, line, *ends))
    return findings


# -- what tells a key from what only has its form -------------------------------------------------------------------

_STARS = re.compile(rb"(.)\1{5}|\*\*\*|\.\.\.|<|\$\{|\{\{")
_EXAMPLE_HOST = re.compile(
    rb"(?i)(?:localhost|127\.|0\.0\.0\.0|\[::1\]|[\w.-]*example|(?:host|db|user|server)\b(?!\.)|\$|<|\{)"
)


def _token(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    """A provider's key: its form is its own; only made-up ones are let through."""
    if rule.allow is not None and rule.allow.search(value):
        return False
    # A distinctive form is proof enough: taking out a documentation's sample key costs nothing, a missed one does.
    return not (not rule.form_only and _STARS.search(value)) and shannon(value) >= rule.entropy


def _url_password(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    """A password inside a URL or connection string."""
    value = unquote_to_bytes(value)
    if rules.made_up(value) or is_reference(value) or is_sequence(value):
        return False
    if (kinds(value) >= 3 and len(value) >= 10) or is_password(value, quoted=True):
        return True  # no example has such a password, whatever the host is called
    if _EXAMPLE_HOST.match(match.groupdict().get("host") or b"localhost"):
        return False
    return len(set(value)) >= 5 and not re.match(rb"[A-Za-z]?[a-z]{1,12}\Z", value)


def _key(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    return not rules.made_up(value) and is_key(value, quoted=True)


_CHECKS = {"token": _token, "url": _url_password, "key": _key}
