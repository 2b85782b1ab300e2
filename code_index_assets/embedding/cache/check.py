"""A program: reads a whole vector cache and says whether every row of it is intact. Argument: the cache's folder.

In a separate process: LMDB maps the file, and a damaged one can end the process that reads it.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

from .vectors import is_sound


def main() -> int:
    """Exit code 0 if the cache is intact; else what is wrong is the last line printed."""
    wrong = _damage(Path(sys.argv[1]))
    if wrong:
        sys.stdout.write(wrong + "\n")
    return 1 if wrong else 0


def _damage(folder: Path) -> str:
    import lmdb

    if not is_sound(folder):
        return "its header is not that of a cache, or the file is too short"
    rows = wrong = 0
    try:
        with lmdb.open(str(folder), readonly=True, lock=False, max_dbs=0) as environment, environment.begin() as look:
            before = b""
            for key, row in look.cursor():
                rows += 1
                wrong += bytes(key) <= before
                before = bytes(key)
                wrong += zlib.crc32(row[4:]).to_bytes(4, "little") != row[:4]
            if rows != environment.stat()["entries"]:
                return f"{rows:,} of {environment.stat()['entries']:,} vectors can be read"
    except lmdb.Error as error:
        return str(error) or type(error).__name__
    return f"{wrong:,} of {rows:,} vectors have other bytes than were written" if wrong else ""


if __name__ == "__main__":
    sys.exit(main())
