"""The generated page is current, and speaks of everything."""

from __future__ import annotations

from code_index_assets.analytics.docs import PAGE, page
from code_index_assets.analytics.model import load_models


def test_the_page_is_current() -> None:
    """After a change of a model: python -m code_index_assets.analytics.docs"""
    assert PAGE.read_text("utf-8") == page()


def test_every_model_has_tests() -> None:
    untested = [key for key, model in load_models().models.items() if not model.tests]
    assert untested == []
