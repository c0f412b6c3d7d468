"""The room that channels need, as packages, pages and pictures tell it."""

import pytest
from networks_kit import program

import htp
from htp.diagnostics import Refused
from htp.views import networks_of, stream_mermaid
from htp_dialect_csp.checks import check
from htp_dialect_csp.demos.pipeline import squares
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.rooms import Room, rooms

RATES = """
@process
def P(m: Send[f32]) -> None:
    for i in range({turns}):
        m.send(1.0)
        m.send(2.0)


@process
def C(m: Recv[f32]) -> None:
    for i in range({turns} * 2 // 3):
        m.recv()
        m.recv()
        m.recv()


@network
def net() -> None:
    m = Channel[f32](capacity=1)
    P(m)
    C(m)
"""


def found(text):
    made = program(text)
    return rooms(graph_of(made, made.main))


def test_two_rates():
    assert found(RATES.format(turns=6)) == {"m": Room(least=0, whole_turns=4)}


DEALT = """
@process
def deal(x: Send[i32], y: Send[i32]) -> None:
    for k in range(4):
        x.send(k)
    for k in range({second}):
        y.send(k)


@process
def pairs(x: Recv[i32], y: Recv[i32]) -> None:
    for k in range(4):
        x.recv()
        y.recv()


@network
def net() -> None:
    x = Channel[i32](capacity={capacity})
    y = Channel[i32](capacity=1)
    deal(x, y)
    pairs(x, y)
"""


def test_two_loops_one_behind_the_other_have_no_turns_that_are_alike():
    assert found(DEALT.format(second=4, capacity=9)) == {"x": Room(least=3), "y": Room(least=0)}


TURNS = """
@process
def both(x: Send[i32], y: Send[i32]) -> None:
    for k in range(8):
        x.send(k)
        x.send(k)
        x.send(k)
        y.send(k)


@process
def take(x: Recv[i32], y: Recv[i32]) -> None:
    for k in range(8):
        y.recv()
        for i in range(3):
            x.recv()


@network
def net() -> None:
    x = Channel[i32](capacity=1)
    y = Channel[i32](capacity=1)
    both(x, y)
    take(x, y)
"""


def test_too_small_a_capacity_is_refused_with_what_is_enough_at_all_sizes():
    with pytest.raises(Refused) as caught:
        check(program(TURNS))
    assert caught.value.code == "csp.deadlock"
    assert caught.value.diagnostic.notes == (
        "capacity of 'x' is 1, 3 is needed for 'take' to make progress",
        "capacities that are enough at all sizes: 3 of 'x', 1 of 'y'",
    )
    assert caught.value.diagnostic.help == ("give `x` capacity=3 or more",)


def test_what_data_decides_is_not_known():
    text = RATES.replace("for i in range({turns}):\n        m.send(1.0)", "while True:\n        m.try_send(1.0)")
    assert found(text.format(turns=6)) == {"m": Room()}


def test_the_package_its_page_and_its_graph_tell_it(tmp_path):
    package = htp.compile_program(squares, target="cpu", out=tmp_path / "squares")
    (network,) = networks_of(package)
    assert [(each.name, each.least, each.whole_turns) for each in network.channels] == [
        ("a", "0", "1"),
        ("b", "0", "1"),
    ]
    assert "capacity 2 (least 0)" in stream_mermaid(network)
    last = package.stage_text(package.stages[-1].id)
    assert "least=0" in last
    assert "whole_turns=1" in last
