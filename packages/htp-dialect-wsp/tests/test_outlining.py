"""Outlining: statements become a kernel with the parameters they need, and a call."""

import ast

from small_workloads import add, double, positive, shifted
from stage_texts import lines_of

import htp
from htp import In, InOut, Out, Scalar, Tensor, f32, i64, tile
from htp.capture import capture
from htp.infer.engine import infer
from htp.unparse import param_text
from htp_dialect_wsp import P, workload
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.outlining import aliased, outline


def outlined(definition, name="made", inside=1):
    """The kernel made of the innermost block, `inside` loops deep, its parameters, body and call."""
    program = Compose().apply(capture(definition))
    block = list(program.main.body)
    for _ in range(inside):
        block = next(each for each in block if isinstance(each, ast.For)).body
    kernel, call = outline(program, block, name)
    added = htp.Program(entry=program.entry, functions=(*program.functions, kernel))
    infer(added, kernel)  # it is a kernel that core can type
    params = [param_text(each) for each in kernel.params]
    return params, lines_of(added, kernel.name), ast.unparse(call), program, block


def test_regions_and_scalars_become_parameters():
    @workload
    def two(x: In[Tensor[f32, "N"]], by: Scalar[f32], y: Out[Tensor[f32, "N"]], z: InOut[Tensor[f32, "N"]]) -> None:
        for i in P(range(0, x.shape[0], 8)):
            shifted(x[i:i + 8], by, y[i:i + 8])
            add(y[i:i + 8], z[i:i + 8])

    params, body, call, program, block = outlined(two)
    assert params == [
        'x: In[Tensor[f32, "x_0"]]', 'y: Out[Tensor[f32, "x_0"]]', 'z: InOut[Tensor[f32, "x_0"]]', "by: Scalar[f32]",
    ]  # fmt: skip
    assert body == ["shifted(x, by, y)", "add(y, z)"]
    assert call == "made(x[i:i + 8], y[i:i + 8], z[i:i + 8], by)"
    assert aliased(program, block) is None


def test_elements_that_are_read_become_regions_of_one_and_conditional_outputs_keep_their_contents():
    @workload
    def select(x: In[Tensor[f32, "N"]], flags: In[Tensor[i64, "N", 2]], y: Out[Tensor[f32, "N"]]) -> None:
        for i in P(x.shape[0]):
            if tile.item(flags[i, 1]) > i:
                double(x[i:i + 1], y[i:i + 1])

    params, body, call, _, _ = outlined(select)
    assert params == [
        "flags: In[Tensor[i64, 1, 1]]", 'x: In[Tensor[f32, "x_0"]]', 'y: InOut[Tensor[f32, "x_0"]]', "i: Scalar[i64]",
    ]  # fmt: skip
    assert body == ["if tile.item(flags[0, 0]) > i:", "    double(x, y)"]
    assert call == "made(flags[i:i + 1, 1:2], x[i:i + 1], y[i:i + 1], i)"


def test_regions_that_the_statements_decide_are_whole_tensors():
    @workload
    def rows(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
        for i in P(range(0, x.shape[0], 2)):
            for j in P.seq(2):
                double(x[i + j], y[i + j])

    params, body, call, _, _ = outlined(rows)
    assert params == [
        'x: In[Tensor[f32, "x_0", "x_1"]]', 'y: InOut[Tensor[f32, "x_0", "x_1"]]', "i: Scalar[i64]",
    ]  # fmt: skip
    assert body == ["for j in range(2):", "    double(x[i + j], y[i + j])"]
    assert call == "made(x, y, i)"


def test_two_regions_of_a_written_tensor_are_told():
    @workload
    def shift(x: InOut[Tensor[f32, "N"]], n: Out[Tensor[i64, 1]]) -> None:
        for i in P.seq(x.shape[0] - 1):
            double(x[i:i + 1], x[i + 1:i + 2])
            positive(x[i:i + 1], n)

    _, _, _, program, block = outlined(shift)
    assert aliased(program, block) == "x"


def test_names_that_are_taken_get_a_number():
    @workload
    def once(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        for i in P(2):
            double(x[i:i + 1], y[i:i + 1])

    assert outlined(once, "double")[2] == "double_2(x[i:i + 1], y[i:i + 1])"

