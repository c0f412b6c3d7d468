"""Workloads that processes call: how many tasks they issue, and whether a window that ends the run has room."""

import pytest
from networks_kit import program

from htp.diagnostics import Refused
from htp.dims import const, parse, sym
from htp_dialect_csp.checks import check
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.symbols import ArrayValue
from htp_dialect_csp.window import check_windows, most_tasks


def network(body, size=8, call="many(y)", window="", given="pass"):
    """A process that calls the workload `many`, which has that body, once for every token."""
    lines = "\n".join(f"    {line}" for line in [*([window] if window else []), *body.splitlines()])
    return program(f"""
@kernel
def k(x: InOut[Tensor[f32, "n"]]) -> None:
    x[:] = x[:] + 1.0


@workload
def few(x: InOut[Tensor[f32, "n"]]) -> None:
    for i in P(2):
        k(x)


@workload
def many(x: InOut[Tensor[f32, "N"]]) -> None:
{lines}


@process
def p(a: Send[f32]) -> None:
    for i in range(3):
        a.send(1.0)


@process
def q(a: Recv[f32], z: InOut[Tensor[f32, "M"]], n: Scalar[i32]) -> None:
    for t in a:
        y = empty(({size},), f32)
        {call}
        z[0] = y[0]


@network
def net(z: InOut[Tensor[f32, "M"]], n: Scalar[i32]) -> None:
    {given}
    a = Channel[f32](capacity=2)
    p(a)
    q(a, z, n)
""")


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ("k(x)", const(1)),
        ("for i in P(x.shape[0]):\n    k(x[i:i + 1])", sym("N")),
        ("for i, j in P(range(0, x.shape[0], 4), 3):\n    k(x)\n    k(x)", 6 * parse("(N + 3) // 4")),
        ("for i in P.seq(5):\n    for j in range(i):\n        k(x)", const(10)),
        ("few(x)\ncombine(few(x), few(x))", const(6)),
        ("for i in P(4):\n    if i > 1:\n        k(x)\n        k(x)\n    else:\n        k(x)", const(8)),
        ("with P.when(x[0] > 0):\n    k(x)\nwith P.otherwise():\n    few(x)", const(3)),
        ("rows = Ragged(4, x)\nfor r in P(rows):\n    k(x)", None),
        ("while x[0] > 0:\n    k(x)", None),
    ],
)
def test_the_most_tasks_of_a_workload(body, most):
    found = network(body)
    assert most_tasks(found, found.function("many"), [ArrayValue((sym("N"),))]) == most


LOOP = "for i in P(range(0, x.shape[0], 2)):\n    k(x[i:i + 2])"


def warnings(**named):
    found = network(LOOP, **named)
    return check_windows(found, graph_of(found, found.main))


def test_a_window_with_room_for_all_tasks():
    for window in ("", "scheduled.task_window(1)", 'scheduled.task_window(1, mode="stall")'):
        assert warnings(window=window) == ()
    assert warnings(window='scheduled.task_window(4, mode="abort")') == ()


def test_a_window_that_ends_the_run():
    with pytest.raises(Refused) as caught:
        warnings(window='scheduled.task_window(3, mode="abort")')
    found = caught.value.diagnostic
    assert (found.code, found.span.line) == ("csp.window", 30)
    assert found.message == (
        "'q' issues 4 tasks of `many` between two of its channel operations, and the window of 3 tasks ends the run "
        "when it is full"
    )
    assert found.help == ('say task_window(4), or mode="stall", which waits for room',)


@pytest.mark.parametrize(
    ("named", "number", "holds"),
    [
        ({"size": "n", "window": 'scheduled.task_window(3, mode="abort")'}, "(n + 1) // 2 tasks", "3 tasks"),
        ({"call": "many(t)", "window": 'scheduled.task_window(3, mode="abort")'}, "depends on data", "3 tasks"),
        ({"window": 'scheduled.task_window(64, unit="bytes", mode="abort")'}, "4 tasks", "a number of bytes"),
    ],
)
def test_a_window_that_may_end_the_run_is_a_warning(named, number, holds):
    (found,) = warnings(**named)
    assert (found.code, found.severity, found.span.line) == ("csp.window-risk", "warning", 30)
    assert number in found.message
    assert f"the window of {holds} ends the run" in found.message


def test_an_assert_shows_that_there_is_room():
    window = 'scheduled.task_window(3, mode="abort")'
    assert warnings(size="n", window=window, given="assert n <= 6") == ()
    assert warnings(size="n", window=window, given="assert n <= 7") != ()


def test_the_windows_are_checked_with_everything_else():
    found = check(network(LOOP, size="n", window='scheduled.task_window(3, mode="abort")'))
    assert [each.code for each in found] == ["csp.window-risk"]
