"""Secrets on command lines, in statements and in files that set a name and a value with a blank between.

What lives here: `curl -u`, `mysql -p…`, `--password …`, `IDENTIFIED BY '…'`, `#define`, `ENV`, netrc. What does not:
`name = value` (`assignments.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from .assignments import Assigned
from .names import family_of
from .values import basic_credentials, is_key, is_password, is_random, is_reference, is_sequence

_VALUE = rb"(?:\"(?P<d>[^\"\n]{4,512})\"|'(?P<s>[^'\n]{4,512})'|(?P<p>[^\s\"'`<>|]{4,512}))"
RULE = "command-line-password"
SQL = "sql-password"
AIRTABLE = "airtable-token"
RULES = (RULE, SQL, AIRTABLE)
# Where one of these may be; one linear pass.
PLACES = re2.compile(
    rb"(?i)\b(?:curl|wget|http|https|xh|mysql\w*|mariadb\w*|sshpass|redis-cli|docker|podman|helm|skopeo|oras|smbclient"
    rb"|ldap\w+|plink|pscp|sqlcmd|rabbitmqctl|htpasswd|openssl|mongo\w*|psql|net\s+use|az|chpasswd|keytool|jarsigner|svn"
    rb"|lftp|ncftp\w*|rdesktop|xfreerdp|mosquitto_\w+|bcp|isql|sqlplus)\b[^\n]*"
    rb"|identified\s+(?:with\s+\S+\s+)?(?:by|as)\b"
    rb"|password\s+(?:for\s+\S+\s*=\s*)?(?:hash\s+)?[nN]?'"
    rb"|--?(?:[a-z][\w-]*)?(?:pass\w*|pwd|token|secret|api-?key|credential)s?[ =]"
    rb"|\#\s*define\s+\w+"
    rb"|\b(?:ENV|ARG|SetEnv|fastcgi_param|proxy_set_header)\s+[\w-]+\s|\bsetx?\s+(?:-\w+\s+)?\w+"
    rb"|\bpassword\s+\S|\b(?:requirepass|masterauth)\s|\bpass:\S|\benable\s+secret|\bcommunity\s"
    # A provider's form whose first letters stand in every file: the rules by form look for literals.
    rb"|\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b"
)
_USER_OPTION = re.compile(
    rb"(?:^|\s)(?:-u|-U|--user|--proxy-user|-a|--auth|--creds|--src-creds|--dest-creds)(?:[ \t]+|=)?"
    rb"(?P<q>[\"']?)(?P<user>[^\s:\"']{1,64}):(?P<v>[^\s\"']{4,256}|(?<=:)[^\"'\n]{4,256}(?=[\"']))"
)
_TIGHT = re.compile(rb"(?:^|\s)-p(?:\"(?P<d>[^\"\n]{4,256})\"|'(?P<s>[^'\n]{4,256})'|(?P<p>[^\s\"'|;&]{4,256}))")
_LOOSE = re.compile(rb"(?:^|\s)-(?:p|pw|P|w|a|pass|password|rfbauth)[ \t]+" + _VALUE)
_PASS_COLON = re.compile(rb"\bpass:(?P<p>[^\s\"'`]{4,256})")
_PERCENT_USER = re.compile(rb"(?:^|\s)-U[ \t]*[\"']?[\w.\\@-]+%(?P<p>[^\s\"']{4,256})")
_TAIL = re.compile(rb"(?:add_user|change_password|-b\w*[ \t]+\S+|use)[ \t]+\S+[ \t]+(?:\S+:[ \t]+)?" + _VALUE)
_SLASH_USER = re.compile(rb"(?:sqlplus)[^\n]*?\s[\w.-]+/(?P<p>[^\s/@\"']{4,128})@")
_OPTION = re.compile(rb"(?:^|[\s\"'\[,(])--?(?P<name>[A-Za-z][\w-]*)(?:[ \t]+|=|[\"'][ \t]*,[ \t]*(?=[\"']))" + _VALUE)
_SQL = re.compile(
    rb"(?:identified\s+(?:with\s+\S+\s+)?(?:by|as)|password(?:\s+for\s+\S+\s*=)?)\s*"
    rb"(?:password\s*|hash\s*)?(?:values\s*)?[nN]?(?P<q>['\"`])(?P<v>(?:[^'\"`\n\\]|\\.){4,256})(?P=q)",
    re.I,
)
_NAME_VALUE = re.compile(
    rb"(?P<lead>\#\s*define|\bENV|\bARG|\bsetx?|\bSetEnv|\bfastcgi_param|\bproxy_set_header)\s+(?:-\w+\s+)?"
    rb"(?P<name>[\w-]+)[ \t]+(?:/\w+[ \t]+)?(?:L|u8|\(\s*)?" + _VALUE,
    re.I,
)
_NETRC = re.compile(
    rb"(?:^|\s|\blogin\s+\S+\s+)"
    rb"(?P<lead>password|passwd|requirepass|masterauth|community|secret(?:\s+\d)?|password\s+\d)[ \t]+(?:\d[ \t]+)?"
    + _VALUE
    + rb"(?:[ \t]*(?:$|\n|\r)|[ \t]+(?:account|macdef|machine)\b)",
    re.M,
)
_CHPASSWD = re.compile(rb"echo[ \t]+[\"']?[\w.-]+:(?P<p>[^\s\"'|]{4,128})[\"']?\s*\|\s*(?:sudo\s+)?chpasswd")


def commands(raw: bytes) -> Iterator[Assigned]:
    """Every password or key that stands on a command line, in an SQL statement or after a name and a blank."""
    for match in PLACES.finditer(raw):
        low, high = match.span()
        word = raw[low : low + 14].lower()
        if word.startswith(b"pat"):
            yield Assigned(low, high, AIRTABLE)
        elif word.startswith((b"identified", b"password")):
            yield from _statement(raw, low)
        elif word.startswith((b"#", b"env", b"arg", b"set", b"fastcgi", b"proxy_set")):
            yield from _named(raw, low)
        elif word.startswith((b"requirepass", b"masterauth", b"enable", b"community", b"pass:")):
            yield from _after_word(raw, low)
        else:
            yield from _command(raw, low, _command_end(raw, high))


def _command_end(raw: bytes, at: int) -> int:
    """The end of a command that goes on over lines ended by a backslash, or of the option at hand."""
    for _ in range(12):
        end = raw.find(b"\n", at)
        if end < 0:
            return len(raw)
        if not raw[at:end].rstrip(b"\r").endswith((b"\\", b"`", b"^")):
            return end
        at = end + 1
    return at


def _command(raw: bytes, low: int, high: int) -> Iterator[Assigned]:
    high = min(high, low + 4_000)
    head = raw[low : low + 12].lower()
    alone = head[:1] == b"-"
    # An option by itself is read where it stands: a line of thousands of them is read once.
    options = (
        [_OPTION.match(raw, max(0, low - 1)) or _OPTION.match(raw, low)] if alone else _OPTION.finditer(raw, low, high)
    )
    for match in options:
        family = family_of(match["name"]) if match else None
        if match is not None and family is not None:
            yield from _judged(raw, match, key=family != "password")
    if alone:
        return
    for match in _USER_OPTION.finditer(raw, low, high):
        value = match["v"]
        if not is_reference(value) and not is_sequence(value) and (is_password(value, quoted=True) or is_random(value)):
            yield Assigned(*match.span("v"), RULE)
    patterns = [_PASS_COLON]
    if head.startswith((b"mysql", b"mariadb", b"sshpass")):
        patterns.append(_TIGHT)
    if not head.startswith((b"mysql", b"mariadb", b"curl", b"wget", b"http")):
        patterns.append(_LOOSE)
    if head.startswith(b"smbclient"):
        patterns.append(_PERCENT_USER)
    if head.startswith((b"rabbitmqctl", b"htpasswd", b"net")):
        patterns.append(_TAIL)
    if head.startswith(b"sqlplus"):
        patterns.append(_SLASH_USER)
    for pattern in patterns:
        for match in pattern.finditer(raw, low, high):
            yield from _judged(raw, match)
    line = raw.rfind(b"\n", max(0, low - 400), low) + 1
    for match in _CHPASSWD.finditer(raw, line, high):
        yield from _judged(raw, match)


def _judged(raw: bytes, match: re.Match[bytes], *, key: bool = False) -> Iterator[Assigned]:
    groups = match.groupdict()
    group = next((name for name in ("d", "s", "p") if groups.get(name)), None)
    if group is None:
        return
    low, high = match.span(group)
    value = raw[low:high].rstrip(b";,)") if group == "p" else raw[low:high]
    high = low + len(value)
    is_secret = is_password(value, quoted=True) or (len(value) >= 12 and is_key(value, quoted=True))
    if is_secret or (key and basic_credentials(value)):
        yield Assigned(low, high, RULE)


def _statement(raw: bytes, low: int) -> Iterator[Assigned]:
    match = _SQL.match(raw, low)
    if match is not None:
        if is_password(match["v"], quoted=True) or is_key(match["v"], quoted=True):
            yield Assigned(*match.span("v"), SQL)
        return
    yield from _after_word(raw, low)


def _after_word(raw: bytes, low: int) -> Iterator[Assigned]:
    match = _NETRC.match(raw, max(0, low - 1)) or _PASS_COLON.match(raw, low)
    if match is not None:
        yield from _judged(raw, match)


def _named(raw: bytes, low: int) -> Iterator[Assigned]:
    match = _NAME_VALUE.match(raw, low)
    if match is not None and family_of(match["name"]) is not None:
        yield from _judged(raw, match, key=True)
