"""Which engine holds the points of an index: by the settings."""

from __future__ import annotations

from ...settings import Settings
from ...storage.layout import Layout
from .interface import IndexBackend


def make_backend(layout: Layout, settings: Settings, space: str, dimension: int) -> IndexBackend:
    """The backend the settings name: a Qdrant server if `qdrant_url` is set, else the embedded one."""
    if settings.qdrant_url:
        from .server import ServerBackend

        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        return ServerBackend.connect(
            layout, space, dimension, settings.qdrant_url, key, quantized=settings.qdrant_quantized
        )
    from .edge import EdgeBackend

    return EdgeBackend(layout, space, dimension, shard_points=settings.shard_points)
