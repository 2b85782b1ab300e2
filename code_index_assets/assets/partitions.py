"""The one partitions definition and the one backfill policy of the chain.

All assets of a chain must share both: with different backfill policies a backfill of 8 partitions became 16 runs.
"""

from __future__ import annotations

import dagster as dg

REPOSITORIES = "repositories"

repositories = dg.DynamicPartitionsDefinition(name=REPOSITORIES)
one_repository_a_run = dg.BackfillPolicy.multi_run(1)


def add_partitions(instance: dg.DagsterInstance, keys: list[str]) -> list[str]:
    """Adds keys that are not there yet, validated; returns the new ones. Raises ConfigurationError."""
    from ..sources.registry import validate_key

    known = set(instance.get_dynamic_partitions(REPOSITORIES))
    new = [validate_key(key) for key in keys if key not in known]
    if new:
        instance.add_dynamic_partitions(REPOSITORIES, new)
    return new
