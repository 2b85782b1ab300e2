"""Secrets that only the kind of document tells: what stands below `data:` of a Kubernetes Secret, the `d` of a JWK.

What lives here: documents whose parts are secret by their place, whatever they look like. What does not: files refused
whole (`sources/roles.py`), names that say secret (`assignments.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

import re2

from .assignments import Assigned
from .names import family_of
from .spelling import is_spelled, layers
from .values import is_reference, is_sequence

RULES = (
    "kubernetes-secret",
    "json-web-key",
    "client-key",
    "aws-secret-key",
    "password-hash",
)

_KIND = re.compile(rb"^[ \t]*(?:- )?[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(?:Secret|SecretList)\b[\"']?[ \t]*,?\r?$", re.M)
_KIND_INLINE = re.compile(rb"[\"']kind[\"'][ \t]*:[ \t]*[\"']Secret[\"']")
_KIND_SPELLED = re.compile(rb"\\+\"kind\\+\"\s*:\s*\\+\"Secret")
_MANIFEST = 20_000  # bytes of a manifest inside a string that are looked at, on each side of its kind
_DOCUMENT = re.compile(rb"^---.*$", re.M)
_DATA = re.compile(rb"^(?P<indent>[ \t]*)(?:stringData|data):[ \t]*(?:#.*)?\r?$", re.M)
_ENTRY = re.compile(rb"(?P<indent>[ \t]*)(?P<key>[^\s:#][^:\n]*):[ \t]*(?P<value>[^\r\n]*)\r?\n?")
_LINE = re.compile(rb"(?P<indent>[ \t]*)(?P<value>[^\r\n]*)\r?\n?")
_JSON_DATA = re.compile(rb"[\"'](?:stringData|data)[\"']\s*:\s*\{(?P<body>[^{}]{0,20000})\}")
_JSON_ENTRY = re.compile(rb"[\"'][\w.-]+[\"']\s*:\s*\"(?P<value>(?:[^\"\\]|\\.){1,8192})\"")
_JWK = re.compile(rb"[\"']kty[\"']\s*:")
_JWK_PART = re.compile(rb"[\"'](?:d|p|q|dp|dq|qi|k)[\"']\s*:\s*[\"'](?P<value>[A-Za-z0-9_-]{20,2000})[\"']")
_CLIENT_KEY = re.compile(
    rb"[\"']?(?:client-key-data|tls\.key|clientKeyData|client_key_data)[\"']?\s*:\s*[\"']?(?P<value>[A-Za-z0-9+/=]{40,20000})"
)
_AWS_PAIR = re.compile(
    rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b[\"']?[\s,;:|/]{1,8}[\"']?(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_CRYPT = re2.compile(
    rb"(?:\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"
    rb"|\$(?:1|5|6|apr1|y|gy|7)\$(?:rounds=\d{1,9}\$|j\w{2,4}\$)?[./A-Za-z0-9]{1,24}\$[./A-Za-z0-9]{22,86}"
    rb"|\$argon2(?:id|i|d)\$[\w=,$]{5,40}\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{16,128})"
)
_CLIENT_MARKS = frozenset({"client-key-data", "clientkeydata", "client_key_data", "tls.key"})
_AWS_MARKS = frozenset({"akia", "asia"})
_CRYPT_MARKS = frozenset(
    {"$2a$", "$2b$", "$2x$", "$2y$", "$1$", "$5$", "$6$", "$7$", "$apr1$", "$y$", "$gy$", "$argon2"}
)
# Looked for with the literals of rules, in one pass over a text (lower case).
MARKS = frozenset({"kty"}) | _CLIENT_MARKS | _AWS_MARKS | _CRYPT_MARKS
_TEMPLATE = re.compile(rb"\{\{|\$\{|<[\w -]+>|\A[\"']?[\"']?\Z|\A(?:\||>)[+-]?\Z|\$\(")


def documents(raw: bytes, marks: Set[str]) -> Iterator[Assigned]:
    """Every secret that its place in a document makes one; `marks` are those of `MARKS` that stand in the text."""
    if b"Secret" in raw and b"kind" in raw:
        yield from _kubernetes(raw)
    if "kty" in marks:
        yield from _json_web_keys(raw)
    if not marks.isdisjoint(_CLIENT_MARKS):
        for match in _CLIENT_KEY.finditer(raw):
            yield Assigned(*match.span("value"), "client-key")
    if not marks.isdisjoint(_AWS_MARKS):
        for match in _AWS_PAIR.finditer(raw):
            if not is_sequence(match["value"]):
                yield Assigned(*match.span("value"), "aws-secret-key")
    if not marks.isdisjoint(_CRYPT_MARKS):
        for match in _CRYPT.finditer(raw):
            if len(set(match.group(0))) > 12:
                yield Assigned(match.start(), match.end(), "password-hash")


def _json_web_keys(raw: bytes) -> Iterator[Assigned]:
    """The private parts of JSON web keys."""
    done = 0
    for match in _JWK.finditer(raw):
        if match.start() < done:
            continue
        low = max(0, raw.rfind(b"{", max(0, match.start() - 4_000), match.start()))
        high = raw.find(b"}", match.end(), match.end() + 8_000)
        done = high = high if high > 0 else min(len(raw), match.end() + 8_000)
        for part in _JWK_PART.finditer(raw, low, high):
            if not is_sequence(part["value"]):
                yield Assigned(*part.span("value"), "json-web-key")


def _kubernetes(raw: bytes) -> Iterator[Assigned]:
    yield from _yaml_manifests(raw)
    if _KIND_INLINE.search(raw):
        yield from _json_manifests(raw)
    done = 0
    for match in _KIND_SPELLED.finditer(raw):
        if match.start() < done:
            continue
        low = max(raw.rfind(b"\n", max(0, match.start() - _MANIFEST), match.start()) + 1, match.start() - _MANIFEST)
        end = raw.find(b"\n", match.end())
        done = high = min(end if end > 0 else len(raw), match.end() + _MANIFEST)
        if is_spelled(raw, low, high):
            for view in layers(raw, low, high):
                for manifest in _json_manifests(view.text):
                    yield Assigned(*view.span(manifest.start, manifest.end), manifest.rule)


def _json_manifests(text: bytes) -> Iterator[Assigned]:
    if not _KIND_INLINE.search(text):
        return
    for data in _JSON_DATA.finditer(text):
        for entry in _JSON_ENTRY.finditer(text, *data.span("body")):
            if len(entry["value"]) >= 4 and not _TEMPLATE.search(entry["value"]):
                yield Assigned(*entry.span("value"), "kubernetes-secret")


def _yaml_manifests(raw: bytes) -> Iterator[Assigned]:
    if not _KIND.search(raw):
        return
    edges = [0, *(match.end() for match in _DOCUMENT.finditer(raw)), len(raw)]
    for low, high in zip(edges, edges[1:], strict=False):  # noqa: RUF007 - two names
        if _KIND.search(raw, low, high):
            done = low
            for data in _DATA.finditer(raw, low, high):
                if data.start() >= done:
                    for entry in _entries(raw, data.end() + 1, high, len(data["indent"])):
                        done = entry.end
                        yield entry


def _entries(raw: bytes, at: int, high: int, outer: int) -> Iterator[Assigned]:
    """The values below `data:`: all lines that are indented deeper."""
    while at < high:
        line = _LINE.match(raw, at, high)
        if line is None or line.end() == at:
            return
        if line["value"].strip():
            if len(line["indent"]) <= outer:
                return
            entry = _ENTRY.match(raw, at, high)
            low, end = entry.span("value") if entry else line.span("value")
            value = raw[low:end].strip().strip(b"\"'")
            plain = (
                re.fullmatch(rb"[a-z][a-z0-9./-]{0,40}|\d+", value)
                and entry
                and (family_of(entry["key"]) is None or (len(value) <= 8 and value.isalpha()))
            )
            if len(value) >= 4 and not plain and not _TEMPLATE.search(value) and not is_reference(value):
                first = raw.index(value, low, end)
                yield Assigned(first, first + len(value), "kubernetes-secret")
        at = line.end()
