"""Loops whose turns keep to parts of their own, and what names are read behind a statement."""

import ast

import pytest

from htp.capture import parse_program
from htp.independence import Independence, is_range
from htp.infer.engine import infer
from htp.liveness import Liveness

HEAD = '''\
from htp import In, InOut, Out, Tensor, Tile, kernel, tile, f32


@kernel
def k(x: In[Tensor[f32, "M", 8]], y: InOut[Tensor[f32, "M", 8]], s: Out[Tensor[f32, 1, 8]]) -> None:
    M = x.shape[0]
'''


def function(body):
    program = parse_program(HEAD + "".join(f"    {line}\n" for line in body), "program.py")
    return program.main, infer(program, program.main)


@pytest.mark.parametrize(
    ("body", "independent"),
    [
        (["for i in range(0, M, 4):", "    y[i:min(M, i + 4), :] = x[i:min(M, i + 4), :]"], True),
        (["for i in range(0, M, 4):", "    y[i:min(M, i + 4), :] = y[i:min(M, i + 4), :]"], True),
        (["for i in range(0, M, 4):", "    y[0:min(M, 4), :] = x[0:min(M, 4), :]"], False),
        (["for i in range(0, M, 4):", "    y[i:min(M, i + 5), :] = x[i:min(M, i + 5), :]"], False),
        (["t = x[:, :]", "for i in range(0, M, 4):", "    t = t * 2.0", "y[:, :] = t"], False),
        (["for i in range(0, M, 4):", '    tile.print("i", i)'], False),
    ],
)
def test_turns_are_independent_when_each_keeps_to_its_own_rows(body, independent):
    main, known = function(body)
    (loop,) = (each for each in main.body if isinstance(each, ast.For))
    assert is_range(loop)
    assert Independence(main, known).independent(loop) is independent


def test_a_perfect_nest_is_found_as_far_as_it_is_independent():
    main, known = function([
        "for i in range(0, M, 4):", "    for j in range(0, 8, 2):",
        "        y[i:min(M, i + 4), j:j + 2] = x[i:min(M, i + 4), j:j + 2]",
    ])  # fmt: skip
    nest = Independence(main, known).nest(main.body[-1])
    assert [each.target.id for each in nest] == ["i", "j"]


def test_a_loop_hands_on_what_it_reads_before_it_writes():
    main, _ = function(["t = x[:, :]", "for i in range(0, M, 4):", "    t = t * 2.0", "    u = t", "y[:, :] = t"])
    live = Liveness(main.body)
    loop = main.body[2]
    assert live.before(loop) >= {"t"}
    assert "u" not in live.before(loop)
    assert live.behind(loop) == {"t", "y"}
    assert "t" not in live.behind(main.body[3])
