"""Fits the coefficients of `search/confidence.py` and shows how far they can be trusted.

    python -m benchmarks.confidence --data FOLDER --kit FOLDER [--svg FILE] [--arb WORK --asked RUN.jsonl]

`--data` is a data folder in which every corpus of the kit's `pairs` set is indexed under its name; the kit asks each
question of its own repository and of one about something else. Coefficients are fitted on all questions of the kit's
development half; every figure printed is of questions whose home repository was left out of the fit (one fit for each
home). The reliability diagram (`--svg`) is of the same left-out figures.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from code_index_assets.search.answer_fields import to_json
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.service import open_engine
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

ANSWER = ("cosine", "cover", "cover_all", "known", "bm25", "words", "defines")
WORDS = ("cover", "cover_all", "known", "bm25", "names", "words", "defines")
HIT = ("cosine", "cover", "names", "defines")
HIT_WORDS = ("cover", "names", "defines")
Array = np.ndarray


def fit(values: Array, labels: Array, ridge: float = 1.0) -> tuple[float, Array]:
    """Constant and weights of a logistic model, by Newton's method; the ridge acts on standardised values."""
    mean, spread = values.mean(0), values.std(0) + 1e-9
    rows = np.c_[np.ones(len(values)), (values - mean) / spread]
    penalty = ridge * np.eye(rows.shape[1])
    penalty[0, 0] = 0.0
    weights = np.zeros(rows.shape[1])
    for _ in range(100):
        likely = 1 / (1 + np.exp(-rows @ weights))
        step = np.linalg.solve(
            (rows * (likely * (1 - likely))[:, None]).T @ rows + penalty, rows.T @ (labels - likely) - penalty @ weights
        )
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    scaled = weights[1:] / spread
    return float(weights[0] - scaled @ mean), scaled


def left_out(values: Array, labels: Array, groups: Array) -> Array:
    """The likelihood of each row by a model that was fitted without its group."""
    likely = np.zeros(len(labels))
    for group in sorted(set(groups)):
        own = groups == group
        constant, weights = fit(values[~own], labels[~own])
        likely[own] = 1 / (1 + np.exp(-(constant + values[own] @ weights)))
    return likely


def auroc(scores: Array, labels: Array) -> float:
    """Chance that a question with an answer scores above one without; ties count one half."""
    with_answer, without = scores[labels == 1], scores[labels == 0]
    above = (with_answer[:, None] > without).mean() + 0.5 * (with_answer[:, None] == without).mean()
    return float(above)


def interval(scores: Array, labels: Array, groups: Array, rounds: int = 500) -> tuple[float, float]:
    """95 % interval of the AUROC, whole home repositories drawn."""
    generator = np.random.default_rng(7)
    names = sorted(set(groups))
    found = []
    for _ in range(rounds):
        rows = np.concatenate([np.flatnonzero(groups == name) for name in generator.choice(names, len(names))])
        found.append(auroc(scores[rows], labels[rows]))
    return float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))


def reliability(likely: Array, labels: Array, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean confidence, share with an answer, and number of questions, of each tenth."""
    numbers = np.minimum((likely * bins).astype(int), bins - 1)
    rows = [(likely[numbers == n], labels[numbers == n]) for n in range(bins)]
    return [(float(a.mean()), float(b.mean()), len(a)) for a, b in rows if len(a)]


def questions(kit: Path, name: str) -> list[dict[str, Any]]:
    """The questions of a set of the kit's development half."""
    with gzip.open(kit / "data" / name / "queries.jsonl.gz", "rt") as lines:
        return [question for line in lines if (question := json.loads(line))["split"] == "dev"]


def plain(text: str) -> str:
    """A question without the signs that are operators in a query."""
    return " ".join(text.replace('"', " ").replace(":", " ").replace(" -", " ").split())[:3900]


def asked(engine: SearchEngine, text: str, **filters: tuple[str, ...]) -> dict[str, Any]:
    """The answer to one question, with its signals."""
    return to_json(engine.search(SearchRequest(plain(text), 20, explain=True, **filters)))


def column(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Array:
    """Signals by name as columns."""
    return np.array([[row[name] for name in names] for row in rows])


def show_model(title: str, names: Sequence[str], constant: float, weights: Array) -> None:
    """Coefficients as they are written in `search/confidence.py`."""
    inside = ", ".join(f'"{name}": {weight:.3f}' for name, weight in zip(names, weights, strict=True))
    print(f"{title}: Model({constant:.3f}, {{{inside}}})")


def pairs(engine: SearchEngine, kit: Path, svg: Path | None) -> None:
    """Fits and figures over the `pairs` set."""
    rows = questions(kit, "pairs")
    answers = [asked(engine, row["text"], repositories=(row["corpus"],)) for row in rows]
    labels = np.array([row["label"] == "gold" for row in rows], float)
    groups = np.array([row["home"] for row in rows])
    signals = [answer["signals"] for answer in answers]
    for title, names in (("answers", ANSWER), ("answers without cosines", WORDS)):
        values = column(signals, names)
        show_model(title, names, *fit(values, labels))
        likely = left_out(values, labels, groups)
        low, high = interval(likely, labels, groups)
        print(f"  AUROC of homes left out: {auroc(likely, labels):.4f} [{low:.3f}, {high:.3f}]")
        for strong in (0.85, 0.9, 0.93, 0.95):
            foreign, own = (likely[labels == 0] >= strong), (likely[labels == 1] >= strong)
            among = foreign.sum() / max(1, foreign.sum() + own.sum())
            print(
                f"  strong from {strong}: {own.mean():.3f} of questions with an answer, {foreign.mean():.4f} of those "
                f"without; {among:.4f} of strong answers are of another repository"
            )
        for absent in (0.1, 0.15, 0.2, 0.3):
            lost, told = (likely[labels == 1] < absent).mean(), (likely[labels == 0] < absent).mean()
            print(f"  not here below {absent}: {told:.3f} of those without an answer, {lost:.4f} of those with one")
        if names is ANSWER:
            diagram = reliability(likely, labels)
            for confidence, share, count in diagram:
                print(f"  | {confidence:.2f} | {share:.2f} | {count} |")
            if svg:
                svg.write_text(drawn(diagram))
    shipped = np.array([answer["confidence"] for answer in answers])
    foreign = sum(a["confidence_word"] == "strong" and not y for a, y in zip(answers, labels, strict=True))
    print(f"shipped coefficients: AUROC {auroc(shipped, labels):.4f}; strong of another repository: {foreign} of 300")
    fit_hits(rows, answers)


def fit_hits(rows: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]]) -> None:
    """The model of one hit: whether it is in a file that answers."""
    hits = [(hit, row) for row, answer in zip(rows, answers, strict=True) for hit in answer["hits"][:10]]
    labels = np.array([hit["path"] in row["gold"] for hit, row in hits], float)
    groups = np.array([row["home"] for _, row in hits])
    for title, names in (("hits", HIT), ("hits without cosines", HIT_WORDS)):
        values = column([hit["signals"] for hit, _ in hits], names)
        show_model(title, names, *fit(values, labels))
        likely = left_out(values, labels, groups)
        print(f"  AUROC of homes left out: {auroc(likely, labels):.4f} over {len(hits)} hits of all questions")


def arb(work: Path, kit: Path, run: Path) -> None:
    """AUROC on titles of the public set without gold, with the shipped coefficients."""
    at = {line["id"]: line["at"] for line in map(json.loads, run.read_text().splitlines())}
    kinds, scores = [], []
    engines: dict[str, SearchEngine] = {}
    for question in questions(kit, "arb"):
        if question["id"] not in at:
            continue
        folder = work / "data" / question["repo"].replace("/", "+")
        engine = engines.setdefault(question["repo"], engine_of(folder))
        first = question["text"].strip().split("\n")[0]
        answer = asked(engine, first.partition(": ")[2] if ": " in first[:14] else first, refs=(at[question["id"]],))
        kinds.append(question["kind"] if question["kind"].startswith("nogold") else "gold")
        scores.append(answer["confidence"])
    values, names = np.array(scores), np.array(kinds)
    for none in ("nogold-natural", "nogold-wrong-repo", "nogold"):
        chosen = (names == "gold") | np.char.startswith(names, none)
        labels = (names[chosen] == "gold").astype(float)
        count = int((labels == 0).sum())
        print(f"titles, gold ({int(labels.sum())}) against {none} ({count}): {auroc(values[chosen], labels):.3f}")


def drawn(diagram: Sequence[tuple[float, float, int]]) -> str:
    """The reliability diagram as SVG: a dot for each tenth, as large as it has questions."""
    dots = "".join(
        f'<circle cx="{40 + 300 * confidence:.0f}" cy="{320 - 300 * share:.0f}" r="{3 + count**0.5 / 2:.1f}" '
        f'fill="#2563eb" fill-opacity=".7"/>'
        for confidence, share, count in diagram
    )
    texts = (
        '<text x="190" y="350" text-anchor="middle">confidence</text>'
        '<text x="14" y="170" text-anchor="middle" transform="rotate(-90 14 170)">share with an answer</text>'
        '<text x="40" y="335" text-anchor="middle">0</text><text x="340" y="335" text-anchor="middle">1</text>'
        '<text x="30" y="24" text-anchor="end">1</text>'
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 360" font-family="sans-serif" font-size="12">'
        '<rect width="360" height="360" fill="#fff"/><rect x="40" y="20" width="300" height="300" fill="none" '
        'stroke="#94a3b8"/><path d="M40 320L340 20" stroke="#94a3b8" stroke-dasharray="4 4"/>'
        f"{dots}{texts}</svg>\n"
    )


def engine_of(folder: Path) -> SearchEngine:
    """The engine of a data folder."""
    settings = Settings.model_validate({"data": folder})
    return open_engine(settings, Layout(folder))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--arb", type=Path, help="work folder of the kit's product.py")
    parser.add_argument("--asked", type=Path, help="its run file: where each question is asked")
    arguments = parser.parse_args()
    pairs(engine_of(arguments.data), arguments.kit, arguments.svg)
    if arguments.arb:
        arb(arguments.arb, arguments.kit, arguments.asked)


if __name__ == "__main__":
    main()
