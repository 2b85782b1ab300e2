"""Every weight of the ranking, in one place.

What lives here: numbers and what each does. What does not: the signals they weigh (`ranking.py`). Fit them on
development queries of several kinds together; a signal that does not pay is removed, not set to zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Weights:
    """Lane scores are in [0, 1] before they are weighed; signals are shares in [0, 1] too."""

    # Points each lane hands to the fusion.
    lane_depth: int = 100
    # The semantic lane's share of the fused score, by the query's form; the lexical lane has the rest. Which lane is
    # better follows the query: vectors win on questions about behaviour, words on identifiers and short queries.
    semantic_symbol: float = 0.20
    semantic_path: float = 0.20
    semantic_short: float = 0.35  # one or two content words
    semantic_medium: float = 0.50  # three or four
    semantic_long: float = 0.35
    semantic_mixed: float = 0.50  # words and identifiers

    # Added to the fused score.
    definition: float = 1.00  # a definition of exactly the name asked for starts in the chunk
    definition_mixed: float = 0.40  # the same where the name stands in a sentence, which may ask for its users
    definition_qualified: float = 0.30  # and its qualifier is the one asked for
    definition_case: float = 0.10  # and it is written the same
    definition_guess: float = 0.35  # the query's words joined are a defined name: "parse config" → parse_config
    name_words: float = 0.50  # share (by IDF) of the query's terms in the names defined in the chunk
    # share (by IDF) of the query's terms in the path: a long question asks for a place, a few words for a function
    path_words: float = 0.30
    path_words_short: float = 0.15
    path_words_long: float = 0.60
    adjacent_short: float = 0.20  # share of the query's neighbouring words that are neighbours in the text
    file_name: float = 0.30  # the file's name is the query, or a name asked for
    path_asked: float = 1.00  # the path ends with the path asked for
    file: float = 0.30  # what the other chunks of the file score: a file about the matter
    file_short: float = 0.15
    breadth_long: float = 0.10  # times the logarithm of how many chunks of the file were found
    coherence_decay: float = 0.8  # each further chunk of a file counts this much of the one before

    # Multiplied, unless the query asks for that kind of file.
    roles: dict[str, float] = field(
        default_factory=lambda: {
            "test": 0.60,
            "vendored": 0.50,
            "generated": 0.50,
            "example": 0.90,
            "stub": 0.60,
            "docs": 0.85,
            "config": 0.85,
            "data": 0.70,
        }
    )
    # Multiplied for each better hit of the same file: one file does not crowd the page.
    crowding: float = 0.30


DEFAULT = Weights()

# Words in a query that ask for a kind of file.
_ROLE_WORDS = {
    "test": "test tests testing tested unittest spec specs fixture fixtures mock mocks assert",
    "example": "example examples sample samples demo demos tutorial",
    "docs": "doc docs documentation readme guide changelog",
    "config": "config configuration settings yaml toml dockerfile makefile workflow ci",
    "generated": "generated",
    "vendored": "vendored vendor thirdparty",
    "stub": "stub stubs pyi",
    "data": "data dataset",
}
ROLE_WORDS: dict[str, frozenset[str]] = {role: frozenset(words.split()) for role, words in _ROLE_WORDS.items()}
