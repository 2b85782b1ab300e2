"""Answers in two forms, text and structured content, and fitting them into a token budget.

What lives here: the budget, rows that are taken or left whole, words that all answers share. What does not: single
answers (`answers.py`), counting (`serve/http/tokens.py`).

Clients show a model the text or the structured content, some of them both; so each says everything, and the budget
holds for the two together.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unicodedata import category

from pydantic import BaseModel

from ...search.answers import RepositoryState, RepositoryStatus
from ...search.freshness import ago
from ..http.tokens import count_tokens, json_tokens
from .models import REPOSITORY, Searched

DEFAULT_TOKENS = 5_000
MIN_TOKENS = 1_000
MAX_TOKENS = 24_000
LINE_CHARS = 300
_REPLACED = "\N{REPLACEMENT CHARACTER}"
WHY_CHARS = 200


@dataclass(frozen=True)
class Reply:
    """An answer in both forms."""

    text: str
    data: BaseModel

    @property
    def structured(self) -> dict[str, Any]:
        """The answer as structured content, without fields that say nothing."""
        return self.data.model_dump(mode="json", exclude_none=True)

    @property
    def tokens(self) -> int:
        """Tokens of both forms together."""
        return count_tokens(self.text) + json_tokens(self.structured)


@dataclass(frozen=True)
class Row:
    """One item of a list, in both forms."""

    text: str
    data: BaseModel

    @property
    def tokens(self) -> int:
        """Tokens of both forms, and of what joins it to the next item."""
        return count_tokens(self.text) + json_tokens(self.data.model_dump(mode="json", exclude_none=True)) + 4


def fit(versions: Sequence[Sequence[Row]], build: Callable[[Sequence[Row]], Reply], max_tokens: int) -> Reply:
    """The answer with as many rows, from the first, as the budget allows.

    `versions` are the same rows in ever shorter forms: a shorter one is taken only if not even the first row fits.
    """
    reply = build(())
    fixed = reply.tokens
    for rows in versions:
        count, left = 0, max_tokens - fixed
        while count < len(rows) and left >= rows[count].tokens:
            left -= rows[count].tokens
            count += 1
        # What is said of the rows as a whole (their repositories) is in none of them.
        while count and (reply := build(rows[:count])).tokens > max_tokens:
            count -= 1
        if count:
            return reply
    return build(())


# -- pieces ----------------------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Text without control and direction characters but tabs and line ends: an agent's terminal may show it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" or category(c) == "Zs" else _REPLACED for c in text)


def short(text: str, limit: int) -> str:
    """The text, cut to `limit` characters with an ellipsis at the end."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def iso(seconds: float | None) -> str | None:
    """A Unix time as ISO 8601 in UTC; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def role_of(role: str | None) -> str | None:
    """The role to show; None for source code, the role that needs no mention."""
    return None if role in (None, "source") else role


def files_of(coverage: dict[str, Any]) -> tuple[int | None, int | None]:
    """How many files are indexed and how many are left out; None where a coverage does not have the number."""
    skipped = coverage.get("skipped")
    left_out = sum(skipped.values()) if isinstance(skipped, dict) else skipped
    return coverage.get("kept"), left_out


def languages_of(coverage: dict[str, Any], most: int = 5) -> list[str] | None:
    """The most frequent languages of the chunks, the first one most; None without any."""
    counts = Counter(coverage.get("chunk_languages") or {})
    return [name for name, _ in counts.most_common(most)] or None


def repository_at(state: RepositoryState) -> BaseModel:
    """What was searched of one repository, as agents get it."""
    indexed, left_out = files_of(state.coverage)
    return REPOSITORY.model(
        repository=state.repository,
        ref=state.ref,
        commit=state.commit,
        label=state.label if not state.commit.startswith(state.label) else None,
        state=state.state,
        indexed_at=iso(state.indexed_at),
        # Of a current one it is at least as late as that of the index: it says nothing more.
        head_seen_at=iso(state.head_seen_at) if state.state != "current" else None,
        files_indexed=indexed,
        files_left_out=left_out or None,
    )


def at_line(at: RepositoryState | RepositoryStatus, now: float, why: str | None = None) -> str:
    """`owner/name@ref 0123456789ab current, indexed 2 h ago, 120 files (3 left out)`."""
    parts = [f"{at.repository}@{at.ref}" if at.ref else at.repository]
    if at.commit:
        parts.append(at.commit[:12] + ("+dirty" if at.label and at.label.endswith("+dirty") else ""))
    parts.append(at.state + (f" ({why})" if why else ""))
    line = " ".join(parts)
    if at.indexed_at is not None:
        line += f", indexed {ago(now - at.indexed_at)}"
    indexed, left_out = files_of(at.coverage)
    if indexed is not None:
        line += f", {indexed} files" + (f" ({left_out} left out)" if left_out else "")
    return line


@dataclass(frozen=True)
class Around:
    """The repositories an answer speaks of."""

    states: dict[str, RepositoryState]
    now: float

    @classmethod
    def of(cls, states: Iterable[RepositoryState]) -> Around:
        """The repositories of these states, as of now."""
        return cls({state.key: state for state in states}, time.time())

    def ref_of(self, repository: str, ref: str) -> str | None:
        """The ref, where the repository alone does not tell which one is meant."""
        return ref if sum(state.repository == repository for state in self.states.values()) > 1 else None

    def name_of(self, repository: str, ref: str) -> str:
        """The repository's name, with the ref where the name alone would be ambiguous."""
        return f"{repository}@{ref}" if self.ref_of(repository, ref) else repository

    def searched(self) -> Searched:
        """How many repositories were searched, by state."""
        counts = Counter(state.state for state in self.states.values())
        return Searched(
            repositories=len(self.states), current=counts["current"], behind=counts["behind"], unknown=counts["unknown"]
        )

    def heading(self) -> str:
        """The same in words: `3 repositories (1 behind)`."""
        searched = self.searched()
        states = [f"{count} {name}" for name in ("behind", "unknown") if (count := getattr(searched, name))]
        several = "repository" if searched.repositories == 1 else "repositories"
        return f"{searched.repositories} {several}" + (f" ({', '.join(states)})" if states else "")

    def models(self, keys: Iterable[str]) -> list[BaseModel]:
        """The repositories of these keys, each once, as structured content."""
        return [repository_at(self.states[key]) for key in dict.fromkeys(keys)]

    def lines(self, keys: Iterable[str]) -> list[str]:
        """The repositories of these keys, each once, as lines of text."""
        states = [self.states[key] for key in dict.fromkeys(keys)]
        return [at_line(state, self.now) for state in states]


def rest(shown: int, available: int, total: int, offset: int, max_tokens: int, what: str, narrow: str) -> str | None:
    """What was cut for the budget; None if nothing was."""
    if shown >= available:
        return None
    if shown == 0:
        return f"not one of {total} {what} fits into max_tokens={max_tokens}: raise it (at most {MAX_TOKENS})"
    return (
        f"{what} {offset + 1} to {offset + shown} of {total} shown, cut at max_tokens={max_tokens}: "
        f"go on with next_cursor, raise max_tokens (at most {MAX_TOKENS}), or narrow with {narrow}"
    )


def assemble(*blocks: str | None) -> str:
    """The blocks that are not empty, a blank line between two."""
    return "\n\n".join(block for block in blocks if block)
