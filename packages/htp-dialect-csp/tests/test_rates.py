"""Balance of constant rates, and the least room that channels need."""

from itertools import product

import pytest
from networks_kit import program

from htp.diagnostics import Refused
from htp_dialect_csp.checks import check
from htp_dialect_csp.rates import Edge, edges_of, minimal_capacities, minimal_capacity, repetition
from htp_dialect_csp.reading import graph_of

TRIANGLE = (Edge("ab", "A", "B", 1, 2), Edge("bc", "B", "C", 3, 2), Edge("ac", "A", "C", 3, 4))


def test_numbers_of_firings():
    assert repetition([Edge("m", "P", "C", 2, 3)]) == {"P": 3, "C": 2}
    assert repetition(TRIANGLE) == {"A": 4, "B": 2, "C": 3}
    apart = [Edge("m", "P", "C", 2, 3), Edge("n", "Q", "R", 4, 2)]
    assert repetition(apart) == {"P": 3, "C": 2, "Q": 1, "R": 2}


def test_rates_that_do_not_fit():
    with pytest.raises(Refused) as caught:
        repetition((*TRIANGLE[:2], Edge("ac", "A", "C", 1, 1)))
    assert caught.value.code == "csp.rate"
    assert caught.value.diagnostic.message == (
        "'A' produces 1 per run, 'C' consumes 1 on 'ac': the other channels ask for the runs A 4, B 2, C 3, "
        "which make 4 and 3; no balanced schedule"
    )


def runs_forever(produced, consumed, initial, capacity):
    """Plays one channel between two processes until a state comes again."""
    tokens, seen = initial, set()
    while tokens not in seen:
        seen.add(tokens)
        if tokens >= consumed:
            tokens -= consumed
        elif tokens + produced <= capacity:
            tokens += produced
        else:
            return False
    return True


def test_the_formula_for_one_channel_is_the_least_capacity():
    for produced, consumed, initial in product(range(1, 6), range(1, 6), range(12)):
        least = next(c for c in range(initial, 40) if runs_forever(produced, consumed, initial, c))
        assert minimal_capacity(produced, consumed, initial) == least, (produced, consumed, initial)
        assert minimal_capacities([Edge("m", "P", "C", produced, consumed, initial)]) == {"m": least}


def test_the_least_capacities_of_a_graph():
    assert minimal_capacities(TRIANGLE) == {"ab": 2, "bc": 4, "ac": 8}
    assert fire(TRIANGLE, {"A": 4, "B": 2, "C": 3}, {"ab": 2, "bc": 4, "ac": 8})
    smaller = [each for each in product(range(1, 6), range(1, 8), range(1, 12)) if sum(each) < 14]
    for each in smaller:
        assert not fire(TRIANGLE, {"A": 4, "B": 2, "C": 3}, dict(zip(("ab", "bc", "ac"), each, strict=True)))


def fire(edges, runs, capacities):
    """Whether every process gets to fire as often as it should, whoever comes first, with room held from the start."""
    tokens, left = {each.channel: 0 for each in edges}, dict(runs)
    while ready := [name for name in left if left[name] and fires(edges, name, tokens, capacities)]:
        name = ready[0]
        for each in edges:
            tokens[each.channel] += each.produced * (each.source == name) - each.consumed * (each.target == name)
        left[name] -= 1
    return not any(left.values())


def fires(edges, name, tokens, capacities):
    return all(
        (each.target != name or tokens[each.channel] >= each.consumed)
        and (each.source != name or tokens[each.channel] + each.produced <= capacities[each.channel])
        for each in edges
    )


def test_a_circle_needs_tokens():
    assert minimal_capacities([Edge("f", "A", "B", 1, 1), Edge("b", "B", "A", 1, 1)]) is None
    assert minimal_capacities([Edge("f", "A", "B", 1, 1), Edge("b", "B", "A", 1, 1, 1)]) == {"f": 1, "b": 1}


def endless(*, third):
    return program(f"""
@process
def A(ab: Send[f32], ac: Send[f32]) -> None:
    while True:
        ab.send(1.0)
        for i in range({third}):
            ac.send(1.0)


@process
def B(ab: Recv[f32], bc: Send[f32]) -> None:
    while True:
        ab.recv()
        ab.recv()
        for i in range(3):
            bc.send(1.0)


@process
def C(bc: Recv[f32], ac: Recv[f32]) -> None:
    while True:
        bc.recv()
        bc.recv()
        for i in range({third + third // 3}):
            ac.recv()


@network
def net() -> None:
    ab = Channel[f32](capacity=2)
    bc = Channel[f32](capacity=4)
    ac = Channel[f32](capacity=8)
    A(ab, ac)
    B(ab, bc)
    C(bc, ac)
""")


def test_rates_are_read_from_processes_that_never_end():
    found = endless(third=3)
    assert edges_of(graph_of(found, found.main)) == TRIANGLE[:2] + TRIANGLE[2:]
    assert check(found) == ()


def test_processes_that_never_end_and_do_not_fit():
    with pytest.raises(Refused) as caught:
        check(endless(third=1))
    assert caught.value.code == "csp.rate"
    assert "A 4, B 2, C 3" in caught.value.diagnostic.message
