"""Tasks between two channel operations fit into the window of the runtime, all processes taken together."""

import pytest
from networks_kit import program

from htp.diagnostics import Refused
from htp_dialect_csp.graph import graph_of
from htp_dialect_csp.window import check_window, most_tasks


def graph(body, other="for t in a:\n    k(y, y)"):
    bodies = ["\n".join(f"    {line}" for line in each.splitlines()) for each in (body, other)]
    found = program(f"""
@kernel
def k(x: In[Tensor[f32, 4]], y: Out[Tensor[f32, 4]]) -> None:
    y[:] = x[:]


@workload
def many(x: In[Tensor[f32, 4]]) -> None:
    k(x, x)


@process
def p(a: Send[f32], x: In[Tensor[f32, 4]], n: Scalar[i32]) -> None:
{bodies[0]}


@process
def q(a: Recv[f32], y: Out[Tensor[f32, 4]], n: Scalar[i32]) -> None:
{bodies[1]}


@network
def net(x: In[Tensor[f32, 4]], y: Out[Tensor[f32, 4]], n: Scalar[i32]) -> None:
    a = Channel[f32](capacity=2)
    p(a, x, n)
    q(a, y, n)
""")
    return graph_of(found, found.main)


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ("a.send(1.0)", 0),
        ("k(x, x)\na.send(1.0)\nk(x, x)\nk(x, x)", 2),
        ("for i in range(5):\n    k(x, x)\n    a.send(1.0)\n    k(x, x)\n    k(x, x)", 3),
        ("for i in range(5):\n    k(x, x)", 5),
        ("for i in range(n):\n    k(x, x)", 7),
        ("for i in range(5):\n    for j in range(3):\n        k(x, x)\n    a.send(1.0)", 3),
        ("for i in range(5):\n    a.send(1.0)\nk(x, x)", 1),
        ("k(x, x)\nfor i in range(n):\n    a.send(1.0)\nk(x, x)", 2),
        ("k(x, x)\nif x[0] > 0:\n    a.send(1.0)\nelse:\n    k(x, x)\nk(x, x)", 3),
        ("while x[0] > 0:\n    k(x, x)", None),
        ("many(x)", None),
    ],
)
def test_the_most_tasks_at_a_stretch(body, most):
    assert most_tasks(graph(body).processes[0].steps, {"n": 7}) == most


def test_a_window_that_is_large_enough_and_one_that_is_not():
    found = graph("for i in range(4):\n    k(x, x)\n    k(x, x)\n    a.send(1.0)")
    assert check_window(found, 3) == ()
    with pytest.raises(Refused) as caught:
        check_window(found, 2)
    assert caught.value.code == "csp.window"
    assert caught.value.diagnostic.message == (
        "the task window holds 2 tasks, and the processes of `net` issue up to 3 between two of their channel "
        "operations ('p' 2, 'q' 1)"
    )


def test_tasks_that_depend_on_data_are_a_warning():
    (found,) = check_window(graph("while x[0] > 0:\n    k(x, x)\na.send(1.0)"), 64)
    assert (found.code, found.severity) == ("csp.window-risk", "warning")
    assert "'p'" in found.message
    assert "64 tasks" in found.message
