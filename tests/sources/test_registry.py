from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.errors import ConfigurationError
from code_index_assets.sources.location import (
    default_name,
    display_location,
    identity_of,
    is_url,
    parse_url,
    token_variable,
)
from code_index_assets.sources.registry import (
    Registry,
    RepositoryEntry,
    parse_partition_key,
    partition_key,
    validate_key,
    validate_ref,
)
from code_index_assets.storage.layout import Layout, key_segment

from .conftest import Repo


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("https://github.com/gin-gonic/gin", "gin-gonic/gin"),
        ("https://github.com/gin-gonic/gin.git", "gin-gonic/gin"),
        ("https://github.com/gin-gonic/gin/", "gin-gonic/gin"),
        ("git@github.com:gin-gonic/gin.git", "gin-gonic/gin"),
        ("ssh://git@git.example.com:2222/team/x.git", "team/x"),
        ("https://gitlab.com/group/sub/deeper/project.git", "group/sub/deeper/project"),
        ("file:///srv/git/tool.git", "tool"),
        ("/srv/code/my project", "my-project"),
        ("/srv/mirror/tool.git", "tool"),
        ("https://host/a/b@c,d", "a/b-c-d"),
    ],
)
def test_the_default_name_is_what_people_call_it(place: str, name: str) -> None:
    assert default_name(place) == name


def test_names_that_would_collide_get_the_host_then_a_number() -> None:
    taken = ["Acme/Tool"]
    assert default_name("https://gitlab.com/acme/tool", taken) == "gitlab.com/acme/tool"
    taken.append("gitlab.com/acme/tool")
    assert default_name("https://gitlab.com/acme/tool", taken) == "gitlab.com/acme/tool-2"
    assert default_name("/a/b/tool", ["tool"]) == "b/tool"


@given(st.text(max_size=60))
def test_whatever_the_path_the_default_name_can_be_a_key(text: str) -> None:
    name = default_name("/srv/" + text.replace("\0", ""))
    assert validate_key(name) == name
    assert "@" not in name


@pytest.mark.parametrize(
    "key",
    ["", "a\nb", "a|b", "a...b", "a,b", 'a"b', "a'b", " a", "a ", "/a", "a/", "a//b", "x" * 256, "-a", "a\u200bb"],
)
def test_bad_keys_are_refused_with_a_remedy(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        validate_key(key)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "ref", ["-x", "--upload-pack=x", "a..b", "a b", "a~1", "a^", "x:y", "@{1}", "a.lock", "", ".x"]
)
def test_bad_refs_are_refused(ref: str) -> None:
    with pytest.raises(ConfigurationError):
        validate_ref(ref)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@github.com/a/b",
        "https://ghp_abcdefghijklmnopqrstuvwxyz0123456789@github.com/a/b",
        "ssh://git:pw@host/a/b",
        "https://oauth2:glpat-xyz@gitlab.example.com:8443/a/b",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url(url)
    text = str(caught.value)
    assert "CODE_INDEX_GIT_TOKEN_" in text
    assert "credential helper" in text
    for secret in ("hunter2", "ghp_", ":pw", "glpat"):
        assert secret not in text
        assert secret not in display_location(url)


def test_other_protocols_and_odd_urls_are_refused() -> None:
    for url in (
        "ext::sh -c id",
        "ext://x/y",
        "ftp://host/a/b",
        "-oProxyCommand=x",
        "https://host",
        "https://ho st/a\nb",
    ):
        with pytest.raises(ConfigurationError):
            parse_url(url)
    for host in ("ssh://-oProxyCommand=id/a/b", "-x@-host:a/b"):
        with pytest.raises(ConfigurationError):
            parse_url(host)


def test_what_is_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b").mkdir()
    assert is_url("git@host:a/b")
    assert is_url("host:a/b")
    assert not is_url("a:b")  # a folder of that name is there
    assert not is_url("./x")
    assert not is_url("C:\\code")
    assert token_variable("git.example.com:8443") == "CODE_INDEX_GIT_TOKEN_GIT_EXAMPLE_COM_8443"


def found_by(registry: Registry, spelling: str) -> RepositoryEntry:
    entry = registry.find(spelling)
    assert entry is not None
    return entry


@pytest.fixture
def registry(layout: Layout) -> Registry:
    return Registry.load(layout.root / "repositories.toml", layout)


def test_add_and_remove_keep_comments_and_order(registry: Registry, layout: Layout) -> None:
    registry.file.write_text(
        '# ours\n[[repository]]\nname = "b/two"  # the second\nurl = "https://h/b/two"\n\n'
        '# legacy, ask first\n[[repository]]\nname = "a/one"\npath = "one"\nrefs = ["main", "v1"]\n'
    )
    registry.add("https://github.com/c/three.git", exclude=["testdata/**"])
    text = registry.file.read_text()
    assert text.startswith("# ours\n")
    assert "# the second" in text
    assert "# legacy, ask first" in text
    again = Registry.load(registry.file, layout)
    assert again.names == ["b/two", "a/one", "c/three"]
    assert again.get("c/three").exclude == ("testdata/**",)
    assert again.get("a/one").path == str(layout.root / "one")
    again.remove("b/two")
    assert Registry.load(registry.file, layout).names == ["a/one", "c/three"]
    assert "# legacy, ask first" in registry.file.read_text()


def test_the_last_entry_can_be_removed_and_one_added_again(registry: Registry) -> None:
    registry.add("https://github.com/a/b")
    registry.remove("a/b")
    assert registry.entries == ()
    assert registry.add("https://github.com/a/b").name == "a/b"


def test_the_id_survives_a_rename(registry: Registry, layout: Layout) -> None:
    entry = registry.add("https://github.com/a/b")
    assert registry.rename("a/b", "a/c").id == entry.id
    registry.file.write_text('[[repository]]\nname = "x"\nurl = "https://h/x/y"\n')
    by_hand = Registry.load(registry.file, layout).get("x").id
    registry.file.write_text('[[repository]]\nname = "z"\nurl = "https://h/x/y"\n')
    assert Registry.load(registry.file, layout).get("z").id == by_hand


def test_find_knows_the_forms_of_one_place(registry: Registry, tmp_path: Path) -> None:
    registry.add("https://github.com/a/b")
    (tmp_path / "code").mkdir()
    registry.add(str(tmp_path / "code"))
    assert found_by(registry, "https://GitHub.com/a/b.git").name == "a/b"
    assert found_by(registry, "A/B").name == "a/b"
    assert found_by(registry, str(tmp_path / "code" / "")).name == "code"
    assert registry.find("nothing") is None
    with pytest.raises(ConfigurationError, match="registered already"):
        registry.add("https://github.com/a/b.git")
    assert registry.add("https://github.com/a/b", name="again").name == "again"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[repository]]\nname = "a"\n', "exactly one of url and path"),
        ('[[repository]]\nname = "a"\nurl = "https://h/a/b"\npath = "x"\n', "exactly one"),
        ('[[repository]]\nname = "a"\nurl = "https://u:p@h/a/b"\n', "password"),
        ('[[repository]]\nname = "a"\nurl = "https://h/a/b"\ntoken = "x"\n', "'token' is not understood"),
        ('[[repository]]\nname = "a@b"\nurl = "https://h/a/b"\n', "'@'"),
        ('[[repository]]\nname = "a"\nurl = "https://h/a/b"\nrefs = "main"\n', "refs must be a list"),
        ('[[repository]]\nname = "a"\npath = "x"\nworktree = true\nrefs = ["x"]\n', "worktree"),
        ('[[repository]]\nname = "a"\nurl = "https://h/a/b"\nrefs = ["-x"]\n', "'-x'"),
        ('[[repo]]\nname = "a"\n', "'repo' is not understood"),
        ('[[repository]]\nname = "a"\nurl = "https://h/a/b"\n[[repository]]\nname = "A"\nurl = "https://h/c/d"\n', "same name"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_named_with_file_and_line(layout: Layout, text: str, says: str) -> None:
    file = layout.root / "repositories.toml"
    file.write_text("# top\n" + text)
    with pytest.raises(ConfigurationError, match=says) as caught:
        Registry.load(file, layout)
    assert str(file) in caught.value.message
    assert caught.value.remedy
    if says not in ("same name", "'repo' is not understood"):
        assert f"{file}:2, entry 1" in caught.value.message


def test_broken_toml_names_the_line(layout: Layout) -> None:
    file = layout.root / "repositories.toml"
    file.write_text("[[repository]\nname = 1\n")
    with pytest.raises(ConfigurationError, match="line 1"):
        Registry.load(file, layout)


def test_partition_keys_go_both_ways(registry: Registry) -> None:
    registry.file.write_text('[[repository]]\nname = "a/b"\nurl = "https://h/a/b"\nrefs = ["main", "release/1.2"]\n')
    registry = Registry.load(registry.file, registry.layout)
    entry = registry.get("a/b")
    assert entry.keys == ("a/b", "a/b@release/1.2")
    assert parse_partition_key("a/b", registry) == (entry, None)
    assert parse_partition_key("a/b@release/1.2", registry) == (entry, "release/1.2")
    assert partition_key(entry, "main") == "a/b"
    assert "/" not in key_segment(entry.keys[1])
    with pytest.raises(ConfigurationError, match="no repository is named"):
        parse_partition_key("a/x", registry)


def test_a_folder_that_is_not_there_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no folder"):
        registry.add(str(tmp_path / "nowhere"))
    assert not registry.file.exists()


def test_an_entry_shows_no_credentials() -> None:
    entry = RepositoryEntry(name="x", id="1", url="https://u:secretpw@h/a/b")
    assert "secretpw" not in entry.location


FORGE = (
    "https://github.com/Owner/Name", "https://github.com/owner/name.git", "https://www.github.com/owner/name/",
    "git@github.com:owner/name.git", "ssh://git@github.com/owner/name", "ssh://git@ssh.github.com:443/owner/name.git",
    "https://github.com:443/owner/name", "http://github.com/owner/name",
)  # fmt: skip


@pytest.mark.parametrize("url", FORGE)
def test_one_repository_of_a_known_host_is_one_place(url: str) -> None:
    assert identity_of(url) == identity_of(FORGE[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://git.example.org/a/b", "git@git.example.org:a/b"),  # nobody knows what else answers there
        ("https://git.example.org/a/b", "http://git.example.org/a/b"),
        ("https://git.example.org/a/b", "https://git.example.org/A/b"),
        ("https://git.example.org/a/b", "https://git.example.org:8443/a/b"),
        ("ann@host:code/b", "ssh://ann@host/code/b"),  # below ann's home folder, and below the root
        ("ann@host:b", "bob@host:b"),
        ("https://github.com/a/b", "https://gitlab.com/a/b"),
    ],
)
def test_what_may_be_another_repository_is_another_place(one: str, other: str) -> None:
    assert identity_of(one) != identity_of(other)


def test_one_folder_is_registered_once(registry: Registry, tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / ".git").mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "bare.git").mkdir()
    entry = registry.add(f"{real}/.git", name="real")
    assert entry.path == str(real)
    spellings = (real, f"{real}/", f"{real}/.git", f"{real}/.git/", real.as_uri(), f"{real.as_uri()}/.git",
                 f"FILE://{real}", tmp_path / "link", tmp_path / "link" / ".git")  # fmt: skip
    for spelling in map(str, spellings):
        assert found_by(registry, spelling).name == "real", spelling
        with pytest.raises(ConfigurationError, match="registered already, as real"):
            registry.add(spelling)
    registry.add((tmp_path / "bare").as_uri(), name="bare")  # as git does, with .git put to it
    assert found_by(registry, str(tmp_path / "bare.git")).name == "bare"
    assert [entry.name for entry in registry.entries] == ["real", "bare"]


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://github.com/gin-gonic/gin.git", "gin-gonic/gin"),
        ("git@github.com:gin-gonic/gin", "gin-gonic/gin"),
        ("https://ci:ghp_0123456789abcdef@gitlab.com/group/sub/tool", "group/sub/tool"),
        ("/srv/git/tool.git", "clone"),
        ("file:///srv/git/tool.git", "clone"),
        ("../upstream", "clone"),
        (None, "clone"),
    ],
)
def test_a_clone_is_called_as_its_origin(registry: Registry, tmp_path: Path, origin: str | None, name: str) -> None:
    clone = Repo(tmp_path / "clone")
    if origin:
        clone.git("remote", "add", "origin", origin)
    assert registry.add(str(clone.path)).name == name


def test_a_second_clone_is_called_as_its_folder(registry: Registry, tmp_path: Path) -> None:
    registry.add("https://github.com/Gin-Gonic/gin")
    for folder in ("clone", "inside"):
        clone = Repo(tmp_path / folder)
        clone.git("remote", "add", "origin", "https://github.com/gin-gonic/gin")
    assert registry.add(str(tmp_path / "clone")).name == "clone"
    # A folder of a clone is not the repository.
    (tmp_path / "inside" / "part").mkdir()
    registry.remove("Gin-Gonic/gin")
    assert registry.add(str(tmp_path / "inside" / "part")).name == "part"
    assert registry.add(str(tmp_path / "inside"), name="mine").name == "mine"
