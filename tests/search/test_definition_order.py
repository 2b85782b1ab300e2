"""What comes first among definitions of one name."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.search.definition_order import DefinitionPlace, order_key


def place(
    name: str = "Engine",
    kind: str = "function",
    role: str = "source",
    qualified: str = "",
    path: str = "src/engine.rs",
    line: int = 1,
) -> DefinitionPlace:
    return DefinitionPlace(name, kind, role, qualified or name, "r", path, line)


def in_order(
    places: list[Any] | list[DefinitionPlace] | tuple[DefinitionPlace, ...], *asked: Any
) -> list[Any] | list[DefinitionPlace]:
    return sorted(places, key=lambda one: order_key(one, asked))


def test_types_then_top_level_then_members_and_exercises_last() -> None:
    struct = place(kind="struct", path="src/z.rs")
    function = place(kind="function", qualified="engine::Engine")
    constant = place(kind="constant", qualified="engine.Engine", path="pkg/engine.py")
    method = place(kind="method", qualified="engine::Car::Engine", path="src/a.rs")
    prototype = place(kind="prototype", path="a.h")
    benchmark = place(kind="struct", path="benches/engine.rs")
    test = place(kind="struct", role="test", path="src/engine_test.go")
    lower = place(name="engine", kind="struct")
    expected = [struct, function, constant, prototype, method, benchmark, test, lower]
    for shuffled in itertools.islice(itertools.permutations(expected), 0, 40_000, 997):
        assert in_order(shuffled, "Engine") == expected


def test_a_benchmark_is_known_by_its_file_too() -> None:
    source, benchmark = place(name="ref", path="z/ref.go"), place(name="ref", path="a/ref_bench.go")
    assert in_order([benchmark, source], "ref") == [source, benchmark]


@given(
    st.lists(
        st.builds(
            place,
            name=st.sampled_from(["Engine", "engine", "EngineRoom"]),
            kind=st.sampled_from(["struct", "method", "prototype", "strange"]),
            role=st.sampled_from(["source", "test", "strange"]),
            path=st.sampled_from(["a.rs", "bench/a.rs", "b.rs"]),
            line=st.integers(1, 3),
        ),
        max_size=8,
    )
)
def test_the_order_does_not_depend_on_the_order_before(places: Any) -> None:
    assert [order_key(p, ("Engine",)) for p in in_order(places, "Engine")] == [
        order_key(p, ("Engine",)) for p in in_order(places[::-1], "Engine")
    ]
