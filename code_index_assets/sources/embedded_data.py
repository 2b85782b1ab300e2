"""Data inside text: pictures in notebooks, fonts in style sheets, tables as one string.

What lives here: where it stands. What does not: taking it out (`text.py`: each place reads `[removed: …]` and every
line keeps its number), secrets (`sources/secrets/scan.py`).

Such text has no words to find, and used to decide about its file: a picture of 1.4 MB left out a notebook with 60
bytes of code, and one of 30 KB made thirty chunks of base64.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .secrets.scan import Finding

EMBEDDED_DATA = "embedded-data"
NOTEBOOK_OUTPUT = "notebook-output"
DATA_RULES = frozenset({EMBEDDED_DATA, NOTEBOOK_OUTPUT})
# Longer than any word or path that people write, and than a public key.
MIN_DATA_CHARS = 1_000
# Outputs of a notebook's cell up to this size are text that people read.
MAX_OUTPUT_CHARS = 2_000
# A notebook is read up to this size; without its data it must be as small as any other file.
MAX_NOTEBOOK_BYTES = 64 << 20
_RUN = re.compile(rf"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/=_-]|\\n){{{MIN_DATA_CHARS},}}")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
_OUTPUTS = re.compile(r'"outputs"\s*:\s*\[')


def is_notebook(path: str) -> bool:
    """Whether a file is a Jupyter notebook, by its name."""
    return path.lower().endswith(".ipynb")


def find_data(path: str, text: str) -> list[Finding]:
    """Where a text holds data, in order, without overlaps. Offsets are characters of the decoded text."""
    spans = list(_outputs(text)) if is_notebook(path) else []
    taken = [(finding.start, finding.end) for finding in spans]
    for at, line in _long_lines(text):
        for run in _RUN.finditer(line):
            if not any(start <= at + run.start() < end for start, end in taken):
                spans.append(_finding(EMBEDDED_DATA, text, at + run.start(), at + run.end()))
    return sorted(spans, key=lambda finding: finding.start)


def _long_lines(text: str) -> Iterator[tuple[int, str]]:
    """Where each line begins that is long enough to hold data, and the line: few files have one."""
    if len(text) < MIN_DATA_CHARS:
        return
    at = 0
    for line in text.split("\n"):
        if len(line) >= MIN_DATA_CHARS:
            yield at, line
        at += len(line) + 1


def _outputs(text: str) -> Iterator[Finding]:
    """The inside of each `"outputs": [...]` that is longer than people read, but for its brackets."""
    for opening in _OUTPUTS.finditer(text):
        depth, end = 1, None
        for token in _TOKEN.finditer(text, opening.end()):
            depth += (token[0] in "[{") - (token[0] in "]}")
            if depth == 0:
                end = token.start()
                break
        if end is not None and end - opening.end() > MAX_OUTPUT_CHARS:
            yield _finding(NOTEBOOK_OUTPUT, text, opening.end(), end)


def _finding(rule: str, text: str, start: int, end: int) -> Finding:
    return Finding(rule=rule, line=text.count("\n", 0, start) + 1, start=start, end=end)


def without_data(text: str, data: list[Finding]) -> str:
    """The text without its data, for measuring: what is left decides whether it is minified, or too large."""
    pieces, done = [], 0
    for finding in data:
        pieces.append(text[done : finding.start])
        done = max(done, finding.end)
    return "".join([*pieces, text[done:]])
