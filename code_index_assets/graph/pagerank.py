"""PageRank: of a whole graph, and personalised from seeds over edges that are looked up only where they matter.

What lives here: the two computations over any nodes. What does not: which edges there are (`references.py`,
`search/neighbours.py`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import count
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
DAMPING = 0.85
ROUNDS = 40
SETTLED = 1e-7
LEAST = 1e-5


def pagerank(
    edges: Iterable[tuple[Node, Node, float]], nodes: Iterable[Node], damping: float = DAMPING
) -> dict[Node, float]:
    """The rank of every node; the ranks add up to 1. What a node without edges holds goes to all nodes alike."""
    import numpy as np

    real = [(start, end, weight) for start, end, weight in edges if start != end and weight > 0]
    known = dict.fromkeys(nodes) | dict.fromkeys(node for start, end, _ in real for node in (start, end))
    if not known:
        return {}
    number = {node: place for place, node in enumerate(known)}
    starts = np.array([number[start] for start, _, _ in real], np.int64)
    ends = np.array([number[end] for _, end, _ in real], np.int64)
    weights = np.array([weight for _, _, weight in real], np.float64)
    count = len(known)
    out = np.bincount(starts, weights, count)
    shares = weights / out[starts]
    ranks = np.full(count, 1 / count)
    for _ in range(ROUNDS):
        given = np.bincount(ends, shares * ranks[starts], count)
        after = (1 - damping + damping * ranks[out == 0].sum()) / count + damping * given
        moved = float(np.abs(after - ranks).sum())
        ranks = after
        if moved < SETTLED:
            break
    return dict(zip(known, ranks.tolist(), strict=True))


def personalised(
    seeds: Mapping[Node, float],
    neighbours: Callable[[Node], Iterable[tuple[Node, float]]],
    *,
    restart: float,
    expansions: int,
) -> dict[Node, float]:
    """The rank of the nodes near some seeds, by pushing what is largest first; at most so many nodes are expanded.

    What was not pushed on counts where it is, so the result is a lower bound of the true rank of each node, and the
    same for the same graph: no clock decides.
    """
    total = sum(seeds.values())
    if total <= 0:
        return {}
    left = {node: weight / total for node, weight in seeds.items() if weight > 0}
    ranks: dict[Node, float] = {}
    order = count()
    queue = [(-weight, next(order), node) for node, weight in left.items()]
    heapq.heapify(queue)
    expanded: dict[Node, tuple[tuple[Node, float], ...]] = {}
    while queue:
        weight, _, node = heapq.heappop(queue)
        held = left.get(node, 0.0)
        if held < LEAST or -weight < held - 1e-12:
            continue  # pushed since, queued again with more, or too little to tell
        if node not in expanded:
            if len(expanded) >= expansions:
                break
            expanded[node] = tuple(neighbours(node))
        ends = expanded[node]
        total = sum(weight for _, weight in ends)
        left[node] = 0.0
        if total <= 0:
            ranks[node] = ranks.get(node, 0.0) + held
            continue
        ranks[node] = ranks.get(node, 0.0) + restart * held
        for end, weight in ends:
            left[end] = left.get(end, 0.0) + (1 - restart) * held * weight / total
            heapq.heappush(queue, (-left[end], next(order), end))
    for node, held in left.items():
        if held > 0:
            ranks[node] = ranks.get(node, 0.0) + restart * held
    return ranks
