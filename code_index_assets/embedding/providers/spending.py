"""What embedding costs: prices, the budget of a run, and the record of what was used.

What lives here: the price table's reader, `Spending` (checked before each request, updated after it). What does not:
requests (`requests.py`), planning (`chain/plan.py`), reading the records (`analytics/`).
"""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import BudgetError, ConfigurationError
from ...records.run_log import RunLog
from ...settings import Settings
from ..model_spec import ModelSpec

_PRICES = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class PriceTable:
    """Dollars per million tokens by `provider:model`, the day they were read and where."""

    prices: dict[str, float]
    as_of: str
    source: str


@lru_cache(maxsize=1)
def price_table() -> PriceTable:
    """The dated table of prices that comes with the package."""
    raw = tomllib.loads(_PRICES.read_text())
    prices = {
        f"{provider}:{model}": float(price)
        for provider, models in raw.items()
        if isinstance(models, dict)
        for model, price in models.items()
    }
    return PriceTable(prices, raw["as_of"], raw["source"])


def price_of(model: ModelSpec, settings: Settings) -> float | None:
    """Dollars per million tokens of a provider's model; None where neither a setting nor the price table has it."""
    if settings.price_per_million is not None:
        return settings.price_per_million
    return price_table().prices.get(str(model))


@dataclass
class Spending:
    """The account of one run with one provider model. For threads.

    A request is reserved before it is sent and settled (or released) after it: what is under way counts as spent, so
    that the budget holds with many requests in flight.
    """

    model: ModelSpec | None = None
    price: float | None = None  # dollars per million tokens
    budget_usd: float | None = None
    budget_tokens: int | None = None
    record: Callable[[dict[str, Any]], None] = field(default=lambda record: None)
    tokens: int = 0
    requests: int = 0
    retries: int = 0
    earlier_tokens: int = 0  # of the same run, before this account was opened
    _reserved: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def usd(self) -> float | None:
        """US dollars spent so far; None if the price is not known."""
        return None if self.price is None else self.tokens * self.price / 1e6

    @property
    def limit(self) -> int | None:
        """The budget in tokens."""
        limits = [] if self.budget_tokens is None else [self.budget_tokens]
        if self.budget_usd is not None and self.price:
            limits.append(int(self.budget_usd / self.price * 1e6))
        return min(limits, default=None)

    def reserve(self, tokens: int) -> None:
        """Sets tokens aside for a request; waits for requests under way if they decide. Raises BudgetError."""
        with self._changed:
            while self.limit is not None and self._used + self._reserved + tokens > self.limit:
                if not self._reserved:
                    raise self._exceeded(tokens, "the next request")
                self._changed.wait()
            self._reserved += tokens

    def require(self, tokens: int) -> None:
        """Refuses work of so many tokens before its first request. Raises BudgetError."""
        if self.limit is not None and self._used + tokens > self.limit:
            raise self._exceeded(tokens, "what this run has to embed")

    def settle(self, reserved: int, tokens: int, **facts: Any) -> None:
        """Books an answered request and writes its record."""
        with self._changed:
            self._reserved -= reserved
            self.tokens += tokens
            self.requests += 1
            self._changed.notify_all()
        price = None if self.price is None else round(tokens * self.price / 1e6, 9)
        self.record({"requests": 1, "tokens": tokens, "price_usd": price, **facts})

    def release(self, reserved: int) -> None:
        """Gives back what a request that failed had set aside."""
        with self._changed:
            self._reserved -= reserved
            self._changed.notify_all()

    def count_retry(self) -> None:
        """Counts one more retried request."""
        with self._changed:
            self.retries += 1

    @property
    def _used(self) -> int:
        return self.tokens + self.earlier_tokens

    def _exceeded(self, tokens: int, what: str) -> BudgetError:
        assert self.limit is not None
        allowed = f"{self.limit:,} tokens"
        if self.budget_usd is not None and self.price:
            allowed += f" (${self.limit * self.price / 1e6:,.4f} at ${self.price:g} per million)"
        cost = "" if self.price is None else f" (${tokens * self.price / 1e6:,.4f})"
        spent = "" if self.price is None else f" (${self._used * self.price / 1e6:,.4f})"
        return BudgetError(
            f"{what} needs about {tokens:,} tokens{cost} of {self.model}; the run has used {self._used:,}{spent} "
            f"and may use {allowed}",
            remedy="raise CODE_INDEX_BUDGET_USD or CODE_INDEX_BUDGET_TOKENS and run again: what was bought is kept; "
            "`code-index plan` tells what is left to buy",
        )


def open_account(
    settings: Settings, spec: ModelSpec, log: RunLog | None = None, run_id: str = "", **facts: str
) -> Spending:
    """The account of a run with a provider's model. What the run has used before (an earlier try, the chunks
    step) counts. `facts` go into each record of use: partition, space, model.

    Raises ConfigurationError if there is a budget in dollars and no known price.
    """
    price = price_of(spec, settings)
    if settings.budget_usd is not None and price is None:
        raise ConfigurationError(
            f"there is a budget in dollars and no known price for {spec}",
            remedy="set CODE_INDEX_PRICE_PER_MILLION (0 for a server of your own), or use CODE_INDEX_BUDGET_TOKENS",
        )
    account = Spending(spec, price, settings.budget_usd, settings.budget_tokens)
    if log is not None:
        recorded = log
        account.earlier_tokens = sum(int(record.get("tokens") or 0) for record in log.of_run(run_id, "usage"))
        account.record = lambda used: recorded.append("usage", run_id, [{**used, **facts}])
    return account
