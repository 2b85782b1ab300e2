"""Docs that are made from the code are current."""

from __future__ import annotations

from pathlib import Path

from code_index_assets.settings import Settings

SETTINGS = Path(__file__).parents[1] / "docs" / "settings.md"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables; nothing else is read. Made from `code_index_assets/settings.py`.",
        "",
    ]
    lines += ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = (
            "nearest `.code-index/`" if name == "data" else "" if field.default in (None, ()) else f"`{field.default}`"
        )
        lines.append(f"| `CODE_INDEX_{name.upper()}` | {default} | {field.description} |")
    lines += [
        "| `CODE_INDEX_GIT_TOKEN_<HOST>` |  | Token for a code host, `GITHUB_COM` for github.com. |",
        "| `DAGSTER_HOME` | `dagster/` in the data folder | Dagster's home, where it is kept elsewhere. |",
    ]
    return "\n".join(lines).replace("| |", "|  |") + "\n"


def test_the_settings_page_is_current() -> None:
    """After a change: python tests/test_docs.py writes it anew."""
    assert SETTINGS.read_text() == settings_page()


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


if __name__ == "__main__":
    SETTINGS.write_text(settings_page())
