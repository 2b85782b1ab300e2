"""Questions from inside a checkout are about that checkout: edits, branches, linked worktrees; never another tree."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chains import GitRepository
from templates import made_once

from benchmarks.robustness.damage import command, environment

Command = Callable[..., tuple[Any, str, str]]


def _make_published(home: Path) -> None:
    repository = GitRepository(home / "shop")
    files = {f"parts/part_{n}.py": f"def part_{n}(order):\n    return order + {n}\n" for n in range(5)}
    files["cart.go"] = "package shop\n\n// AddItem adds.\nfunc AddItem(count int) int {\n\treturn count + 1\n}\n"
    files["gateway.py"] = (
        'class Gateway:\n    """Charges cards."""\n\n    def charge(self, card):\n        return card\n'
    )
    repository.commit(files)
    with environment(home / "data"):
        code, out = command(["index", str(repository.path), "--quiet"])
        assert code == 0, out


@pytest.fixture
def shop(
    data: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> GitRepository:
    """The checkout of a published repository, a copy that the test may change; the test is inside of it."""
    home = made_once(tmp_path_factory, "working-tree", _make_published)
    shutil.copytree(home / "data", data)
    shutil.copytree(home / "shop", tmp_path / "shop", symlinks=True)
    registry = data / "repositories.toml"
    registry.write_text(registry.read_text().replace(str(home / "shop"), str(tmp_path / "shop")))
    monkeypatch.chdir(tmp_path / "shop")
    return GitRepository(tmp_path / "shop")


def symbol(run: Command, name: str, *options: str) -> list[str]:
    code, out, err = run("symbol", name, "--repo", "shop", "--json", *options)
    assert code in (0, 1, 5), out + err
    return [f"{hit['path']}:{hit['start_line']}" for hit in json.loads(out)["symbols"]]


def searched(run: Command, words: str, *options: str) -> dict[str, Any]:
    code, out, err = run("search", words, "--repo", "shop", "--json", *options)
    assert code in (0, 1), out + err
    return dict(json.loads(out))


def test_edits_are_found_where_they_are_and_marked(run: Command, shop: GitRepository) -> None:
    (shop.path / "gateway.py").write_text(
        "# new line\nclass Gateway:\n    def refund_card(self, card):\n        return card\n"
    )
    (shop.path / "fresh.py").write_text("def untracked_thing():\n    return 1\n")
    (shop.path / "cart.go").unlink()
    assert symbol(run, "refund_card") == ["gateway.py:3"]
    assert symbol(run, "untracked_thing") == ["fresh.py:1"]
    assert symbol(run, "AddItem") == [] and symbol(run, "charge") == []
    answer = searched(run, "refund_card")
    (state,) = answer["repositories"]
    assert answer["hits"][0]["path"] == "gateway.py" and answer["hits"][0]["tree"] == "working tree"
    assert {name: state["tree"][name] for name in ("kind", "changed", "gone")} == {
        "kind": "working_tree", "changed": 2, "gone": 1,
    }  # fmt: skip
    _, out, _ = run("search", "refund_card", "--repo", "shop")
    assert "working tree at" in out and "2 files changed, 1 gone" in out
    # What is published is as it was.
    assert symbol(run, "charge", "--published") == ["gateway.py:4"]
    assert "tree" not in searched(run, "charge", "--published")["repositories"][0]
    shop.git("stash", "-q", "-u")
    assert symbol(run, "untracked_thing") == [] and symbol(run, "charge") == ["gateway.py:4"]
    shop.git("stash", "pop", "-q")
    assert symbol(run, "untracked_thing") == ["fresh.py:1"]


def test_lines_that_mention_a_name_are_those_on_disk(run: Command, shop: GitRepository) -> None:
    (shop.path / "parts" / "part_3.py").write_text("from gateway import Gateway\n\n\nGateway().charge(part_3)\n")
    code, out, _ = run("grep", "charge(part", "-F", "--json")
    assert code == 0 and [(m["path"], m["line"]) for m in json.loads(out)["matches"]] == [("parts/part_3.py", 4)]
    assert run("grep", "charge(part", "-F", "--published")[0] in (1, 5)
    code, out, _ = run("references", "charge", "--repo", "shop", "--json")
    assert code == 0
    assert [(line["path"], line["line"]) for line in json.loads(out)["references"]] == [("parts/part_3.py", 4)]


def test_every_checkout_has_its_own_answers(
    run: Command, shop: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.git("branch", "side")
    shop.git("worktree", "add", "-q", str(tmp_path / "linked"), "side")
    (tmp_path / "linked" / "side.py").write_text("def only_in_the_linked_one():\n    return 1\n")
    (shop.path / "main.py").write_text("def only_in_the_first():\n    return 1\n")
    assert symbol(run, "only_in_the_first") and not symbol(run, "only_in_the_linked_one")
    monkeypatch.chdir(tmp_path / "linked" / "parts")
    assert symbol(run, "only_in_the_linked_one") and not symbol(run, "only_in_the_first")
    assert symbol(run, "only_in_the_first", "--worktree", str(shop.path))
    # A checkout of something else is not taken for it, whatever its name.
    other = GitRepository(tmp_path / "elsewhere" / "shop")
    other.commit({"alien.py": "def alien():\n    return 1\n"})
    monkeypatch.chdir(other.path)
    assert not symbol(run, "alien") and symbol(run, "charge") == ["gateway.py:4"]
    code, _, err = run("search", "alien", "--worktree", str(other.path))
    assert code == 2 and "no checkout of a registered repository" in err


def test_a_branch_switch_and_a_rebase_under_way_are_seen(run: Command, shop: GitRepository) -> None:
    first = shop.git("rev-parse", "HEAD").strip()
    shop.git("checkout", "-q", "-b", "feature")
    shop.commit({"gateway.py": "class Gateway:\n    def on_the_branch(self):\n        return 1\n"})
    assert symbol(run, "on_the_branch") and not symbol(run, "charge")
    shop.git("checkout", "-q", "main")
    shop.commit({"gateway.py": "class Gateway:\n    def on_main(self):\n        return 1\n"})
    assert symbol(run, "on_main") and not symbol(run, "on_the_branch")
    with pytest.raises(Exception):  # noqa: B017 - the rebase stops at the conflict
        shop.git("rebase", "-q", "feature")
    (shop.path / "gateway.py").write_text("class Gateway:\n    def as_resolved(self):\n        return 1\n")
    assert symbol(run, "as_resolved") and not symbol(run, "on_main")
    shop.git("rebase", "--abort")
    shop.git("checkout", "-q", "--detach", first)
    assert symbol(run, "charge") == ["gateway.py:4"]
    # Any commit, without a run and without a look at the checkout.
    assert symbol(run, "on_the_branch", "--ref", "feature") and symbol(run, "on_main", "--ref", "main")
    (state,) = searched(run, "on_the_branch", "--ref", "feature")["repositories"]
    assert state["ref"] == "feature" and state["tree"]["kind"] == "commit"
    code, out, _ = run("search", "charge", "--repo", "shop", "--ref", "f" * 40, "--json")
    assert code == 1 and json.loads(out)["outcome"] == "not_indexed" and json.loads(out)["hits"] == []


def test_what_a_run_would_leave_out_is_left_out(run: Command, shop: GitRepository) -> None:
    secret = "AKIA" + "Q3EGRFEXAMPLZXW5"
    (shop.path / "settings.py").write_text(f"aws_key = '{secret}'\n\n\ndef connect():\n    return aws_key\n")
    (shop.path / ".codeindexignore").write_text("parts/\n")
    (shop.path / "picture.py").write_bytes(b"\x89PNG\x00\x01\x02")
    outside = shop.path.parent / "outside.py"
    outside.write_text("def beyond_the_tree():\n    return 1\n")
    (shop.path / "link.py").symlink_to(outside)
    assert symbol(run, "connect") == ["settings.py:4"]
    assert not symbol(run, "part_3") and not symbol(run, "beyond_the_tree")
    answer = searched(run, "connect aws_key")
    assert secret not in json.dumps(answer) and answer["hits"][0]["path"] == "settings.py"


def test_two_trees_at_a_time_are_refused(run: Command, shop: GitRepository) -> None:
    code, _, err = run("search", "charge", "--worktree", str(shop.path), "--ref", "main")
    assert code == 2 and "not both" in err
