"""Names of the locks that writers of an index hold, in this order: the lock of a key, then that of the index writer."""

from __future__ import annotations


def key_lock(space: str, key: str) -> str:
    """The lock of publishing one partition."""
    return f"publish-{space}-{key}"


def writer_lock(space: str) -> str:
    """The lock of changing a space's index."""
    return f"index-writer-{space}"
