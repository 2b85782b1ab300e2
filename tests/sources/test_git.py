from __future__ import annotations

import base64
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from code_index_assets.errors import ConfigurationError, CorruptArtifactError, SourceError, SourceUnavailableError
from code_index_assets.settings import Settings
from code_index_assets.sources.git.process import GitFailed, translate
from code_index_assets.sources.git.source import heads_of
from code_index_assets.sources.snapshot import Snapshot, Source, raw_path
from code_index_assets.storage.layout import Layout

from .conftest import Open, Repo, Select, reasons


def contents(source: Source, snapshot: Snapshot, frame: pl.DataFrame | None = None) -> dict[bytes, bytes | None]:
    frame = source.entries(snapshot) if frame is None else frame
    paths = [raw_path(*row) for row in frame.select("path", "path_raw").iter_rows()]
    return {paths[i]: content for i, content in source.read(snapshot, frame)}


def loose(repo: Repo, oid: str) -> Path:
    return repo.path / ".git" / "objects" / oid[:2] / oid[2:]


def test_a_local_repository_is_read_at_its_commit_and_left_alone(repo: Repo, opened: Open) -> None:
    head = repo.commit({"a.py": "x = 1\n", "dir/b.txt": "two"})
    repo.write({"a.py": "changed\n", "new.txt": "untracked"})
    before = {p: p.stat().st_mtime_ns for p in repo.path.rglob("*")}
    source = opened(repo.path)
    snapshot = source.observe()
    assert (snapshot.commit, snapshot.label, snapshot.kind, snapshot.ref) == (head, head, "git", "HEAD")
    assert snapshot.tree == repo.git("rev-parse", "HEAD^{tree}")
    assert snapshot.committed_at == 1714564800.0
    assert contents(source, snapshot) == {b"a.py": b"x = 1\n", b"dir/b.txt": b"two"}
    assert {p: p.stat().st_mtime_ns for p in repo.path.rglob("*")} == before
    assert Snapshot.from_json(snapshot.to_json()) == snapshot
    with pytest.raises(CorruptArtifactError):
        Snapshot.from_json({"repository": "x"})


def test_bare_repositories_and_linked_worktrees_work(repo: Repo, opened: Open, tmp_path: Path) -> None:
    head = repo.commit({"a.py": "1"})
    repo.git("branch", "side")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "side")
    Repo(tmp_path / "linked").commit({"b.py": "2"})
    subprocess.run(["git", "clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git")], check=True)
    assert opened(tmp_path / "bare.git").observe().commit == head
    source = opened(tmp_path / "linked")
    assert set(contents(source, source.observe())) == {b"a.py", b"b.py"}


def test_refs_are_branches_tags_and_commits(repo: Repo, opened: Open) -> None:
    first = repo.commit({"a": "1"})
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.git("branch", "feature/x")
    second = repo.commit({"a": "2"})
    for ref, commit in (("main", second), ("v1", first), ("feature/x", first), (first[:10], first), (first, first)):
        snapshot = opened(repo.path, ref=ref).observe()
        assert (snapshot.commit, snapshot.ref, snapshot.default_ref) == (commit, ref, False)
        assert snapshot.key == f"x@{ref}"
        told = heads_of(opened(repo.path, refs=("main", ref)).entry if ref != "main" else opened(repo.path).entry, 30)
        assert commit.startswith(str(told[None if ref == "main" else ref]))
    entry_refs = opened(repo.path, refs=("feature/x", "main"))
    assert entry_refs.observe().commit == first
    assert entry_refs.observe().default_ref


@pytest.mark.parametrize("ref", ["nope", "0" * 40, "deadbeef"])
def test_a_ref_that_is_not_there_is_named(repo: Repo, opened: Open, ref: str) -> None:
    repo.commit({"a": "1"})
    for place in (repo.path, repo.path.as_uri()):
        with pytest.raises(SourceError) as caught:
            opened(place, ref=ref).observe()
        assert ref in str(caught.value)
        assert not isinstance(caught.value, SourceUnavailableError)


def test_refs_that_are_options_never_reach_git(repo: Repo, opened: Open) -> None:
    repo.commit({"a": "1"})
    with pytest.raises(ConfigurationError, match="--upload-pack"):
        opened(repo.path, ref="--upload-pack=touch x").observe()


def test_an_empty_repository_says_so(repo: Repo, opened: Open, settings: Settings) -> None:
    for place in (repo.path, repo.path.as_uri()):
        with pytest.raises(SourceError, match="is empty: it has no commit"):
            opened(place).observe()
    with pytest.raises(SourceError, match="is empty"):
        heads_of(opened(repo.path.as_uri()).entry, 30)


def test_a_mirror_follows_its_remote(repo: Repo, opened: Open, layout: Layout, settings: Settings) -> None:
    first = repo.commit({"a": "1"})
    url = repo.path.as_uri()
    source = opened(url)
    snapshot = source.observe()
    assert (snapshot.commit, snapshot.location) == (first, url)
    assert contents(source, snapshot) == {b"a": b"1"}
    repo.git("branch", "gone")
    second = repo.commit({"a": "2"})
    assert heads_of(source.entry, 30) == {None: second}
    assert source.observe().commit == second
    repo.git("branch", "-D", "gone")
    repo.git("reset", "-q", "--hard", first)
    repo.git("commit", "-q", "--allow-empty", "-m", "forced")
    assert source.observe().commit == repo.git("rev-parse", "HEAD")
    with pytest.raises(SourceError, match="no branch, tag or commit 'gone'"):
        opened(url, ref="gone").observe()
    assert contents(source, snapshot) == {b"a": b"1"}  # an earlier commit stays readable
    assert list((layout.root / "mirrors").iterdir()) == [layout.mirror("x")]


def test_a_failed_clone_leaves_nothing_and_a_broken_mirror_is_made_again(
    repo: Repo, opened: Open, layout: Layout, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="not a git repository"):
        opened((tmp_path / "nowhere").as_uri()).observe()
    assert not (layout.root / "mirrors").exists()
    head = repo.commit({"a": "1"})
    layout.mirror("x").mkdir(parents=True)  # what a kill at the worst moment could leave
    source = opened(repo.path.as_uri())
    assert contents(source, source.observe()) == {b"a": b"1"}
    assert source.observe().commit == head
    assert list((layout.root / "tmp").iterdir()) == []


def test_a_commit_on_no_branch_can_be_asked_for(repo: Repo, opened: Open) -> None:
    orphan = repo.commit({"a": "1"})
    repo.git("commit", "-q", "--amend", "-m", "other")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    assert orphan != repo.git("rev-parse", "HEAD")
    assert opened(repo.path.as_uri(), ref=orphan).observe().commit == orphan


def test_paths_of_any_bytes_come_through(repo: Repo, opened: Open, selected: Select) -> None:
    long = "/".join(["d" * 200] * 19) + "/f.py"
    names = [b"caf\xc3\xa9.py", b"bad\xff\xfe.py", b"new\nline.py", b"quo\"te'.py", b" lead.py", long.encode()]
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x = 1\n")
    listing = b"".join(b"100644 " + blob.encode() + b"\t" + name + b"\0" for name in names)
    repo.git("update-index", "-z", "--index-info", stdin=listing)
    repo.git("commit", "-q", "-m", "names")
    source, snapshot, selection = selected(repo.path)
    assert set(contents(source, snapshot)) == set(names)
    assert set(contents(source, snapshot).values()) == {b"x = 1\n"}
    assert set(reasons(selection).values()) == {"kept"}
    assert "bad\\xff\\xfe.py" in reasons(selection)
    assert sum(raw is not None for raw in selection.files["path_raw"]) == 1


def test_a_shown_path_that_equals_another_stays_unique(repo: Repo, opened: Open) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    names = [b"a\xff", b"a\\xff"]
    repo.git("update-index", "-z", "--index-info",
             stdin=b"".join(b"100644 " + blob.encode() + b"\t" + n + b"\0" for n in names))  # fmt: skip
    repo.git("commit", "-q", "-m", "names")
    source = opened(repo.path)
    frame = source.entries(source.observe())
    assert frame["path"].n_unique() == 2
    assert set(contents(source, source.observe())) == set(names)


def test_missing_blobs_get_a_reason_and_the_run_goes_on(repo: Repo, selected: Select) -> None:
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 2\n", "c.py": "c = 3\n"})
    loose(repo, repo.git("rev-parse", "HEAD:b.py")).unlink()
    _, _, selection = selected(repo.path)
    assert reasons(selection) == {"a.py": "kept", "b.py": "missing", "c.py": "kept"}
    row = selection.files.filter(selection.files["path"] == "b.py").row(0, named=True)
    assert (row["status"], row["size"], row["hash"]) == ("unreadable", None, None)


def test_a_missing_tree_is_an_error_that_names_it(repo: Repo, opened: Open) -> None:
    repo.commit({"d/a.py": "1"})
    source = opened(repo.path)
    snapshot = source.observe()
    loose(repo, repo.git("rev-parse", "HEAD:d")).unlink()
    with pytest.raises(SourceError, match="lacks objects|Could not read|not a tree"):  # noqa: RUF043
        source.entries(snapshot)


def test_reading_may_stop_early(repo: Repo, opened: Open) -> None:
    repo.commit({f"f{i}": "x" * 100_000 for i in range(60)})
    source = opened(repo.path)
    snapshot = source.observe()
    reading = source.read(snapshot, source.entries(snapshot))
    assert next(reading) == (0, b"x" * 100_000)
    reading.close()
    assert len(contents(source, snapshot)) == 60


def test_nothing_of_the_repositorys_configuration_runs(repo: Repo, opened: Open, tmp_path: Path) -> None:
    repo.commit({"a.txt": "1", ".gitattributes": "* filter=evil diff=evil\n"})
    sign = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {sign}\ncat\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
                 "diff.evil.textconv", "diff.external", "core.pager", "gpg.program", "credential.helper", "core.askPass",
                 "uploadpack.packObjectsHook", "core.alternateRefsCommand", "core.gitProxy"):  # fmt: skip
        repo.git("config", name, str(script))
    repo.git("config", "log.showSignature", "true")
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc", "fsmonitor-watchman"):
        target = repo.path / ".git" / "hooks" / hook
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(script.read_bytes())
        target.chmod(0o755)
    repo.write({"a.txt": "dirty", "new.txt": "x"})
    for source in (opened(repo.path), opened(repo.path, worktree=True), opened(repo.path.as_uri())):
        snapshot = source.observe()
        assert contents(source, snapshot)
    assert not sign.exists()


def test_a_partial_clone_is_not_filled_from_the_network(repo: Repo, selected: Select, tmp_path: Path) -> None:
    repo.commit({"a.py": "a = 1\n"})
    repo.git("config", "uploadpack.allowFilter", "true")
    command = ["git", "clone", "-q", "--bare", "--filter=blob:none", repo.path.as_uri(), str(tmp_path / "partial.git")]
    subprocess.run(command, check=True)
    _, _, selection = selected(tmp_path / "partial.git")
    assert reasons(selection) == {"a.py": "missing"}


def test_submodules_symlinks_and_lfs_pointers_have_their_reasons(repo: Repo, selected: Select, tmp_path: Path) -> None:
    inner = Repo(tmp_path / "inner")
    commit = inner.commit({"x": "1"})
    os.symlink("/etc/passwd", repo.path / "outside")
    os.symlink("a.py", repo.path / "inside")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    repo.write({"a.py": "x = 1\n", "model.txt": pointer})
    repo.git("add", "-A")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    repo.git("commit", "-q", "-m", "all")
    _, _, selection = selected(repo.path)
    assert reasons(selection) == {
        "a.py": "kept", "inside": "symlink", "outside": "symlink", "model.txt": "lfs_pointer", "sub": "submodule"
    }  # fmt: skip


def test_hostile_paths_in_a_tree_are_left_out(repo: Repo, selected: Select) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x\n")
    tree = repo.git("mktree", "-z", stdin=f"100644 blob {blob}\tok.txt\0".encode())
    inner = bytes.fromhex(tree)
    raw = b"".join(b"40000 " + name + b"\0" + inner for name in (b"..", b".git"))
    evil = repo.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
    repo.git("update-ref", "HEAD", repo.git("commit-tree", evil, "-m", "evil"))
    _, _, selection = selected(repo.path)
    assert reasons(selection) == {"../ok.txt": "bad_path", ".git/ok.txt": "bad_path"}


# -- a working tree ---------------------------------------------------------------------------------------------


def test_a_clean_checkout_has_its_commits_label_and_a_dirty_one_says_so(repo: Repo, opened: Open) -> None:
    head = repo.commit({"a.py": "1\n", "b.py": "2\n", ".gitignore": "*.log\n"})
    source = opened(repo.path, worktree=True)
    snapshot = source.observe()
    assert (snapshot.label, snapshot.kind) == (head, "worktree")
    clean_tree = snapshot.tree
    repo.write({"a.py": "changed\n", "new.py": "3\n", "x.log": "ignored"})
    (repo.path / "b.py").unlink()
    dirty = source.observe()
    assert dirty.label == f"{head}+dirty"
    assert dirty.commit == head
    assert dirty.tree != clean_tree
    assert contents(source, dirty) == {b".gitignore": b"*.log\n", b"a.py": b"changed\n", b"new.py": b"3\n"}
    frame = source.entries(dirty)
    assert frame.filter(frame["path"] == "a.py")["blob"].item() == repo.git("hash-object", "a.py")
    repo.git("checkout", "-q", "--", ".")
    (repo.path / "new.py").unlink()
    assert opened(repo.path, worktree=True).observe().label == head


def test_staged_work_is_dirty_and_a_touched_file_is_not(repo: Repo, opened: Open) -> None:
    head = repo.commit({"a.py": "1\n"})
    os.utime(repo.path / "a.py", (1, 1))
    assert opened(repo.path, worktree=True).observe().label == head
    repo.write({"b.py": "2\n"})
    repo.git("add", "b.py")
    assert opened(repo.path, worktree=True).observe().label == f"{head}+dirty"


def test_converted_line_ends_and_lfs_content_are_not_changes(repo: Repo, opened: Open) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:"
    import hashlib

    big = b"\0binary" * 100
    pointer += f"{hashlib.sha256(big).hexdigest()}\nsize {len(big)}\n"
    head = repo.commit({"a.txt": "one\ntwo\n", "big.bin": pointer})
    repo.write({"a.txt": "one\r\ntwo\r\n", "big.bin": big})
    source = opened(repo.path, worktree=True)
    snapshot = source.observe()
    assert snapshot.label == head
    assert contents(source, snapshot)[b"a.txt"] == b"one\ntwo\n"


def test_a_bare_repository_has_no_checkout(repo: Repo, opened: Open, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    subprocess.run(["git", "clone", "-q", "--bare", str(repo.path), str(tmp_path / "b.git")], check=True)
    with pytest.raises(ConfigurationError, match="bare"):
        opened(tmp_path / "b.git", worktree=True)


# -- access ------------------------------------------------------------------------------------------------------


@pytest.fixture
def private_host(repo: Repo, tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A web server that gives a repository to one user and password, and keeps what it was told."""
    repo.commit({"a.py": "1\n"})
    bare = tmp_path / "served" / "own" / "er.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(repo.path), str(bare)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    seen: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "served"))

        def do_GET(self) -> None:
            given = self.headers.get("Authorization")
            if given is None or not given.startswith("Basic "):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            seen.append(base64.b64decode(given[6:]).decode())
            if not seen[-1].endswith(":right-token"):
                self.send_error(401)
                return
            super().do_GET()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_a_token_opens_a_private_repository_and_is_written_nowhere(
    private_host: tuple[str, list[str]],
    opened: Open,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    base, seen = private_host
    variable = "CODE_INDEX_GIT_TOKEN_127_0_0_1_" + base.rpartition(":")[2]
    monkeypatch.setenv(variable, "right-token")
    source = opened(f"{base}/own/er.git")
    snapshot = source.observe()
    assert contents(source, snapshot) == {b"a.py": b"1\n"}
    assert set(seen) == {"x-access-token:right-token"}
    assert heads_of(source.entry, 30) == {None: snapshot.commit}
    for path in layout.root.rglob("*"):
        assert not path.is_file() or b"right-token" not in path.read_bytes()
    assert "right-token" not in str(snapshot)


def test_a_refused_login_is_clear_asks_nobody_and_is_not_worth_a_retry(
    private_host: tuple[str, list[str]], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, _ = private_host
    monkeypatch.setenv("CODE_INDEX_GIT_TOKEN_127_0_0_1_" + base.rpartition(":")[2], "wrong-token")
    for token in ("wrong-token", ""):
        monkeypatch.setenv("CODE_INDEX_GIT_TOKEN_127_0_0_1_" + base.rpartition(":")[2], token)
        with pytest.raises(SourceError, match="authentication refused") as caught:
            opened(f"{base}/own/er.git").observe()
        assert not caught.value.retryable
        assert "CODE_INDEX_GIT_TOKEN_127_0_0_1" in caught.value.remedy
        assert "wrong-token" not in str(caught.value)


def test_a_token_is_for_its_host_alone(
    private_host: tuple[str, list[str]], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, seen = private_host
    monkeypatch.setenv("CODE_INDEX_GIT_TOKEN_LOCALHOST_" + base.rpartition(":")[2], "right-token")
    with pytest.raises(SourceError, match="authentication refused"):
        opened(f"{base}/own/er.git").observe()
    assert seen == []


def test_an_unreachable_host_may_be_tried_again(opened: Open) -> None:
    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        opened("http://127.0.0.1:9/a/b").observe()


def test_messages_of_git_become_ours() -> None:
    cases = {
        "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.": "authentication refused",
        "Host key verification failed.\nfatal: Could not read from remote repository.": "host key",
        "fatal: unable to access 'https://u:pw@h/a/': Could not resolve host: h": "cannot be reached",
        "fatal: unable to access 'https://h/a/': The requested URL returned error: 503": "cannot be reached",
        "remote: Repository not found.\nfatal: repository 'https://h/a/' not found": "is not a git repository",
        "error: unable to write file: No space left on device": "disk filled up",
        "fatal: something new": "something new",
    }
    for text, says in cases.items():
        error = translate(GitFailed(128, text), "https://h/a", url="https://h/a")
        assert says in error.message
        assert "u:pw" not in str(error)
        assert error.retryable == (says == "cannot be reached")


def test_a_call_that_hangs_is_ended(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    script = tmp_path / "ssh"
    script.write_text("#!/bin/sh\nsleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    source = opened("ssh://git@host/a/b")
    source.settings = settings.model_copy(update={"git_timeout_seconds": 0.5})
    with pytest.raises(SourceUnavailableError, match="did not answer within"):
        source.observe()


def test_ssh_never_asks(opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script, told = tmp_path / "ssh", tmp_path / "told"
    script.write_text(f'#!/bin/sh\necho "$@" >> {told}\necho "Permission denied (publickey)." >&2\nexit 255\n')
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{script}")
    with pytest.raises(SourceError, match="authentication refused"):
        opened("ssh://git@host/a/b").observe()
    assert "BatchMode=yes" in told.read_text()


def test_patterns_of_refs_are_asked_of_the_place(repo: Repo, opened: Open) -> None:
    first = repo.commit({"a": "1"})
    for name in ("release/1", "release/2/fix", "other"):
        repo.git("branch", name)
    repo.git("tag", "-a", "release/v3", "-m", "three")
    for place in (repo.path, repo.path.as_uri()):
        entry = opened(place, refs=("main", "release/*")).entry
        assert heads_of(entry, 30) == {"main": first, "release/1": first, "release/v3": first}
        entry = opened(place, refs=("main", "release/**", "nothing")).entry
        told = heads_of(entry, 30)
        assert isinstance(told.pop("nothing"), SourceError)
        assert set(told) == {"main", "release/1", "release/2/fix", "release/v3"}
