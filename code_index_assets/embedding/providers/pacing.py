"""Pacing of requests to a provider: its limits a minute, and how many tokens a text will be for it.

What lives here: the window of the last minute, pauses after refusals, token estimates that learn from what the provider
counted. What does not: requests (`requests.py`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

# A little more than the provider's minute: clocks and networks differ.
WINDOW_SECONDS = 61.0
# Bytes of UTF-8 a token, before a provider has reported any: code has 3 to 4 with current tokenizers, and packing too
# much into a request costs a refused request.
FIRST_BYTES_PER_TOKEN = 2.0
# What code usually comes to (measured with a WordPiece tokenizer over 13 languages: 3.2 to 3.3 characters).
USUAL_BYTES_PER_TOKEN = 3.3
# What is learned from that many bytes counts, with a margin since batches differ.
LEARNED_AFTER_BYTES = 10_000
MARGIN = 1.15


class Pacer:
    """Lets requests go within so many requests and tokens in any minute (0: no limit). For threads."""

    def __init__(
        self, requests_per_minute: int = 0, tokens_per_minute: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: deque[list[float]] = deque()  # [when, tokens]
        self._tokens = 0.0
        self._not_before = 0.0

    def reserve(self, tokens: int) -> float:
        """0 if a request of so many tokens may go now, which counts it; else seconds after which to ask again."""
        with self._lock:
            now = self._clock()
            while self._sent and now - self._sent[0][0] >= WINDOW_SECONDS:
                self._tokens -= self._sent.popleft()[1]
            if now < self._not_before:
                return self._not_before - now
            full = self.requests_per_minute and len(self._sent) >= self.requests_per_minute
            # A request larger than a whole minute's tokens may go when nothing else went: it would wait for ever.
            heavy = self.tokens_per_minute and self._sent and self._tokens + tokens > self.tokens_per_minute
            if full or heavy:
                return max(self._sent[0][0] + WINDOW_SECONDS - now, 0.001)
            self._sent.append([now, float(tokens)])
            self._tokens += tokens
            return 0.0

    def correct(self, difference: int) -> None:
        """Adds what a request turned out to need beyond what was reserved (may be negative)."""
        with self._lock:
            if self._sent:
                self._sent[-1][1] += difference
                self._tokens += difference

    def pause(self, seconds: float) -> None:
        """No thread sends for so many seconds: the provider asked for this pause."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)


class TokenCounter:
    """Tokens of texts as the provider will count them: by its tokenizer if there is one here, else estimated.

    An estimate starts on the high side and follows what the provider reports. For threads.
    """

    def __init__(self, tokenizer: Any = None) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._bytes = 0
        self._tokens = 0
        self._ratio = 1 / FIRST_BYTES_PER_TOKEN

    @property
    def exact(self) -> bool:
        """Whether the model's own tokenizer counts."""
        return self._tokenizer is not None

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text: counted, or estimated on the high side."""
        if self._tokenizer is not None:
            return [len(row.ids) for row in self._tokenizer.encode_batch(list(texts))]
        return [max(1, int(len(text.encode("utf-8", "surrogatepass")) * self._ratio)) for text in texts]

    def expect(self, texts: Sequence[str]) -> int:
        """Tokens of all these texts together, as likely more as less: for plans, where `count` is on the high side."""
        if self._tokenizer is not None:
            return sum(self.count(texts))
        with self._lock:
            learned = self._tokens / self._bytes if self._bytes >= LEARNED_AFTER_BYTES else 1 / USUAL_BYTES_PER_TOKEN
        return int(sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) * learned)

    def learn(self, texts: Sequence[str], tokens: int) -> None:
        """Takes in what the provider counted for some texts."""
        with self._lock:
            self._bytes += sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
            self._tokens += tokens
            if self._bytes >= LEARNED_AFTER_BYTES and self._tokens:
                self._ratio = self._tokens / self._bytes * MARGIN
