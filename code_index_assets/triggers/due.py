"""What is due by itself: partitions whose published state is not what it would be now.

What lives here: working that out, without looking at a single artifact. What does not: running it (`schedules/`).
One read of the publication manifest and of the poller's state tells for every partition; a receipt carries the recipe
(rules, parser, space, checks) it was made by.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..index.manifest import Receipt
from ..index.published import PublishedIndex, in_force
from ..records.failures import failed_partitions
from ..records.observations import last_observation
from ..settings import Settings
from ..sources.registry import Registry
from ..storage.layout import Layout
from .heads import Polled, load_heads


@dataclass(frozen=True)
class Due:
    """A partition to run, and why."""

    key: str
    reason: str
    commit: str = ""


def due_partitions(layout: Layout, settings: Settings) -> list[Due]:
    """Every partition that is due, by registry order. Raises ConfigurationError for an unreadable registry."""
    from ..chunking.parse import ChunkOptions, parser_fingerprint
    from ..embedding.loading import space_of
    from ..index.content import recipe
    from ..quality.suite import expectations, suite_hash
    from ..sources.selection import rules_fingerprint

    settings = in_force(settings, layout)
    space = space_of(settings, layout)
    current = PublishedIndex(layout).publication(space.id)
    receipts = current.receipts if current else {}
    failed = {failure.key: failure for failure in failed_partitions(layout)}
    heads = load_heads(layout)
    options = ChunkOptions(settings.chunk_max_chars, settings.chunk_min_chars, settings.parse_timeout_seconds)
    parser, suite = parser_fingerprint(options), suite_hash(expectations(settings, space.dimension))
    recipes: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {}
    found: list[Due] = []
    for entry in Registry.load(settings.registry_file, layout).entries:
        if not entry.enabled:
            continue
        rules = (entry.include, entry.exclude)
        if rules not in recipes:
            made_by = rules_fingerprint(settings, entry)
            recipes[rules] = recipe(rules=made_by, parser=parser, space=space.id, suite=suite)
        polled = heads.get(entry.name, Polled())
        for key in dict.fromkeys((*entry.keys, *polled.heads)):
            head = polled.heads.get(key, "")
            receipt = receipts.get(key)
            if receipt is None:
                reason = "not published" + (f": {failed[key].kind}" if key in failed else "")
            elif key in failed:
                reason = f"last run failed: {failed[key].kind}"
            elif receipt.recipe != recipes[rules]:
                reason = "rules, parser, model or checks changed"
            elif head and not receipt.commit.startswith(head) and not _rolled_back(layout, receipt, head):
                reason = "head moved"
            else:
                continue
            found.append(Due(key, reason, head))
    return found


def _rolled_back(layout: Layout, receipt: Receipt, head: str) -> bool:
    """Whether somebody went back from this very head: only a further push goes forward again."""
    if not receipt.rolled_back:
        return False
    seen = last_observation(layout, receipt.key)
    return seen is not None and seen.commit.startswith(head)
