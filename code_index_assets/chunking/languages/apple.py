"""Swift and Objective-C."""

from __future__ import annotations

import re

from ..facts import LanguageFacts, visibility_by_words, words
from ..macros import blank_macros

# NS_ENUM(NSInteger, Kind) { … } names an enum in a macro.
ENUM = re.compile(
    rb"\b(?:typedef[ \t]+)?(?:NS|CF)_(?:CLOSED_|ERROR_)?(?:ENUM|OPTIONS)[ \t]*\([^(){},]+,[ \t]*(?=\w+[ \t]*\))"
)
NULLABILITY = re.compile(
    rb"^[ \t]*NS_ASSUME_NONNULL_(?:BEGIN|END)\b"
    rb"|\b(?:NS_SWIFT_NAME|API_AVAILABLE|NS_AVAILABLE)\([^()]*(?:\([^()]*\))?[^()]*\)",
    re.M,
)


def blank_objc(raw: bytes) -> bytes:
    """The text with macros that the grammar cannot know as blanks, and enums made by a macro as plain ones."""
    text = bytearray(blank_macros(raw))
    for match in NULLABILITY.finditer(raw):
        text[match.start() : match.end()] = b" " * (match.end() - match.start())
    for match in ENUM.finditer(raw):
        close = raw.find(b")", match.end())
        text[match.start() : match.end()] = b"enum".ljust(match.end() - match.start())
        text[close : close + 1] = b" "
    return bytes(text)


LANGUAGES = {
    "swift": LanguageFacts(
        constructors=frozenset({"init"}),
        member_scopes=frozenset({"class", "struct", "enum", "interface", "impl"}),
        visibility=visibility_by_words("internal"),
        keywords=words("self Self super init deinit Int String Bool Double Float Void Any nil true false"),
        name_ends="<",
    ),
    "objc": LanguageFacts(
        blank=blank_objc,
        misread=lambda raw: b"NS_ENUM" in raw or b"NS_OPTIONS" in raw,
        keywords=words("self super nil YES NO id void int BOOL NSInteger NSUInteger instancetype"),
    ),
}
