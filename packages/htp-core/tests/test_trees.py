"""A function's body is a tree: what is known of one place of a node is not known of another."""

from __future__ import annotations

import ast
from dataclasses import replace

from htp import In, Out, Tensor, f32, kernel
from htp.capture import capture
from htp.infer.engine import infer
from htp.infer.values import Region
from htp.trees import as_tree


def test_a_tree_stays_the_one_it_is():
    body = tuple(ast.parse("y = x + x\nfor i in range(3):\n    y = y * -x").body)
    assert as_tree(body) is body


def test_a_node_in_a_second_place_is_a_copy_there():
    name = ast.Name("x", ast.Load())
    name.origin = "here"  # type: ignore[attr-defined]
    first, second = ast.Expr(name), ast.Expr(ast.BinOp(name, ast.Add(), name))
    made = as_tree((first, second, first))
    assert made[0] is first
    assert [ast.unparse(each) for each in made] == ["x", "x + x", "x"]
    names = [each for one in made for each in ast.walk(one) if isinstance(each, ast.Name)]
    assert len({id(each) for each in names}) == 4
    assert {getattr(each, "origin", None) for each in names} == {"here"}
    assert [each for each in ast.walk(second) if each is name] == [name, name]  # what was given is left as it is
    assert made[2] is not first


def test_copies_go_as_deep_as_there_is_anything():
    inner = ast.parse("f(a[i:j], k=[b])").body[0]
    made = as_tree((inner, inner))
    nodes = [id(each) for one in made for each in ast.walk(one) if not isinstance(each, ast.expr_context)]
    assert len(set(nodes)) == len(nodes)
    assert ast.dump(made[0]) == ast.dump(made[1])


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    N = x.shape[0]
    if N > 0:
        y[:] = x[:]
    else:
        y[:] = x[:]


def test_what_is_known_of_both_branches_is_known_apart():
    program = capture(twice)
    branch = next(each for each in program.main.body if isinstance(each, ast.If))
    shared = ast.If(branch.test, branch.body, branch.body)
    body = tuple(shared if each is branch else each for each in program.main.body)
    program = program.replace(replace(program.main, body=body))
    known = infer(program, program.main)
    after = next(each for each in program.main.body if isinstance(each, ast.If))
    stores = [each for each in (*after.body, *after.orelse) if isinstance(each, ast.Assign)]
    regions = [known.types[id(each.value)] for each in stores]
    assert [str(each.dims[0]) for each in regions if isinstance(each, Region)] == ["N", "0"]
