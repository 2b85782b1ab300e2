"""Kill -9 of a run at any moment: what is published stays whole, and the next run of anything finishes the work."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from chains import Chain, GitRepository

from code_index_assets.index.backends.choice import make_backend
from code_index_assets.index.verify import verify

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "support" / "steps_alone.py"
KEY, OTHER = "killed", "other"


def two_repositories(chain: Chain, tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "work")
    repository.commit({f"m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(6)})
    other = GitRepository(tmp_path / "other")
    other.commit({"o.py": "def o():\n    return 0\n"})
    for key, place in ((KEY, repository), (OTHER, other)):
        chain.register(f"file://{place.path}", key)
        chain.index(key)
    return repository


def in_a_process(chain: Chain, fatal: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(SCRIPT), str(chain.data), KEY, str(fatal)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def whole(chain: Chain, make_chain: Callable[..., Chain], name: str) -> None:
    """Everything published is what its receipts say; after runs of both keys it equals a build from scratch."""
    for key in chain.snapshot().receipts:
        space = chain.snapshot().space
        backend = make_backend(chain.layout, chain.settings, space, chain.snapshot().manifest.dimension)
        assert verify(key, backend, chain.layout, space, deep=True) == []
    chain.index(OTHER)
    chain.index(KEY)
    scratch = make_chain(name)
    for entry in chain.registry.entries:
        scratch.register(entry.url or "", entry.name)
        scratch.index(entry.name)
    assert chain.published() == scratch.published()
    assert chain.layout.remove_leftovers() >= 0
    assert not [path for path in (chain.data / "tmp").iterdir() if path.is_dir()]
    staging = chain.layout.index(chain.snapshot().space) / "staging"
    assert not list(staging.iterdir())


def kills(chain: Chain, repository: GitRepository, make_chain: Callable[..., Chain], count: int) -> None:
    repository.commit({"m0.py": "def f0():\n    return 'first'\n"})
    last = int(in_a_process(chain, 0).stdout)
    assert last > 60
    generator = random.Random(7)
    for number, fatal in enumerate(sorted(generator.sample(range(1, last), count))):
        repository.commit({"m0.py": f"def f0():\n    return {fatal}\n", f"new{number}.py": f"x{number} = 1\n"})
        done = in_a_process(chain, fatal)
        assert done.returncode == -signal.SIGKILL, done.stderr
        whole(chain, make_chain, f"scratch{number}")


def test_killed_at_a_change_of_the_file_system(chain: Chain, tmp_path: Path, make_chain: Callable[..., Chain]) -> None:
    kills(chain, two_repositories(chain, tmp_path), make_chain, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_many_changes_of_the_file_system(
    chain: Chain, tmp_path: Path, make_chain: Callable[..., Chain]
) -> None:
    kills(chain, two_repositories(chain, tmp_path), make_chain, 30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_command_lines_leave_no_run_behind(tmp_path: Path) -> None:
    """Through Dagster: after kills at random times a run of anything succeeds, and no run stays active for ever."""
    repository = GitRepository(tmp_path / "work")
    repository.commit({"a.py": "def f():\n    return 0\n"})
    data = tmp_path / "data"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "test"}
    command = [sys.executable, "-m", "code_index_assets.cli.main", "index", "--quiet"]

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path
        )

    first = run(str(repository.path), "--name", KEY)
    started = time.monotonic()
    out, _ = first.communicate(timeout=300)
    seconds = time.monotonic() - started
    assert first.returncode == 0, out
    generator = random.Random(11)
    for number in range(8):
        repository.commit({"a.py": f"def f():\n    return {number + 1}\n"})
        victim = run(KEY)
        time.sleep(generator.uniform(0.2, 1.0) * seconds)
        victim.kill()
        victim.communicate()
    last = run(KEY)
    out, _ = last.communicate(timeout=300)
    assert last.returncode == 0, out
    import dagster as dg

    with dg.DagsterInstance.from_config(str(data / "dagster")) as instance:
        statuses = {run.status for run in instance.get_runs()}
        assert statuses <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
        taken = [slot for key in instance.event_log_storage.get_concurrency_keys()
                 for slot in instance.event_log_storage.get_concurrency_info(key).claimed_slots]  # fmt: skip
        assert not taken
