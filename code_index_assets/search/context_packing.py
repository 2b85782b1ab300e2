"""Filling a token budget with places: the best in full, tests and surroundings as signatures.

What lives here: which places are taken, in which form, and why each is there in words. What does not: finding and
ranking places (`context.py`), the text (`context_text.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .answers import Hit, RepositoryState
from .context_answers import ContextSpan, Part
from .context_text import core_block, file_line, footer, short, signature_line
from .neighbours import Link, Spot
from .repository_code import RepositoryCode, Symbol, lines_of
from .token_count import COUNTED, count_tokens

CORE_SHARE = 0.6  # of the budget, for places in full
TEST_SHARE = 0.1
# A place in full takes at most this share of the budget, and at most so many tokens.
SPAN_SHARE = 0.2
SPAN_TOKENS = 1_200
# What a further place of the same file is worth: a second file tells more than a fourth function of the first.
SAME_FILE = 0.6
SAME_FILE_AROUND = 0.3
SEPARATOR = 2
MOST_MISSES = 5
FIXED_TOKENS = 50  # headings and the last line


@dataclass(frozen=True)
class Found:
    """A place with its rank: the hit, or the edge, or the words of the task that led to it."""

    key: str
    spot: Spot
    rank: float
    hit: Hit | None
    symbol: Symbol | None
    link: Link | None
    named: str


@dataclass(frozen=True)
class Packing:
    """What fits."""

    spans: tuple[ContextSpan, ...]
    tokens: int
    left_out: int
    counted: str


def pack(
    found: list[Found], max_tokens: int, codes: Mapping[str, RepositoryCode],
    state_of: Callable[[str], RepositoryState], notes: Sequence[str],
) -> Packing:  # fmt: skip
    """The places that fit, core first, then tests, then surroundings; never more than `max_tokens` as text."""
    packer = _Packer(found, max_tokens, codes, state_of, notes)
    core = packer.core()
    tests = packer.signatures("test", int(max_tokens * TEST_SHARE))
    around = packer.signatures("around", packer.left)
    spans = (*core, *tests, *around)
    return Packing(spans, max_tokens - packer.left, len(found) - len(spans), COUNTED)


class _Packer:
    def __init__(
        self, found: list[Found], max_tokens: int, codes: Mapping[str, RepositoryCode],
        state_of: Callable[[str], RepositoryState], notes: Sequence[str],
    ) -> None:  # fmt: skip
        self.found, self.max_tokens, self.codes, self.state_of = found, max_tokens, codes, state_of
        states = list({one.key: state_of(one.key) for one in found}.values())
        self.several = len({state.repository for state in states}) > 1
        self.left = max_tokens - count_tokens("\n".join(notes)) - FIXED_TOKENS
        self.footed: set[str] = set()  # keys whose commit is in the footer
        self.taken: list[Found] = []
        self.shown: dict[tuple[str, str], list[tuple[int, int]]] = {}  # lines by file

    # -- places in full ------------------------------------------------------------------------------------------------

    def core(self) -> list[ContextSpan]:
        budget = int(self.left * CORE_SHARE)
        most = min(int(self.max_tokens * SPAN_SHARE), SPAN_TOKENS)
        spans: list[ContextSpan] = []
        misses = 0  # places that do not fit, or whose lines were not read
        files: Counter[tuple[str, str]] = Counter()
        candidates = [one for one in self.found if self._deserves_lines(one)][:200]
        texts = self._texts(candidates[:40])
        while candidates and budget > 60:
            best = max(candidates, key=lambda one: one.rank * SAME_FILE ** files[one.key, one.spot[0]])
            candidates.remove(best)
            if self._inside_taken(best):
                continue
            span = self._in_full(best, texts, min(most, budget, self.left - self._foot(best.key, taken=False)))
            if span is None:
                misses += 1
                if misses > MOST_MISSES:
                    break
                continue
            spans.append(span)
            self._take(best)
            files[best.key, best.spot[0]] += 1
            budget -= span.tokens
            self.left -= span.tokens + self._foot(best.key)
        return spans

    def _deserves_lines(self, one: Found) -> bool:
        return one.hit is not None or bool(one.named) or (one.link is not None and one.link.grade != "textual")

    def _texts(self, candidates: list[Found]) -> dict[str, dict[str, list[tuple[int, int, str]]]]:
        """Chunks of the files whose lines no hit brings, each repository's read at once."""
        paths: dict[str, list[str]] = {}
        for one in candidates:
            if one.hit is None and one.key in self.codes:
                paths.setdefault(one.key, []).append(one.spot[0])
        return {key: self.codes[key].texts(several) for key, several in paths.items()}

    def _in_full(
        self, one: Found, texts: Mapping[str, Mapping[str, list[tuple[int, int, str]]]], most: int
    ) -> ContextSpan | None:
        """The lines of a place, cut around what matters if they are too many; None if no line fits or is known."""
        path, start, end = one.spot
        middle = start
        if one.hit is not None:
            start, end, text = one.hit.start_line, one.hit.end_line, one.hit.text
            middle = one.hit.snippet.start_line
        else:
            chunks = texts.get(one.key, {}).get(path)
            if not chunks:
                return None
            if one.link is not None and one.link.backwards and one.link.path == path:
                middle = one.link.line
            elif one.named:
                middle = int(one.named.rpartition(":")[2])
            text = lines_of(chunks, start, end)
        start, end, text = _without_blank_edges(start, text.split("\n")[: end - start + 1])
        span = self._span(one, "core", start, end, text)
        cost = self._cost_in_full(span)
        lines = text.split("\n")
        while cost > most and len(lines) > 4:
            count = max(int(len(lines) * most / cost), 4) if cost < 4 * most else len(lines) // 2
            count = min(count, len(lines) - 1)
            first = min(max(middle - start - count // 4, 0), len(lines) - count)
            lines, start = lines[first : first + count], start + first
            span = replace(span, start_line=start, end_line=start + len(lines) - 1, text="\n".join(lines))
            cost = self._cost_in_full(span)
        return replace(span, tokens=cost) if cost <= most else None

    def _foot(self, key: str, *, taken: bool = True) -> int:
        """What the line with the commit of a repository costs, the first time."""
        if key in self.footed:
            return 0
        if taken:
            self.footed.add(key)
        state = self.state_of(key)
        return count_tokens(footer([state], {state.repository}, ())) + 1

    def _cost_in_full(self, span: ContextSpan) -> int:
        return count_tokens(core_block(span, self.several)) + SEPARATOR

    def _inside_taken(self, one: Found) -> bool:
        """Whether the lines of a place are shown already."""
        start, end = _lines_of(one)
        return any(first <= start and end <= last for first, last in self.shown.get((one.key, one.spot[0]), ()))

    def _take(self, one: Found) -> None:
        self.taken.append(one)
        self.shown.setdefault((one.key, one.spot[0]), []).append(_lines_of(one))

    # -- signatures ----------------------------------------------------------------------------------------------------

    def signatures(self, part: Part, budget: int) -> list[ContextSpan]:
        """Signatures, the best file first, the places of a file together."""
        budget = min(budget, self.left)
        known = {(one.key, one.spot) for one in self.taken}
        files: Counter[tuple[str, str]] = Counter()
        spans: list[tuple[Found, ContextSpan]] = []
        candidates = [one for one in self.found if (one.key, one.spot) not in known and not self._inside_taken(one)]
        if part == "test":
            candidates = [one for one in candidates if self._role(one) == "test"]
        shown = Counter((one.key, one.spot[0]) for one in self.taken)
        weighed = []
        for one in candidates:
            file = (one.key, one.spot[0])
            weighed.append((one.rank * SAME_FILE_AROUND ** (files[file] + shown[file] / 2), one))
            files[file] += 1
        named: set[tuple[str, str]] = set()
        for _, one in sorted(weighed, key=lambda pair: -pair[0]):
            span = self._span(one, part, one.spot[1], one.spot[2], self._signature(one))
            cost = count_tokens(signature_line(span)) + 1
            if (one.key, one.spot[0]) not in named:
                cost += count_tokens(file_line(span.repository, span.path, self.several)) + SEPARATOR
            if cost + self._foot(one.key, taken=False) > budget:
                break
            named.add((one.key, one.spot[0]))
            spans.append((one, replace(span, tokens=cost)))
            self._take(one)
            cost += self._foot(one.key)
            budget -= cost
            self.left -= cost
        order = {(one.key, one.spot[0]): number for number, (one, _) in reversed(list(enumerate(spans)))}
        spans.sort(key=lambda pair: (order[pair[0].key, pair[0].spot[0]], pair[1].start_line))
        return [span for _, span in spans]

    def _signature(self, one: Found) -> str:
        if one.symbol is not None:
            return short(one.symbol.line)
        if one.hit is not None:
            return short(one.hit.signature or next((line for line in one.hit.text.split("\n") if line.strip()), ""))
        return ""

    def _role(self, one: Found) -> str:
        if one.hit is not None:
            return one.hit.role
        return self.codes[one.key].role(one.spot[0]) if one.key in self.codes else "source"

    # -- in words ------------------------------------------------------------------------------------------------------

    def _span(self, one: Found, part: Part, start: int, end: int, text: str) -> ContextSpan:
        state, link = self.state_of(one.key), one.link
        symbol = one.symbol.qualified_name if one.symbol else one.hit.qualified_name if one.hit else None
        kind = one.symbol.kind if one.symbol else one.hit.kind if one.hit else "lines"
        return ContextSpan(
            repository=state.repository, path=one.spot[0], start_line=start, end_line=end, commit=state.commit,
            part=part, why=self._why(one, part), kind=kind,
            symbol=symbol, role=self._role(one), grade=link.grade if link else None,
            evidence_path=link.path if link else None, evidence_line=link.line if link else None, tokens=0, text=text,
        )  # fmt: skip

    def _why(self, one: Found, part: Part) -> tuple[str, ...]:
        if one.named:
            return (one.named,)
        if one.hit is not None:
            lanes = ", ".join(sorted(one.hit.lanes, key=lambda lane: one.hit.lanes[lane]))  # type: ignore[union-attr]
            return (*one.hit.why[:2], lanes) if part == "core" else (lanes,)
        if one.link is not None:
            return (self._of_link(one, one.link),)
        return ()

    def _of_link(self, one: Found, link: Link) -> str:
        """`called by add_item at cart.py:12, proven (import)`: how it hangs together with a place that was found."""
        code = self.codes.get(one.key)
        start = code.around(link.start[0], link.start[1]) if code is not None else None
        name = start.name if start is not None else link.start[0].rpartition("/")[2]
        passive = {
            "calls": "called by",
            "instantiates": "made by",
            "types": "type in",
            "names": "named in",
            "reads": "read by",
        }
        relation = {"names": "names"}.get(link.kind, "uses") if link.kind != "calls" else "calls"
        relation = relation if link.backwards else passive.get(link.kind, "used by")
        where = (
            f"{link.line}"
            if link.path == one.spot[0] and link.backwards
            else f"{link.path.rpartition('/')[2]}:{link.line}"
        )
        return f"{relation} {name} at {where}, {link.grade}"


def _lines_of(one: Found) -> tuple[int, int]:
    return (one.hit.start_line, one.hit.end_line) if one.hit else (one.spot[1], one.spot[2])


def _without_blank_edges(start: int, lines: list[str]) -> tuple[int, int, str]:
    """First line, last line and text without blank lines at either end."""
    first, last = 0, len(lines)
    while last > 1 and not lines[last - 1].strip():
        last -= 1
    while first < last - 1 and not lines[first].strip():
        first += 1
    return start + first, start + last - 1, "\n".join(lines[first:last])
