"""Both index backends, each on a data folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import publishing as p
import pytest

from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.backends.interface import IndexBackend
from code_index_assets.index.backends.server import ServerBackend
from code_index_assets.index.content import RepositoryContent
from code_index_assets.index.generations import Retention
from code_index_assets.index.publish import PublicationResult, publish
from code_index_assets.index.reader import IndexSnapshot, open_index
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return p.layout_at(tmp_path / "data")


@pytest.fixture(params=["embedded", "server"])
def backend(request: pytest.FixtureRequest, layout: Layout) -> IndexBackend:
    if request.param == "embedded":
        return EdgeBackend(layout, p.SPACE, p.DIM, shard_points=100)
    return ServerBackend.connect(layout, p.SPACE, p.DIM, ":memory:", None)


@pytest.fixture
def put(layout: Layout, backend: IndexBackend) -> Callable[..., tuple[RepositoryContent, PublicationResult]]:
    """Publishes files as a key and returns (content, result)."""

    def publish_files(files: dict[str, str], **options: Any) -> tuple[RepositoryContent, PublicationResult]:
        rolled = options.pop("retention", Retention(10, 600))
        content = p.make_content(layout, files, **options)
        return content, publish(p.permit_for(content), content, backend, layout, retention=rolled)

    return publish_files


@pytest.fixture
def snapshot(layout: Layout, backend: IndexBackend) -> Callable[[], IndexSnapshot]:
    return lambda: open_index(layout, Settings(), p.SPACE, backend=backend)
