"""The standing check that lists partitions whose last run failed, and why: one broken repository is not overlooked."""

import time

import dagster as dg

from resources.code_index import CodeIndexResource

from ..records.failures import failed_partitions
from ..triggers.heads import load_heads
from ..triggers.inbox import Inbox

SHOWN = 200


@dg.asset_check(
    asset="catalog",
    description="No repository's last run failed, every repository can be polled, every event could be read.",
)
def no_failed_repositories(code_index: CodeIndexResource) -> dg.AssetCheckResult:
    """Fails while a last run or poll has failed, or an event cannot be read."""
    layout = code_index.layout()
    failed = failed_partitions(layout)
    unreachable = {
        name if key == "" else key: message
        for name, polled in load_heads(layout).items()
        for key, message in polled.errors.items()
    }
    unreadable = Inbox(layout).unreadable()
    lines = ["| repository | step | error | times | for hours | message |", "|---|---|---|---|---|---|"]
    for item in failed[:SHOWN]:
        hours = (time.time() - item.since) / 3600
        message = item.message.replace("|", "\\|").replace("\n", " ")[:300]
        lines.append(f"| {item.key} | {item.asset} | {item.kind} | {item.times} | {hours:.1f} | {message} |")
    for key, message in list(unreachable.items())[:SHOWN]:
        lines.append(f"| {key} | poll | | | | {message.replace('|', ' ')[:300]} |")
    return dg.AssetCheckResult(
        passed=not failed and not unreachable and not unreadable,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "failed": len(failed),
            "cannot_be_polled": len(unreachable),
            "unreadable_events": unreadable,
            "what": dg.MetadataValue.md("\n".join(lines)),
        },
    )
