"""Words and their terms: how text is cut into words, and what each word can be found by.

What lives here: word boundaries, the parts of identifiers, stems. What does not: weights and statistics (`lexical.py`).

Documents and queries are analysed alike, with one exception: in a run of characters that are written without spaces
(Chinese, Japanese, Thai, …) a document gives single characters besides pairs, and a query gives them only where it asks
for a single one. 税 is found, and 税率 does not bring everything that has 税.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

ANALYSER_VERSION = "2"

_STOP_WORDS = """a an and are as at be been but by can could did do does for from had has have how i if in into is it
its me my no not of on or our should so some such than that the their them then there these they this those to was
we were what when where which while who why will with would you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

# A word is split as far as this; longer ones are data, and are kept whole besides.
MAX_SPLIT_CHARS = 256
# Scripts that are written without spaces between words: kana, Han, Hangul, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
# Arrows, technical signs, dingbats, emoji: each is a word. Box drawings are decoration, and are none.
_SIGNS = r"\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_SIGN = re.compile(f"[{_SIGNS}]")
_ASCII_WORDS = re.compile(r"[A-Za-z0-9_]+")
# The parts of an identifier over the classes of its characters (`_classes`): an acronym before a capitalised word, a
# capitalised or lower-case run, capitals, digits, unspaced scripts, letters without case.
_PARTS = re.compile(r"A+(?!a)|A?a+|0+|w+|x+")
_ASCII_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_UNSPACED_CHAR = re.compile(f"[{_UNSPACED}]")
_ACCENTS = re.compile("[\u0300-\u036f]+")

_local = threading.local()


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    """Words of text beyond ASCII. Marks belong to their letter: decomposed é and Indic vowels do not end a word."""
    marks = "".join(chr(c) for c in range(0x300, 0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc"))
    return re.compile(rf"[\w{marks}]+|[{_SIGNS}]")


def find_words(text: str) -> list[str]:
    """The words of a text, in order; signs such as 🚀 and → are words of their own."""
    return (_ASCII_WORDS if text.isascii() else _word_pattern()).findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text begin and end, as indexes of characters."""
    return [found.span() for found in (_ASCII_WORDS if text.isascii() else _word_pattern()).finditer(text)]


def _stem(word: str) -> str:
    """The English stem of a word of letters a–z, the word itself for anything else."""
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return word
    return _cached_stem(word)


@lru_cache(maxsize=100_000)
def _cached_stem(word: str) -> str:
    # A stemmer holds the word it works on: one that threads share gave "runlock" for "errors", and the cache kept it.
    stemmer = getattr(_local, "stemmer", None)
    if stemmer is None:
        import Stemmer

        stemmer = _local.stemmer = Stemmer.Stemmer("english", 0)
    return str(stemmer.stemWord(word))


def _classes(word: str) -> str:
    """One letter a character: A upper case, a lower case, 0 digit, w unspaced script, x other letter, _ other."""
    classes: list[str] = []
    for char in word:
        category = unicodedata.category(char)
        if category in ("Lu", "Lt"):
            found = "A"
        elif category == "Ll":
            found = "a"
        elif category[0] == "N":
            found = "0"
        elif category[0] == "M":
            found = classes[-1] if classes else "x"
        elif _UNSPACED_CHAR.match(char):
            found = "w"
        else:
            found = "x" if category[0] == "L" else "_"
        classes.append(found)
    return "".join(classes)


def split_identifier(word: str) -> list[str]:
    """The parts of an identifier in lower case, in any script: camel case, snake case, acronyms, digits."""
    if word.isascii():
        return [part.lower() for part in _ASCII_PARTS.findall(word)]
    return [word[found.start() : found.end()].casefold() for found in _PARTS.finditer(_classes(word))]


def fold_accents(word: str) -> str:
    """Accents off (é → e, composed or not), so that a name is found however it was typed; NFC."""
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", word)))


@lru_cache(maxsize=50_000)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of one word of a document: its parts, stemmed, and itself whole if it has several parts."""
    return analyse(word)


def analyse(word: str, *, query: bool = False) -> tuple[str, ...]:
    """The terms of one word, without a cache; with `query`, of a word that is asked for."""
    if not word.isascii():
        if _SIGN.fullmatch(word):
            return (word,)
        word = fold_accents(word)
    parts = split_identifier(word[:MAX_SPLIT_CHARS])
    terms = [_stem(part) for part in parts if part not in STOP_WORDS and (len(part) > 1 or not part.isascii())]
    for part in parts:
        if len(part) > 1 and _UNSPACED_CHAR.match(part):
            terms.extend(part[i : i + 2] for i in range(len(part) - 1) if len(part) > 2)
            if not query:
                terms.extend(dict.fromkeys(part))
    whole = word.strip("_").casefold()
    if len(parts) > 1 or len(word) > MAX_SPLIT_CHARS or (len(whole) == 1 and whole.isalpha()):
        terms.append("=" + whole)
    return tuple(terms)


def document_terms(text: str) -> list[str]:
    """All terms of a text of a document, in order, with repeats."""
    return [term for word in find_words(text) for term in word_terms(word)]


def query_terms(text: str) -> list[str]:
    """All terms of a text that is asked for, in order, with repeats."""
    return [term for word in find_words(text) for term in analyse(word, query=True)]


class QueryTerms:
    """A query's terms, to be looked for in words without stemming every word: two thirds of ranking's time was that."""

    def __init__(self, text: str) -> None:
        self.terms = frozenset(query_terms(text))
        # A stem begins with the two letters its word begins with, but for dying, lying, tying (die, lie, tie).
        starts = {term[:2] for term in self.terms}
        starts |= {f"{term[0]}y" for term in self.terms if len(term) == 3 and term.endswith("ie")}
        self._starts = tuple(starts)
        self._seen: dict[str, frozenset[str]] = {}

    def of_word(self, word: str) -> frozenset[str]:
        """Those of the terms that are among `word_terms(word)`."""
        found = self._seen.get(word)
        if found is None:
            found = self._seen[word] = self._find(word)
        return found

    def of_text(self, text: str) -> set[str]:
        """Those of the terms that are among `document_terms(text)`."""
        return {term for word in find_words(text) for term in self.of_word(word)}

    def _find(self, word: str) -> frozenset[str]:
        if not word.isascii():
            return self.terms.intersection(word_terms(word))
        parts = split_identifier(word[:MAX_SPLIT_CHARS])
        near = [part for part in parts if part.startswith(self._starts) and part not in STOP_WORDS and len(part) > 1]
        found = {term for part in near if (term := _stem(part)) in self.terms}
        whole = word.strip("_").lower()
        if len(parts) > 1 or len(word) > MAX_SPLIT_CHARS or (len(whole) == 1 and whole.isalpha()):
            found |= {f"={whole}"} & self.terms
        return frozenset(found)
