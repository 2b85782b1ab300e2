"""The failure taxonomy: every error a user can cause, with its remedy and whether trying again can help.

What lives here: the exception classes shared by all rooms. What does not: how a front end shows them (`cli/`,
`assets/`, `serve/`) and anything that catches them.
"""

from __future__ import annotations


class CodeIndexError(Exception):
    """An error with a message for people: what is wrong and where (`message`), and what to do (`remedy`).

    `retryable` says whether the same call may succeed later without anybody changing anything.
    """

    retryable = False

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class ConfigurationError(CodeIndexError):
    """A setting or a registry entry that cannot be used as written."""


class SourceError(CodeIndexError):
    """A repository or folder that cannot be read as asked: not there, refused, empty, no such ref."""


class SourceUnavailableError(SourceError):
    """The same, for reasons that may pass: network, time-out, a host that answers 5xx."""

    retryable = True


class SourceChangedError(SourceError):
    """Files of a folder or a dirty checkout changed between being listed and being read."""

    retryable = True


class LockedError(CodeIndexError):
    """Another process holds the lock and did not let go in time."""

    retryable = True


class CorruptArtifactError(CodeIndexError):
    """Stored bytes do not match the digest their manifest recorded."""


class DamagedIndexError(CorruptArtifactError):
    """The published index (a shard, a table, a manifest) is damaged: it is made anew from artifacts."""


class NotBuiltError(CodeIndexError):
    """An artifact that this step needs has not been made yet."""


class NewerDataError(CodeIndexError):
    """The data folder was written by a newer version of this program."""


class EmbeddingError(CodeIndexError):
    """A model or provider could not make the vectors asked for."""


class ProviderUnavailableError(EmbeddingError):
    """An embedding provider did not answer for as long as patience lasts: time-outs, 429, 5xx, dropped connections."""

    retryable = True


class BudgetError(EmbeddingError):
    """The next request to a provider would cost more than the run may spend; it was not sent."""


class SpaceMismatchError(EmbeddingError):
    """Vectors of one embedding space were asked of an index of another."""


class GateRefusedError(CodeIndexError):
    """The publisher refused: no verdict, a failed one, or one that speaks of other bytes."""


class StalePublicationError(GateRefusedError):
    """The commit to publish was observed earlier than the one already published."""


class QueryError(CodeIndexError):
    """A search, symbol or SQL request that cannot be understood or answered."""


class LanesFailedError(QueryError):
    """No lane of a search could answer: nothing is known of whether there is a match."""

    retryable = True


class NotIndexedError(QueryError):
    """The repository or ref asked for is not in the published index. `wanted` is what was asked for, "" for anything.

    `state` says why: "not_indexed" (it is not registered, or no run has published it yet), "indexing"
    (`StillIndexingError`), "failed" (its last run failed), "left_out" (`FileNotIndexedError`).
    """

    state = "not_indexed"

    def __init__(self, message: str, *, remedy: str = "", wanted: str = "", state: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.wanted = wanted
        self.state = state or self.state


class StillIndexingError(NotIndexedError):
    """The same, while a run that may publish it is at work or waits."""

    retryable = True
    state = "indexing"


class FileNotIndexedError(NotIndexedError):
    """A file that is not kept in the index. `reason` is the word for why, "unknown" if the commit has no such file."""

    state = "left_out"

    def __init__(self, message: str, *, remedy: str = "", wanted: str = "", reason: str = "unknown") -> None:
        super().__init__(message, remedy=remedy, wanted=wanted)
        self.reason = reason


class BusyError(CodeIndexError):
    """A server has more to answer than it can in time."""

    retryable = True


class RunWorkerError(CodeIndexError):
    """The run worker that had a run ended in the middle of it."""

    retryable = True


class OutOfTimeError(CodeIndexError):
    """The time that one question may take was used up before anything could be said for certain."""

    retryable = True


class OutOfDiskError(CodeIndexError):
    """The disk is full; nothing half-written was kept."""


class BehindError(CodeIndexError):
    """The catalogue does not hold all that is published, and the question asked for no less."""
