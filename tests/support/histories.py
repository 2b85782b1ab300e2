"""Random git histories for the law: operations on a working repository, and a strategy that draws them.

Every operation is total: on a repository where it has nothing to do it does something near, so that shrinking works.
"""

from __future__ import annotations

from dataclasses import dataclass

from chains import GitRepository
from hypothesis import strategies as st

PATHS = (
    "app.py", "core/engine.py", "core/util.py", "core/__init__.py", "pkg/main.go", "pkg/go.mod", "go.mod",
    "web/index.ts", "web/package.json", "lib/a.rs", "docs/read me.md", "README.md", "vendor/dep.py", "api/x.pb.go",
    ".codeindexignore", ".gitattributes", "core/.codeindexignore", "data.bin", "ünïcode.py", "tests/test_app.py",
)  # fmt: skip
CONTENTS: tuple[bytes, ...] = (
    b"def greet(name):\n    return name\n\n\nclass Engine:\n    def start(self):\n        return greet('x')\n",
    b"def greet(name):\n    return name + '!'\n\n\nclass Engine:\n    def start(self):\n        return greet('x')\n",
    b"from core.util import helper\nimport core.engine\n\n\ndef run():\n    return helper()\n",
    b"def helper():\n    return 42\n\n\ndef helper():\n    return 42\n",
    b'package main\n\nimport "example.org/m/pkg"\n\nfunc Serve(w Writer) { pkg.Do(w) }\n\ntype T struct{ A int }\n',
    b"module example.org/m\n\ngo 1.21\n",
    b"module example.org/other\n\ngo 1.21\n",
    b'import { a } from "./index";\nexport function b(): number { return a(); }\n',
    b'{"name": "web", "main": "index.ts"}\n',
    b"# Title\n\nSome text.\n\n## Part\n\nMore of it.\n",
    b"use crate::a;\npub fn f(x: u32) -> u32 { x + 1 }\n",
    b"key = 'AKIA" + b"Q3EGRFEXAMPLZXW5'\npassword = 1\n\ndef use():\n    return key\n",
    b"core/\n*.ts\n",
    b"*.go linguist-generated\nvendor/* -linguist-vendored\n",
    b"\x89PNG\x00\x01binary",
    b"",
    b"caf\xe9 = 1  # latin-1\n",
    b"x" * 40 + b" = 1\n" + b"\n".join(b"def f%d():\n    return %d\n" % (i, i) for i in range(30)),
)


@dataclass(frozen=True)
class Operation:
    """One step of a history: its name, two numbers that say on what."""

    name: str
    one: int = 0
    two: int = 0


NAMES = (
    "write", "write", "write", "rename", "copy", "delete", "mode", "symlink", "submodule", "revert", "amend",
    "force_back", "branch", "back_to_main", "merge", "cherry_pick", "empty",
)  # fmt: skip

operations = st.builds(
    Operation, st.sampled_from(NAMES), st.integers(0, len(PATHS) - 1), st.integers(0, len(CONTENTS) - 1)
)
# Between two runs of the chain one or several operations happen; a run may stop early, as a killed one does.
rounds = st.lists(
    st.tuples(st.lists(operations, min_size=1, max_size=4), st.sampled_from((6, 6, 6, 6, 1, 2, 3, 4, 5))),
    min_size=1,
    max_size=4,
)


def tracked(repository: GitRepository) -> list[str]:
    return sorted(name for name in repository.git("ls-files", "-z").split("\0") if name)


def apply(repository: GitRepository, operation: Operation) -> None:
    """Does one operation; every one but the branch switches ends in a commit."""
    path, content = PATHS[operation.one], CONTENTS[operation.two]
    files = [name for name in tracked(repository) if name != "keep.py"]
    picked = files[operation.one % len(files)] if files else None
    match operation.name:
        case "write":
            repository.commit({path: content} if _free(repository, path) else {"other.py": content})
        case "rename" | "copy" if picked and _is_file(repository, picked) and _free(repository, path):
            body = (repository.path / picked).read_bytes()
            repository.commit(
                {path: body} if operation.name == "copy" or picked == path else {picked: None, path: body}
            )
        case "delete" if picked:
            repository.git("rm", "-q", "-f", "--", picked)
            repository.git("commit", "-q", "-m", "delete")
        case "mode" if picked and _is_file(repository, picked):
            bit = "+x" if operation.two % 2 else "-x"
            repository.git("update-index", f"--chmod={bit}", "--", picked)
            repository.git("commit", "-q", "--allow-empty", "-m", "mode")
            repository.git("checkout", "-q", "-f", "HEAD")
        case "symlink" if _free(repository, path):
            target = repository.path / path
            target.unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to("keep.py")
            repository.commit({})
        case "submodule":
            commit = repository.git("rev-parse", "HEAD").strip()
            repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub{operation.two % 2}")
            repository.git("commit", "-q", "-m", "submodule")
        case "revert" if _has_parent(repository):
            _or_abort(repository, "revert", "--no-edit", "HEAD")
        case "amend":
            repository.git("commit", "-q", "--amend", "--allow-empty", "-m", f"reworded {operation.two}")
        case "force_back":
            back = min(1 + operation.two % 3, int(repository.git("rev-list", "--count", "--first-parent", "HEAD")) - 1)
            repository.git("reset", "-q", "--hard", f"HEAD~{back}")
        case "branch":
            repository.git("checkout", "-q", "-f", "-B", f"side{operation.two % 2}")
        case "back_to_main":
            repository.git("checkout", "-q", "-f", "main")
        case "merge":
            _or_abort(repository, "merge", "--no-edit", "-q", "main")
        case "cherry_pick":
            _or_abort(repository, "cherry-pick", "main")
        case _:
            repository.commit({}, message=f"empty {operation.two}")


def _is_file(repository: GitRepository, name: str) -> bool:
    path = repository.path / name
    return path.is_file() and not path.is_symlink()


def _free(repository: GitRepository, name: str) -> bool:
    """Whether a file can be written there: no folder of that name, no file or link in place of a parent."""
    path = repository.path / name
    above = list(path.relative_to(repository.path).parents)[:-1]
    taken = path.is_dir() or path.is_symlink() or any((repository.path / parent).is_file() for parent in above)
    return not taken


def _has_parent(repository: GitRepository) -> bool:
    return int(repository.git("rev-list", "--count", "--first-parent", "HEAD")) > 1


def _or_abort(repository: GitRepository, command: str, *arguments: str) -> None:
    import subprocess

    try:
        repository.git(command, *arguments)
    except subprocess.CalledProcessError:
        try:
            repository.git(command, "--abort")
        except subprocess.CalledProcessError:
            repository.git("reset", "-q", "--hard")
