"""Embedding by requests to a provider: batches, pacing, retries, refusals, checks of every reply.

What lives here: `RequestEmbedder`, which both providers share. What does not: what one provider's requests look like
(`voyage.py`, `openai_compatible.py`), the network (`transport.py`), limits (`pacing.py`), money (`spending.py`).

A request ends in one of five ways: vectors; another try (429, 5xx, time-out, dropped connection, short reply); a split
in halves (too large, or something in it is refused); one text refused by name; an error that stops the run, after what
other requests under way brought has been handed on.
"""

from __future__ import annotations

import random
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import BudgetError, EmbeddingError, ProviderUnavailableError
from ..interface import Computed, Embedder, InputType, Vectors, unit
from ..space import EmbeddingSpace
from .pacing import Pacer, TokenCounter
from .spending import Spending
from .transport import BadTextError, PassingError, ShortReplyError, TooLargeError, Transport

# A reply that is not what was asked for is asked for again so often.
SHORT_REPLIES = 3
# A text too large by itself is cut in half so often; then it is refused.
CUTS = 6
# So many texts refused one by one are no matter of the texts.
MOST_REFUSED = 100
# Tokens that are worth a request of their own.
SMALL_REQUEST = 8000
_KNOWN_GOOD = "def add(first, second): return first + second"
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Limits:
    """What a provider takes, and how long it is tried."""

    inputs: int  # texts in a request
    tokens: int  # tokens in a request
    in_flight: int
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    patience_seconds: float = 300.0
    backoff_seconds: float = 1.0  # doubles with each try


@dataclass
class Work:
    """What was done, for the stage table."""

    requests: int = 0
    retries: int = 0
    splits: int = 0
    cut: int = 0
    refused: int = 0
    tokens: int = 0


@dataclass
class _Batch:
    rows: list[int]
    texts: list[str]
    cuts: int = 0

    def halves(self) -> list[_Batch]:
        half = len(self.rows) // 2
        return [_Batch(self.rows[:half], self.texts[:half]), _Batch(self.rows[half:], self.texts[half:])]


@dataclass
class _Outcome:
    """What became of a batch: vectors, a refused text, or smaller batches to do instead."""

    done: Computed | None = None
    again: list[_Batch] = field(default_factory=list)


class _StoppedError(Exception):
    """Another request has ended the run."""


class RequestEmbedder(Embedder):
    """Embeds by HTTP requests. One per run; one thread at a time uses it. It starts its own threads for requests."""

    def __init__(
        self, space: EmbeddingSpace, transport: Transport, limits: Limits, spending: Spending, counter: TokenCounter
    ) -> None:
        super().__init__(space)
        self.transport, self.limits, self.spending, self.counter = transport, limits, spending, counter
        self.work = Work()
        self._pacer = Pacer(limits.requests_per_minute, limits.tokens_per_minute)
        self._inputs = limits.inputs
        self._answered = 0.0  # when a request was last answered
        self._lock = threading.Lock()
        self._interrupted = threading.Event()

    @abstractmethod
    def body(self, texts: Sequence[str], input_type: InputType) -> dict[str, Any]:
        """The JSON of a request."""

    @property
    def remote(self) -> bool:
        """Whether texts leave this machine: always."""
        return True

    @property
    def runtime(self) -> str:
        """The API that computes and how tokens are counted, as run records name them."""
        counted = "counted by its tokenizer" if self.counter.exact else "estimated, then as the provider counts"
        return f"{self.space.provider} API, tokens {counted}"

    @property
    def facts(self) -> dict[str, Any]:
        """Requests, retries, tokens and price so far, for the run record."""
        usd = self.spending.usd
        price = {} if usd is None else {"price_usd": round(usd, 6)}
        return {**{name: count for name, count in vars(self.work).items() if count}, **price}

    @property
    def window(self) -> int:
        """Texts worth handing over at once."""
        return self.limits.inputs * self.limits.in_flight

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text: counted, or estimated on the high side."""
        return self.counter.count(texts)

    def plan(self, texts: Sequence[str]) -> int:
        """Tokens that these texts will likely cost in all."""
        return self.counter.expect(texts)

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text. Raises EmbeddingError, BudgetError."""
        out = np.zeros((len(texts), self.space.dimension), dtype=np.float32)
        for part in self._each(texts, input_type):
            out[part.rows] = part.vectors
            for row, reason in part.refused.items():
                raise EmbeddingError(
                    f"{self.transport.name} refuses the text {texts[row][:80]!r}: {reason}", remedy="change the text"
                )
        return out

    def embed_each(self, texts: Sequence[str]) -> Iterator[Computed]:
        """See `Embedder.embed_each`; every reply comes at once. Raises EmbeddingError, BudgetError."""
        return self._each(texts, "document")

    def interrupt(self) -> None:
        """Sends no further request; those under way still come back."""
        self._interrupted.set()

    def close(self) -> None:
        """Closes the connections."""
        self.transport.close()

    # -- many requests -----------------------------------------------------------------------------------------

    def _each(self, texts: Sequence[str], input_type: InputType) -> Iterator[Computed]:
        """Results as requests are answered; at most `in_flight` requests are sent and not handed on."""
        waiting = deque(self._batches(texts))
        running: set[Future[_Outcome]] = set()
        stop = self._interrupted = threading.Event()
        failure: BaseException | None = None
        with ThreadPoolExecutor(self.limits.in_flight, thread_name_prefix="embedding-request") as pool:
            try:
                while running or (waiting and not stop.is_set()):
                    while waiting and not stop.is_set() and len(running) < self.limits.in_flight:
                        batch = waiting.popleft()
                        if len(batch.rows) > self._inputs:
                            waiting.extendleft(reversed(batch.halves()))
                            continue
                        running.add(pool.submit(self._answer, batch, input_type, stop))
                    try:
                        done, running = wait(running, return_when=FIRST_COMPLETED)
                    except BaseException as interruption:  # what is under way is paid for: it is still handed on
                        failure = failure or interruption
                        stop.set()
                        continue
                    for future in done:
                        try:
                            outcome = future.result()
                        except _StoppedError:
                            continue
                        except Exception as error:
                            failure = failure or error
                            stop.set()
                            continue
                        waiting.extendleft(reversed(outcome.again))
                        if outcome.done is not None:
                            yield outcome.done
            finally:
                stop.set()
        if failure is not None:
            raise failure

    def _batches(self, texts: Sequence[str]) -> Iterator[_Batch]:
        """Texts in their order, in batches within the limits of one request (at least one text), spread over the
        requests that may be in flight: what is not full comes back sooner, and a kill loses less."""
        counted = self.counter.count(texts)
        most = min(self.limits.tokens, self.limits.tokens_per_minute or self.limits.tokens)
        budget = min(most, max(SMALL_REQUEST, -(-sum(counted) // self.limits.in_flight)))
        batch, size = _Batch([], []), 0
        for row, (text, tokens) in enumerate(zip(texts, counted, strict=True)):
            if batch.rows and (size + tokens > budget or len(batch.rows) >= self._inputs):
                yield batch
                batch, size = _Batch([], []), 0
            batch.rows.append(row)
            batch.texts.append(text)
            size += tokens
        if batch.rows:
            yield batch

    # -- one request -------------------------------------------------------------------------------------------

    def _answer(self, batch: _Batch, input_type: InputType, stop: threading.Event) -> _Outcome:
        """Sends one batch until it is answered one way or another. Raises EmbeddingError."""
        started, tries, short = time.monotonic(), 0, 0
        while True:
            tokens = sum(self.counter.count(batch.texts))
            self._wait_turn(tokens, stop)
            try:
                return _Outcome(Computed(batch.rows, self._send(batch.texts, input_type, tokens, tries)))
            except PassingError as problem:
                tries += 1
                self._back_off(problem, tries, started, stop)
            except ShortReplyError as problem:
                short += 1
                if short >= SHORT_REPLIES:
                    raise EmbeddingError(
                        f"{self.transport.name} answered {short} times, not with what was asked for: {problem}",
                        remedy="check that the endpoint serves this model; nothing of these replies was kept",
                    ) from None
                self._count_retry()
            except BudgetError:
                # Tokens are set aside on the high side: a part may still be affordable, and tells the true count.
                if len(batch.rows) == 1:
                    raise
                return _Outcome(again=batch.halves())
            except TooLargeError as problem:
                if len(batch.rows) == 1 and problem.count:
                    return self._isolated(batch, input_type, str(problem), stop)
                return self._smaller(batch, problem)
            except BadTextError as problem:
                return self._isolated(batch, input_type, str(problem), stop)

    def _send(self, texts: list[str], input_type: InputType, reserved: int, tries: int) -> Vectors:
        """One request: its vectors, checked. What was answered is paid for, whatever the reply is worth."""
        self.spending.reserve(reserved)
        try:
            reply = self.transport.post(self.body(texts, input_type))
        except BaseException:
            self.spending.release(reserved)
            raise
        usage = reply.get("usage") if isinstance(reply, dict) else None
        reported_tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
        tokens = reported_tokens if isinstance(reported_tokens, int) and reported_tokens > 0 else reserved
        self.spending.settle(
            reserved,
            tokens,
            texts=len(texts),
            characters=sum(map(len, texts)),
            retries=tries,
            estimated=reported_tokens is None,
        )
        self._pacer.correct(tokens - reserved)
        if reported_tokens:
            self.counter.learn(texts, reported_tokens)
        vectors = self.checked(reply, len(texts))
        with self._lock:
            self.work.requests += 1
            self.work.tokens += tokens
            self._answered = time.monotonic()
        return unit(vectors)

    def checked(self, reply: Any, count: int) -> Vectors:
        """The vectors of a reply in the order of the texts.

        Raises ShortReplyError (not one vector for each text), BadTextError (not finite, or zero), EmbeddingError
        (another dimension).
        """
        rows = reply.get("data") if isinstance(reply, dict) else None
        if not isinstance(rows, list) or len(rows) != count:
            received = len(rows) if isinstance(rows, list) else "no"
            raise ShortReplyError(f"{received} vectors for {count} texts")
        out = np.zeros((count, self.space.dimension), dtype=np.float32)
        seen = set()
        for item in rows:
            index = item.get("index") if isinstance(item, dict) else None
            if not isinstance(index, int) or not 0 <= index < count or index in seen:
                raise ShortReplyError(f"a vector has the index {index!r} among {count} texts")
            seen.add(index)
            vector = self.transport.vector(item.get("embedding"))
            if len(vector) != self.space.dimension:
                raise EmbeddingError(
                    f"{self.transport.name} sent vectors of dimension {len(vector)}; the embedding space "
                    f"{self.space.id} has {self.space.dimension}",
                    remedy="set CODE_INDEX_EMBEDDING_DIMENSION to the model's dimension: a separate embedding space",
                )
            out[index] = vector
        if not np.isfinite(out).all() or (np.abs(out).max(axis=1) == 0).any():
            raise BadTextError("its vector is not finite or is zero")
        return out

    # -- what is not an answer ---------------------------------------------------------------------------------

    def _wait_turn(self, tokens: int, stop: threading.Event) -> None:
        while not stop.is_set():
            delay = self._pacer.reserve(tokens)
            if delay <= 0:
                return
            stop.wait(min(delay, 5.0))
        raise _StoppedError

    def _back_off(self, problem: PassingError, tries: int, started: float, stop: threading.Event) -> None:
        """Waits before the next try: full jitter, and not less than the provider asks for."""
        self._count_retry()
        now = time.monotonic()
        # One request may be unlucky while others are answered: patience ends when nothing is answered for so long.
        if now - max(started, self._answered) > self.limits.patience_seconds:
            raise ProviderUnavailableError(
                f"{self.transport.name} has answered nothing usable for {self.limits.patience_seconds:.0f} s; "
                f"last: {problem}",
                remedy="run again later: what was bought is kept; CODE_INDEX_EMBEDDING_PATIENCE_SECONDS sets how long",
            ) from None
        most = min(_LONGEST_PAUSE, self.limits.backoff_seconds * 2 ** (tries - 1))
        pause = max(random.uniform(0, most), problem.retry_after)
        if problem.everyone:
            self._pacer.pause(pause)
        if stop.wait(pause):
            raise _StoppedError

    def _smaller(self, batch: _Batch, problem: TooLargeError) -> _Outcome:
        """Halves of a batch that is too large; a single text loses its second half."""
        if problem.tokens:
            self.counter.learn(batch.texts, problem.tokens)
        with self._lock:
            self.work.splits += 1
            if len(batch.rows) > 1:
                if problem.count:
                    self._inputs = min(self._inputs, max(1, len(batch.rows) // 2))
                return _Outcome(again=batch.halves())
            if batch.cuts >= CUTS:
                return self._refuse(batch, str(problem))
            self.work.cut += batch.cuts == 0
        text = batch.texts[0]
        return _Outcome(again=[_Batch(batch.rows, [text[: max(1, len(text) // 2)]], batch.cuts + 1)])

    def _isolated(self, batch: _Batch, input_type: InputType, reason: str, stop: threading.Event) -> _Outcome:
        """Halves of a batch of which something is refused; a single text is refused by name."""
        if len(batch.rows) > 1:
            with self._lock:
                self.work.splits += 1
            return _Outcome(again=batch.halves())
        if not self._answered and batch.texts != [_KNOWN_GOOD]:
            # Nothing has ever been answered: is it the text, or the request? A harmless text tells.
            answer = self._answer(_Batch([0], [_KNOWN_GOOD]), input_type, stop)
            if answer.done is None or answer.done.refused:
                raise EmbeddingError(
                    f"{self.transport.name} refuses every request: {reason}",
                    remedy="check CODE_INDEX_MODEL, CODE_INDEX_EMBEDDING_URL and CODE_INDEX_EMBEDDING_DIMENSION",
                )
        with self._lock:
            return self._refuse(batch, reason)

    def _refuse(self, batch: _Batch, reason: str) -> _Outcome:
        self.work.refused += 1
        if self.work.refused > MOST_REFUSED:
            raise EmbeddingError(
                f"{self.transport.name} has refused {self.work.refused} texts one by one; last: {reason}",
                remedy="check the model's limits; what was bought is kept",
            )
        return _Outcome(Computed([], np.zeros((0, self.space.dimension), np.float32), {batch.rows[0]: reason}))

    def _count_retry(self) -> None:
        with self._lock:
            self.work.retries += 1
        self.spending.count_retry()
