"""Secrets in the content of files: found by rules, named by rule, never shown.

What lives here: the scanner. What does not: the rules (`secret_rules.toml`), files refused by their name
(`roles.py`), and taking the text out (`text.py`).

How it is fast: one Aho-Corasick pass over a whole batch of files (Polars' `find_many`, 650 MB/s) looks for the rules'
literals; a rule's regular expression then sees only the surroundings of its literal.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import polars as pl

from ..fingerprint import digest

_RULES_FILE = "secret_rules.toml"
_BEFORE, _AFTER = 240, 2_000  # bytes of surroundings a rule sees; a PEM rule asks for more


_QUOTED = re.compile(rb"[\"'`][^\"'`\s]{8,512}[\"'`]")


@dataclass(frozen=True)
class Finding:
    """A secret: the rule, the line it starts on (from 1), offsets in the text (characters, end exclusive)."""

    rule: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Rule:
    """One rule of `secret_rules.toml`; what its fields mean is told there."""

    id: str
    description: str
    literals: tuple[str, ...]
    pattern: re.Pattern[bytes]
    before: int
    after: int
    entropy: float
    check: str
    allow: re.Pattern[bytes] | None
    form_only: bool
    quoted: bool


@dataclass(frozen=True)
class _Rules:
    version: str
    rules: tuple[Rule, ...]
    by_literal: dict[str, tuple[Rule, ...]]
    literals: list[str]
    longest: int
    placeholder: re.Pattern[bytes]


@lru_cache(maxsize=1)
def _load() -> _Rules:
    text = resources.files(__package__).joinpath(_RULES_FILE).read_text("utf-8")
    raw = tomllib.loads(text)
    rules = tuple(_rule(row) for row in raw["rule"])
    by_literal: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        for literal in rule.literals:
            by_literal[literal] = (*by_literal.get(literal, ()), rule)
    return _Rules(
        version=f"{raw['version']}-{digest(text)[:8]}",
        rules=rules,
        by_literal=by_literal,
        literals=sorted(by_literal),
        longest=max(map(len, by_literal)),
        placeholder=re.compile("|".join(raw["placeholders"]).encode(), re.IGNORECASE),
    )


def _rule(row: dict[str, Any]) -> Rule:
    allow = row.get("allow")
    return Rule(
        id=row["id"],
        description=row["description"],
        literals=tuple(literal.lower() for literal in row["literals"]),
        pattern=re.compile(row["pattern"].encode()),
        before=row.get("before", _BEFORE),
        after=row.get("after", _AFTER),
        entropy=row.get("entropy", 0.0),
        check=row.get("check", "token"),
        allow=re.compile("|".join(allow).encode()) if allow else None,
        form_only=row.get("form_only", False),
        quoted=row.get("quoted", False),
    )


def secret_rules_version() -> str:
    """Version of the rule set, part of the fingerprint of everything made from scanned text."""
    return _load().version


def rule_ids() -> list[str]:
    return [rule.id for rule in _load().rules]


def scan(text: str) -> list[Finding]:
    """Secrets of one text, in order, not overlapping."""
    return scan_many([text])[0]


def scan_many(texts: Sequence[str]) -> list[list[Finding]]:
    """Secrets of each text. All texts are looked at in one pass; keep a batch to some megabytes."""
    if not texts:
        return []
    rules = _load()
    series = pl.Series("text", list(texts), dtype=pl.String)
    hits = series.str.find_many(rules.literals, ascii_case_insensitive=True, overlapping=True)
    found: list[list[Finding]] = [[] for _ in texts]
    for i, starts in enumerate(hits.to_list()):
        if starts:
            found[i] = _scan_one(texts[i], sorted(set(starts)), rules)
    return found


def _scan_one(text: str, starts: list[int], rules: _Rules) -> list[Finding]:
    raw = text.encode("utf-8")
    spans: dict[tuple[int, int], str] = {}
    seen_until: dict[str, int] = {}
    for start in starts:
        head = raw[start : start + rules.longest].lower().decode("latin-1")
        for size in range(1, len(head) + 1):
            for rule in rules.by_literal.get(head[:size], ()):
                if seen_until.get(rule.id, -1) > start:
                    continue  # inside what this rule took already
                seen_until[rule.id] = max(_apply(rule, raw, start, spans, rules), seen_until.get(rule.id, -1))
    return _findings(text, raw, spans)


def _apply(rule: Rule, raw: bytes, start: int, spans: dict[tuple[int, int], str], rules: _Rules) -> int:
    """Runs a rule around one hit of its literal; returns the end of what it took."""
    low = max(0, start - rule.before)
    if rule.before <= _BEFORE:
        low = max(low, raw.rfind(b"\n", low, start) + 1)
    high = min(len(raw), start + rule.after)
    if rule.quoted:
        line_end = raw.find(b"\n", start, high)
        high = high if line_end < 0 else line_end
        if _QUOTED.search(raw, start, high) is None:
            return -1  # nine of ten mentions of "token" are no assignment of a literal
    end = -1
    for match in rule.pattern.finditer(raw, low, high):
        # Where the form alone is enough, the alternative without the group matched.
        group = "secret" if match.groupdict().get("secret") is not None else 0
        first, last = match.span(group)
        value = raw[first:last]
        # A provider's rule says more than "some value given to a name".
        known = (first, last) in spans and rule.check != "token"
        if known or not value or not _CHECKS[rule.check](value, match, rule, rules):
            continue
        spans[first, last] = rule.id
        end = max(end, last)
    return end


def _findings(text: str, raw: bytes, spans: dict[tuple[int, int], str]) -> list[Finding]:
    """Findings in characters. Where two rules found overlapping text, the longer one stands for both."""
    merged: list[tuple[int, int, str]] = []
    for (start, end), rule in sorted(spans.items()):
        if merged and start < merged[-1][1]:
            before = merged[-1]
            longer = rule if end - start > before[1] - before[0] else before[2]
            merged[-1] = (before[0], max(end, before[1]), longer)
        else:
            merged.append((start, end, rule))
    if not merged:
        return []
    ascii_text = len(raw) == len(text)
    findings = []
    for start, end, rule in merged:
        line = raw.count(b"\n", 0, start) + 1
        ends = (start, end) if ascii_text else tuple(len(raw[:at].decode("utf-8", "ignore")) for at in (start, end))
        findings.append(Finding(rule, line, *ends))
    return findings


# -- what tells a secret from what only looks like one --------------------------------------------------------


def shannon(value: bytes) -> float:
    """Shannon entropy of a value in bits per byte."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


_IDENTIFIER = re.compile(
    rb"\A(?:[A-Za-z_$][a-z_$]*|[A-Z_]+|[A-Za-z]+(?:[_.:/ -][A-Za-z]+)+|(?:[a-z]+|[A-Z][a-z]+)(?:[A-Z][a-z]*)*\d{0,3})\Z"
)
_UUID = re.compile(rb"\A[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_HEX = re.compile(rb"\A(?:0x)?[0-9a-fA-F]+\Z")
_BASE64 = re.compile(rb"\A[A-Za-z0-9+/_=.~-]+\Z")
_REFERENCE = re.compile(
    rb"[${}<>()\[\]%]|\.\.\.|\\[nrtu0]|::|->|https?:|[*]{2}|^[@/.#&]"
    rb"|\.(?:com|org|io|net|py|go|js|ts|json|ya?ml|pem)\b"
)
_SEQUENCE = re.compile(rb"(.)\1{5}|01234|12345|abcde|qwert|98765|deadbeef|cafebabe", re.IGNORECASE)
_STARS = re.compile(rb"(.)\1{5}|\*\*\*|\.\.\.|<|\$\{|\{\{")
_PUBLIC = re.compile(
    rb"(?:public|pub|integrity|checksum|digest|sha\d*|md5|hash|commit|etag|fingerprint|next|page|csrf_field|nonce|cursor"
    rb"|placeholder|label|title|message|regex|pattern|example|mock|fake|dummy)[\w\"' .-]{0,24}\Z",
    re.IGNORECASE,
)


def _token(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    """A provider's key: its form is its own; only made-up ones are let through."""
    if rule.allow is not None and rule.allow.search(value):
        return False
    if rule.check == "token":
        # A form of its own is proof enough: taking out a documentation's sample key costs nothing, a missed one does.
        made_up = not rule.form_only and _STARS.search(value)
    else:
        made_up = rules.placeholder.search(value) or _SEQUENCE.search(value)
    return not made_up and shannon(value) >= rule.entropy


def _assigned(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    """A value assigned to a name such as api_key or secret: long, random, and neither a name nor a reference."""
    if len(value) < 16 or len(value) > 512 or not _BASE64.match(value) or not _token(value, match, rule, rules):
        return False
    if _IDENTIFIER.match(value) or _UUID.match(value) or _REFERENCE.search(value) or _PUBLIC.search(_name(match)):
        return False
    if _HEX.match(value):
        return len(value) >= 32 and shannon(value) >= 3.2
    digits = sum(48 <= c <= 57 for c in value)
    upper, lower = any(65 <= c <= 90 for c in value), any(97 <= c <= 122 for c in value)
    words = re.split(rb"[_.\-/]", value)
    if digits < 2 or not (upper or lower) or max(map(len, words)) < 10:
        return False
    return shannon(value) >= (3.7 if upper and lower else 3.3)


def _password(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    """A password written down: at least three kinds of characters, and no word that says it is made up."""
    if not 8 <= len(value) <= 128 or not _token(value, match, rule, rules):
        return False
    if _IDENTIFIER.match(value) or _UUID.match(value) or _REFERENCE.search(value) or _PUBLIC.search(_name(match)):
        return False
    return _kinds(value) >= 3 and shannon(value) >= 2.8


def _kinds(value: bytes) -> int:
    """How many of digits, upper case, lower case and other characters a value has."""
    digits, upper, lower = (any(a <= c <= b for c in value) for a, b in ((48, 57), (65, 90), (97, 122)))
    other = any(not (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122) for c in value)
    return digits + upper + lower + other


def _url_password(value: bytes, match: re.Match[bytes], rule: Rule, rules: _Rules) -> bool:
    """A password inside a URL or connection string."""
    if rules.placeholder.search(value) or _REFERENCE.search(value) or _SEQUENCE.search(value):
        return False
    if _kinds(value) >= 3 and len(value) >= 10:
        return True  # nobody writes such a password as an example, whatever the host is called
    host = match.groupdict().get("host") or b""
    if re.match(
        rb"(?i)(?:localhost|127\.|0\.0\.0\.0|\[::1\]|[\w.-]*example|(?:host|db|user|server)\b(?!\.)|\$|<|\{)", host
    ):
        return False
    return len(set(value)) >= 5 and not re.match(rb"[A-Za-z]?[a-z]{1,12}\Z", value)


def _name(match: re.Match[bytes]) -> bytes:
    return match.groupdict().get("name") or b""


_CHECKS = {"token": _token, "assigned": _assigned, "password": _password, "url": _url_password}
