"""Both index backends, each on a data folder of its own."""

from __future__ import annotations

import publishing as p
import pytest

from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.backends.server import ServerBackend
from code_index_assets.index.generations import Retention
from code_index_assets.index.publish import publish
from code_index_assets.index.reader import open_index
from code_index_assets.settings import Settings


@pytest.fixture
def layout(tmp_path):
    return p.layout_at(tmp_path / "data")


@pytest.fixture(params=["embedded", "server"])
def backend(request, layout):
    if request.param == "embedded":
        return EdgeBackend(layout, p.SPACE, p.DIM, shard_points=100)
    return ServerBackend.connect(layout, p.SPACE, p.DIM, ":memory:", None)


@pytest.fixture
def put(layout, backend):
    """Publishes files as a key and returns (content, result)."""

    def publish_files(files, **options):
        rolled = options.pop("retention", Retention(10, 600))
        content = p.make_content(layout, files, **options)
        return content, publish(p.permit_for(content), content, backend, layout, retention=rolled)

    return publish_files


@pytest.fixture
def snapshot(layout, backend):
    return lambda: open_index(layout, Settings(), p.SPACE, backend=backend)
