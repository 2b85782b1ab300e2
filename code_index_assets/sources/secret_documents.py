"""Secrets that only the kind of document tells: what stands below `data:` of a Kubernetes Secret, the `d` of a JWK.

What lives here: documents whose parts are secret by their place, whatever they look like. What does not: files refused
whole (`roles.py`), names that say secret (`secret_assignments.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from .secret_assignments import Assigned
from .secret_names import family_of
from .secret_spelling import is_spelled, layers
from .secret_values import basic_credentials, is_reference, is_sequence

RULES = (
    "kubernetes-secret",
    "json-web-key",
    "registry-login",
    "client-key",
    "aws-secret-key",
    "password-hash",
    "airtable-token",
)

_KIND = re.compile(rb"^[ \t]*(?:- )?[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(?:Secret|SecretList)\b[\"']?[ \t]*,?\r?$", re.M)
_KIND_INLINE = re.compile(rb"[\"']kind[\"'][ \t]*:[ \t]*[\"']Secret[\"']")
_DOCUMENT = re.compile(rb"^---.*$", re.M)
_DATA = re.compile(rb"^(?P<indent>[ \t]*)(?:stringData|data):[ \t]*(?:#.*)?\r?$", re.M)
_ENTRY = re.compile(rb"(?P<indent>[ \t]*)(?P<key>[^\s:#][^:\n]*):[ \t]*(?P<value>[^\r\n]*)\r?\n?")
_LINE = re.compile(rb"(?P<indent>[ \t]*)(?P<value>[^\r\n]*)\r?\n?")
_JSON_DATA = re.compile(rb"[\"'](?:stringData|data)[\"']\s*:\s*\{(?P<body>[^{}]{0,20000})\}")
_JSON_ENTRY = re.compile(rb"[\"'][\w.-]+[\"']\s*:\s*\"(?P<value>(?:[^\"\\]|\\.){1,8192})\"")
_JWK = re.compile(rb"[\"']kty[\"']\s*:")
_JWK_PART = re.compile(rb"[\"'](?:d|p|q|dp|dq|qi|k)[\"']\s*:\s*[\"'](?P<value>[A-Za-z0-9_-]{20,2000})[\"']")
_LOGIN = re2.compile(rb"(?:auth|identitytoken|Auth)\\*[\"']?\s*[:=]\s*\\*[\"']?([A-Za-z0-9+/=_-]{8,900})")
_CLIENT_KEY = re.compile(
    rb"[\"']?(?:client-key-data|tls\.key|clientKeyData|client_key_data)[\"']?\s*:\s*[\"']?(?P<value>[A-Za-z0-9+/=]{40,20000})"
)
_AWS_PAIR = re.compile(
    rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b[\"']?[\s,;:|/]{1,8}[\"']?(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_CRYPT = re2.compile(
    rb"(?:\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$(?:1|5|6|apr1|y|gy|7)\$(?:rounds=\d{1,9}\$|j\w{2,4}\$)?[./A-Za-z0-9]{1,24}\$[./A-Za-z0-9]{22,86}|\$argon2(?:id|i|d)\$[\w=,$]{5,40}\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{16,128})"
)
# Its first letters stand in every file: found in a pass of its own.
_AIRTABLE = re2.compile(rb"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b")
_TEMPLATE = re.compile(rb"\{\{|\$\{|<[\w -]+>|\A[\"']?[\"']?\Z|\A(?:\||>)[+-]?\Z|\$\(")


def documents(raw: bytes) -> Iterator[Assigned]:
    """Every secret that its place in a document makes one."""
    if b"ecret" in raw and b"data" in raw.lower() and b"kind" in raw:
        yield from _kubernetes(raw)
    if b"kty" in raw:
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
    if b"auth" in raw or b"Auth" in raw or b"identitytoken" in raw:
        for match in _LOGIN.finditer(raw):
            if basic_credentials(match.group(1)):
                yield Assigned(*match.span(1), "registry-login")
    if any(mark in raw for mark in (b"client-key-data", b"tls.key", b"lientKeyData", b"client_key_data")):
        for match in _CLIENT_KEY.finditer(raw):
            yield Assigned(*match.span("value"), "client-key")
    if b"AKIA" in raw or b"ASIA" in raw:
        for match in _AWS_PAIR.finditer(raw):
            if not is_sequence(match["value"]):
                yield Assigned(*match.span("value"), "aws-secret-key")
    for match in _AIRTABLE.finditer(raw):
        yield Assigned(*match.span(), "airtable-token")
    if b"$" in raw:
        for match in _CRYPT.finditer(raw):
            if len(set(match.group(0))) > 12:
                yield Assigned(*match.span(), "password-hash")


def _kubernetes(raw: bytes) -> Iterator[Assigned]:
    yield from _yaml_manifests(raw)
    if _KIND_INLINE.search(raw):
        yield from _json_manifests(raw)
    for match in re.finditer(rb"\\+\"kind\\+\"\s*:\s*\\+\"Secret", raw):
        low = max(raw.rfind(b"\n", max(0, match.start() - 20_000), match.start()) + 1, match.start() - 20_000)
        end = raw.find(b"\n", match.end())
        high = min(end if end > 0 else len(raw), match.end() + 20_000)
        if is_spelled(raw, low, high):
            for view in layers(raw, low, high):
                for found in _json_manifests(view.text):
                    yield Assigned(*view.span(found.start, found.end), found.rule)


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
            plain = re.fullmatch(rb"[a-z][a-z0-9./-]{0,40}|\d+", value) and entry and family_of(entry["key"]) is None
            if len(value) >= 4 and not plain and not _TEMPLATE.search(value) and not is_reference(value):
                first = raw.index(value, low, end)
                yield Assigned(first, first + len(value), "kubernetes-secret")
        at = line.end()
