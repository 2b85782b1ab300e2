"""Whether a value written down is a secret, or only looks like one.

What lives here: random or made of words, placeholder, reference to a secret kept elsewhere, piece of code. What does
not: finding values (`assignments.py`, `scan.py`) and what names say (`names.py`).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Sequence

from .letters import are_improbable

# Pieces that people write and read: a word, a run of capitals, digits, a sign that is no separator.
_PIECE = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^A-Za-z0-9\s_./:,+=-]+")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_HEX = re.compile(rb"(?:0x)?[0-9a-fA-F]+\Z")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_=.~-]+\Z")
_CONSONANTS = re.compile(rb"[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{5,}")
# What can be said: no more than three consonants or two vowels in a row.
_SAID = re.compile(rb"(?i)(?:[bcdfghjklmnpqrstvwxz]{0,3}[aeiouy]{1,2})+[bcdfghjklmnpqrstvwxz]{0,3}")
_DIGIT_LETTER = re.compile(rb"\d(?=[A-Za-z])")
_SEQUENCE = re.compile(
    rb"(.)\1{4}|0123|1234|2345|3456|4567|5678|6789|9876|8765|4321|abcde|bcdef|abc1|abc-1|a1b2|qwert|asdf|zxcv|deadbeef"
    rb"|cafebabe|facefeed|d34db33f|p@ss|pa\$\$|passw0|s3cr3t|s3cret|foob|barb|letmein|hunter2|t0p-?s|\bfoo\b|\bbar\b"
    rb"|abc\\\\x|abc[.]def",
    re.IGNORECASE,
)
# In a value of so many characters four in a row turn up by chance.
_LONG = 20
# The whole value, or an unmistakable part of it, stands for a value kept elsewhere.
_REFERENCE = re.compile(
    rb"""\$\{[^}]*\}?|\{\{|\#\{|\$\(|\$\[|%\(\w+\)|%\{|<%|\\\(\w|\.\.\.|\xe2\x80\xa6|://|&&|\|\|
    |\A(?:\$+\{?[A-Za-z_][\w.]*\}?|<[^<>]*>?|</?\w[^>]*|%[A-Za-z_]\w*%|@[A-Za-z_.]+@
        |\[[\w .-]*\]|\{[\w.:\[\]-]*\}|\([\w ,.*-]*\))\Z
    |\A\$[A-Za-z_]+(?:[./:_-]+\$?[A-Za-z_]*)+\Z
    |\A(?:ENC|vault|env|secret|ssm|arn|op|sm|projects|file|data|mailto|urn|sha256|sha512|md5|re|ref|kms|aws|gcp|azure
        |keyring)[:\[(/]
    |\A[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}\Z
    |\{[A-Za-z_][\w.]*(?:![rs])?(?::[^}]{0,8})?\}|%(?:\d+\$)?[sdvrxqi]\b|%[sd]\Z|\{\d*\}
    |\A(?:[A-Za-z]:)?[~.]?[\\/](?:[\w.-]+[\\/])*[a-z._-]+\Z
    |</?\w+>|\A/?\?\w+=|\A(?:\\x[0-9a-f]{2})+\Z|\\u[0-9a-f]{4}
    |sha\d+with|private_?key|public_?key|oauth\d|hmac|with(?:rsa|ecdsa)|\AAWS4-|\A%%|\A(?:%[0-9a-f]{2})+\Z
    |\A[\w:]+\\[a-z]\w*\Z|\A\d{4}-\d\d-\d\d|\[-?\d*\]\.|(?-i:%[YmdHM][-:T/]%)
    |\A(?-i:[a-z]+)(?:\.(?-i:[a-z][a-z0-9]{0,3}|[a-z]+[A-Z]?[a-z]*))+\Z
    |\A[\w-]+(?:\.[a-zA-Z][\w-]*)*\.(?:com|org|io|net|py|go|js|ts|tsx|jsx|json|ya?ml|pem|txt|key|crt|html?|xml|php|java
        |rb|rs|md|conf|cfg|ini|proto|test|local|svc|vue|css|jks|p12|pfx|toml)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_CODE = re.compile(
    rb"""[A-Za-z_]\w*(?:\[\w*\]|\.\w+)*[(\[](?:["'\w)\]$&*-]|\Z)|::|->|=>|==|!=|<=|>=|\+=|;.*[;=(]|\A[!*&-]*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[;,)]*\Z
    |\A(?:self|this|null|None|nil|true|false|undefined|new|lambda|function|func|return|await|async|not|int|str|string|bool|bytes|byte|char|void)\b
    |\)\s*[{:;,]?\Z|\{\s*\Z""",
    re.VERBOSE,
)
_PATTERN = re.compile(rb"\(\?[:=!P<i]|\\\\?[dwsSDWbBAZ]|\[\^|\[[A-Za-z0]-[A-Za-z9]|\]\{\d|\A\^.*\$\Z|\.\*|\.\+\?|\\p\{")

# Signs that stand together in code (minified scripts between two strings); two of these pairs, and it is code.
_SCRIPT = re.compile(rb"\(\{|\}\)|\)\(|\+\(|\)\+|!=|\(\)|\]\)|\),|\},|\)\?|\?\w+:|\);|\)\.")


_KIND = bytes(
    0 if 48 <= c <= 57 else 1 if 65 <= c <= 90 else 2 if 97 <= c <= 122 else 3  # digit, upper case, lower case, other
    for c in range(256)
)


def shannon(value: bytes) -> float:
    """Shannon entropy of a value in bits per byte."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values()) if value else 0.0


def kinds(value: bytes) -> int:
    """How many of digits, upper case, lower case and other characters a value has."""
    return len(set(value.translate(_KIND)))


def is_reference(value: bytes) -> bool:
    """Whether a value names where a secret is kept, or is a format, a path, an address."""
    return _REFERENCE.search(value) is not None


def is_sequence(value: bytes) -> bool:
    """Whether a value runs along the alphabet, the digits or the keyboard, as made-up ones do."""
    if _SEQUENCE.search(value) is None:
        return False
    if len(value) < _LONG:
        return True
    rest = _SEQUENCE.sub(b"", value)
    low = value.lower()
    near = sum(min(abs(low[i] - low[i - 1]), abs(low[i] - low[i - 2])) <= 1 for i in range(2, len(low)))
    return len(rest) < _LONG // 2 or near > 0.6 * len(low) or not is_random(rest)


class MadeUp:
    """Whether a value says that it is made up: `marks` say so anywhere, `words` where nothing random is beside them."""

    def __init__(self, marks: Sequence[str], words: Sequence[str]) -> None:
        self._marks = re.compile("|".join(marks).encode(), re.IGNORECASE)
        self._words = re.compile("|".join(words).encode(), re.IGNORECASE)

    def __call__(self, value: bytes) -> bool:
        """Whether a value is a placeholder, an example or a reference."""
        if self._marks.search(value):
            return True
        rest = self._words.sub(b"", value)
        return len(rest) < len(value) and not (len(rest) >= 8 and is_random(rest) and not is_sequence(rest))


def is_random(value: bytes) -> bool:
    """Whether a value cannot be read as words: many short pieces of letters, digits and signs, or no vowels."""
    pieces = list(_PIECE.finditer(value))
    size = sum(len(match[0]) for match in pieces)
    if size < 6:
        return False
    if size >= 12 and len(set(value)) >= 7 and len(pieces) <= 3:
        runs = [len(match[0]) for match in _CONSONANTS.finditer(value)]
        if len(runs) >= 2 or any(run >= 6 for run in runs):
            return True
    if size >= 8 and kinds(value) >= 2 and are_improbable(value):
        return True
    if len(pieces) < 4 or kinds(value) < 2:
        return False
    average = size / len(pieces)
    if average < 3.0 and _hard_joints(pieces) >= 2:
        return True
    pronounceable = sum(len(match[0]) for match in pieces if 4 <= len(match[0]) <= 12 and _SAID.fullmatch(match[0]))
    if size >= 12 and kinds(value) >= 3 and len(pieces) >= 5 and average < 3.6 and pronounceable <= size * 0.3:
        return True
    if (
        size >= 10
        and kinds(value) >= 3
        and _DIGIT_LETTER.search(value)
        and pronounceable <= size * 0.35
        and shannon(value) >= 3.0
    ):
        return True
    mixed = len(_DIGIT_LETTER.findall(value)) >= 2 and pronounceable <= size * 0.4
    return size >= 16 and average < 4.5 and mixed and shannon(value) >= 3.0


def _hard_joints(pieces: list[re.Match[bytes]]) -> int:
    """How often one piece touches the next and no camel case explains it."""
    joints = 0
    for one, other in zip(pieces, pieces[1:], strict=False):  # noqa: RUF007 - two names
        camel = one[0][-1:].isalpha() and other[0][:1].isupper() and len(other[0]) >= 3 and len(one[0]) >= 2
        joints += one.end() == other.start() and not camel
    return joints


def is_password(value: bytes, *, quoted: bool) -> bool:
    """Whether the value of a name such as `password` is one: random, and neither placeholder, reference nor code."""
    if not (8 if not quoted or kinds(value) < 3 else 7) <= len(value) <= 256 or re.search(rb"\s", value):
        return False
    if is_reference(value) or is_sequence(value) or _PATTERN.search(value) or _UUID.match(value):
        return False
    if (not quoted or value.count(b"(") + value.count(b"[") >= 1) and _CODE.search(value) and not _dense(value):
        return False
    if _says_made_up(value):
        return False
    if len({match[0] for match in _SCRIPT.finditer(value)}) >= 2:
        return False
    if value.isdigit() or re.fullmatch(rb"[\d.:/TZ,+ -]+", value) or re.fullmatch(rb"[^A-Za-z0-9]+", value):
        return False
    return is_random(value) and len(set(value)) >= 6


def is_key(value: bytes, *, quoted: bool) -> bool:
    """Whether the value of a name such as `api_key` is a key: long and random, of a key's characters or dense."""
    if not (12 if quoted else 16) <= len(value) <= 4096 or re.search(rb"\s", value):
        return False
    if is_reference(value) or is_sequence(value) or _PATTERN.search(value):
        return False
    if _UUID.match(value) or _says_made_up(value):
        return False
    if _HEX.match(value):
        return len(value) >= 16 and shannon(value) >= 3.0 and not value.isdigit()
    if not _BASE64.match(value):
        return _dense(value) and kinds(value) >= 3 and is_random(value)
    digits = sum(48 <= c <= 57 for c in value)
    return is_random(value) and (digits >= 1 or len(value) >= 20) and shannon(value) >= 3.0


def is_uuid_key(value: bytes) -> bool:
    """Whether a value is a random UUID, which some providers give out as keys."""
    return _UUID.match(value) is not None and not is_sequence(value) and len(set(value)) >= 9


def _says_made_up(value: bytes) -> bool:
    """Whether a value is base64 of text that says it is made up (`username:password`)."""
    plain = _plain_of(value)
    if plain is None or sum(32 <= c < 127 for c in plain) < 0.8 * len(plain):
        return False
    return re.search(rb"(?i)test|user(?:name)?:|example|secret|passw|sesame|foo|dummy|hello", plain) is not None


def _plain_of(value: bytes) -> bytes | None:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def basic_credentials(value: bytes) -> bool:
    """Whether a value is base64 of `user:password`, as in a Basic authorization header."""
    return _credentials_of(value) is not None


def _credentials_of(value: bytes) -> bytes | None:
    plain = _plain_of(value)
    if plain is None:
        return None
    _, colon, password = plain.partition(b":")
    if not colon or len(password) < 4 or not all(32 <= c < 127 for c in plain):
        return None
    made_up = re.fullmatch(
        rb"(?i)open ?sesame|pass(?:word|wd|phrase)?\d{0,4}|secret|test\w*|foo\w*|bar\w*|user\w*|admin|example", password
    )
    return None if made_up or is_reference(plain) else plain


def _dense(value: bytes) -> bool:
    """Whether signs and digits stand so thick that no piece reads as a word of code."""
    pieces = _PIECE.findall(value)
    return bool(pieces) and max(map(len, pieces)) <= 5 and sum(map(len, pieces)) / len(pieces) < 2.2
