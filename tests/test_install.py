"""What `make` tells while it installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIP = """#!/bin/sh
echo 'Collecting torch==2.9 (from code-index==0.1)'
echo '  Downloading torch-2.9.0-cp311-cp311-manylinux_2_28_x86_64.whl (888.1 MB)'
echo 'Collecting Foo_bar'
echo 'WARNING: Running pip as the root user can break things'
echo 'Installing collected packages: torch, Foo_bar'
exit %d
"""


def install(tmp_path: Path, status: int) -> subprocess.CompletedProcess[str]:
    (tmp_path / "pip").write_text(PIP % status)
    (tmp_path / "pip").chmod(0o755)
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'deploy')!r}); import install; install.PLAIN_SECONDS = 0.0; "
        f"install.packages = lambda: 9; sys.exit(install.main([{str(tmp_path / 'pip')!r}, '--editable', '.']))"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_installation_tells_how_far_it_is(tmp_path: Path) -> None:
    done = install(tmp_path, 0)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "  1 of about 9 packages: torch",
        "  1 of about 9 packages: torch, 888.1 MB",
        "  2 of about 9 packages: Foo_bar",
        "  unpacking 2 packages",
    ]


def test_a_failed_installation_shows_what_pip_said(tmp_path: Path) -> None:
    done = install(tmp_path, 1)
    assert done.returncode == 1 and "WARNING: Running pip" in done.stderr and "error: pip could not" in done.stderr
