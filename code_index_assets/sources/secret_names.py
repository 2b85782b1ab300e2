"""What a name says about its value: a password, a key, an authorization, or nothing secret.

What lives here: splitting names into words and judging them. What does not: the values (`secret_values.py`) and where
a name and its value stand (`secret_assignments.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Family = Literal["password", "key", "authorization"]

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORD = re.compile(
    r"(?:pass(?:word|wd|phrase|code|wort)s?|passw|pwds?|senha|kennwort|contrasena|motdepasse|mdp|psk|passwordz?)\Z"
    r"|(?:password|passwd|passphrase|pwd|psk)\Z"
)
_PASS = re.compile(
    r"(?:\w*(?:db|sudo|become|ssh|user|root|admin|store|key|require|my|sql|smtp|mail|ftp|ldap|http|proxy)?pass|pw|masterauth)\Z"
)
_KEYED = frozenset(
    [
        "api",
        "access",
        "auth",
        "private",
        "secret",
        "encryption",
        "encrypt",
        "signing",
        "sign",
        "client",
        "account",
        "shared",
        "master",
        "storage",
        "license",
        "consumer",
        "app",
        "application",
        "deploy",
        "session",
        "jwt",
        "hmac",
        "preshared",
        "service",
        "server",
        "subscription",
        "ssh",
        "webhook",
        "integration",
        "project",
        "ingest",
        "write",
        "host",
        "function",
        "cipher",
        "aes",
        "des",
        "rsa",
        "admin",
        "bot",
        "user",
        "user",
        "maps",
        "data",
        "hash",
        "cookie",
        "instrumentation",
        "primary",
        "secondary",
        "stripe",
        "sendgrid",
        "mailgun",
        "twilio",
    ]
)
_SECRETS = frozenset(
    [
        "secret",
        "secrets",
        "token",
        "tokens",
        "credential",
        "credentials",
        "creds",
        "apikey",
        "apikeys",
        "accesskey",
        "authkey",
        "secretkey",
        "privatekey",
        "authtoken",
        "accesstoken",
        "apitoken",
        "apisecret",
        "clientsecret",
        "appsecret",
        "appkey",
        "bearer",
        "sessionkey",
        "encryptionkey",
        "signingkey",
        "sharedkey",
        "masterkey",
        "accountkey",
        "presharedkey",
        "refreshtoken",
        "bottoken",
        "userkey",
        "apipass",
    ]
)
_AUTHORIZATION = frozenset({"authorization", "auth", "cookie", "basic"})
# The last word says that the value is about a secret, not one.
_ABOUT = frozenset(
    [
        "file",
        "files",
        "path",
        "paths",
        "dir",
        "folder",
        "name",
        "names",
        "type",
        "types",
        "field",
        "fields",
        "label",
        "labels",
        "title",
        "url",
        "uri",
        "urls",
        "endpoint",
        "host",
        "port",
        "id",
        "ids",
        "index",
        "idx",
        "count",
        "len",
        "length",
        "size",
        "min",
        "max",
        "limit",
        "ttl",
        "expiry",
        "expires",
        "expiration",
        "timeout",
        "age",
        "prefix",
        "suffix",
        "header",
        "headers",
        "scheme",
        "class",
        "method",
        "algorithm",
        "alg",
        "algo",
        "format",
        "policy",
        "policies",
        "hint",
        "prompt",
        "message",
        "msg",
        "error",
        "errors",
        "exception",
        "placeholder",
        "help",
        "desc",
        "description",
        "text",
        "regex",
        "pattern",
        "matcher",
        "validator",
        "provider",
        "store",
        "manager",
        "service",
        "handler",
        "factory",
        "builder",
        "generator",
        "reader",
        "writer",
        "parser",
        "encoder",
        "decoder",
        "hash",
        "hashes",
        "hashed",
        "digest",
        "checksum",
        "sum",
        "salt",
        "enabled",
        "disabled",
        "required",
        "valid",
        "invalid",
        "length",
        "strength",
        "reset",
        "ref",
        "refs",
        "reference",
        "arn",
        "version",
        "kind",
        "mode",
        "status",
        "state",
        "list",
        "map",
        "set",
        "config",
        "settings",
        "options",
        "env",
        "var",
        "variable",
        "position",
        "pos",
        "start",
        "end",
        "offset",
        "line",
        "column",
        "range",
        "stream",
        "iterator",
        "it",
        "source",
        "location",
        "mount",
        "volume",
        "selector",
        "input",
        "form",
        "page",
        "link",
        "button",
        "icon",
        "image",
        "command",
        "cmd",
        "args",
        "arg",
        "key_name",
        "symbol",
        "symbols",
        "literal",
        "node",
        "kinds",
        "rule",
        "rules",
        "test",
        "tests",
        "spec",
        "example",
        "sample",
        "dummy",
        "mock",
        "public",
        "prompt",
        "verification",
        "confirm",
        "confirmed",
        "confirmation",
        "changed",
        "created",
        "updated",
        "rotation",
        "info",
        "usage",
        "scope",
        "scopes",
        "audience",
        "issuer",
        "subject",
        "claim",
        "claims",
        "only",
        "callback",
        "listener",
        "event",
        "events",
        "getter",
        "setter",
        "used",
        "time",
        "date",
        "at",
        "on",
        "by",
        "column",
        "attribute",
        "attr",
        "property",
        "properties",
        "param",
        "params",
        "parameter",
        "parameters",
        "argument",
        "bucket",
    ]
)
_NOT_SECRET = frozenset(
    [
        "public",
        "pub",
        "integrity",
        "checksum",
        "fingerprint",
        "etag",
        "commit",
        "next",
        "page",
        "cursor",
        "nonce",
        "csrf",
        "xsrf",
        "tokenizer",
        "tokenize",
        "placeholder",
        "mock",
        "fake",
        "dummy",
        "sample",
        "example",
        "invalid",
        "wrong",
        "bad",
        "incorrect",
        "old",
        "hashed",
        "encrypted",
        "sha",
        "sha1",
        "sha256",
        "md5",
        "continuation",
        "idempotency",
        "antiforgery",
        "verification",
        "recaptcha_site",
        "sitekey",
        "site",
        "syncpoint",
        "lexer",
        "csrftoken",
        "nextpage",
    ]
)


@lru_cache(maxsize=8192)
def family_of(name: bytes) -> Family | None:
    """What kind of secret a name's value would be; None for a name that says nothing or is about secrets."""
    words = [word.lower() for word in _WORDS.findall(name.decode("latin-1"))]
    words = [word for word in words if not word.isdigit()]
    if not words:
        return None
    last = words[-1]
    if last in _ABOUT or not _NOT_SECRET.isdisjoint(words):
        return None
    if words[-2:] == ["secure", "string"]:
        return "password"
    if last in {"value", "string", "str", "val", "raw", "plain", "text", "base64", "b64", "data", "prod", "production",
                "dev", "live", "main", "default", "new", "current", "v1", "v", "a", "b", "x"}:  # fmt: skip
        words = words[:-1] or words
        last = words[-1]
    joined = "".join(words)
    if any(_PASSWORD.search(word) for word in words) or re.search(r"pass(?:word|wd|phrase|code)s?\Z", joined):
        return "password"
    if _PASS.match(last) and last not in {"bypass", "compass", "trespass", "encompass", "surpass"}:
        return "password"
    if any(word in _SECRETS for word in words):
        return "key"
    pairs = list(zip(words, words[1:], strict=False))  # noqa: RUF007 - two names
    if any(second in {"key", "keys"} and first in _KEYED for first, second in pairs):
        return "key"
    if joined.endswith(
        ("apikey", "secretkey", "accesskey", "privatekey", "authtoken", "accesstoken", "apitoken", "token", "secret")
    ):
        return "key"
    if last == "key" and len(words) > 1 and name.upper() == name:
        return "key"
    if last in _AUTHORIZATION:
        return "authorization"
    return None


def strong_uuid(name: bytes) -> bool:
    """Whether a name says so plainly that it holds a key that a UUID counts as one."""
    return re.search(rb"(?i)api[_.-]?key|secret|access[_.-]?key|licen[sc]e[_.-]?key", name) is not None
