"""Kernels in selected form as tests write them: a text, and what it becomes."""

from __future__ import annotations

import ast

from htp.diagnostics import Span
from htp.dims import parse
from htp.program import Function, Program, stamp
from htp.types import Param, ScalarType, TensorType, dtype_named

SOFTMAX = """
for i in range(0, M, 64):
    rows: Tile[f32, "min(64, M - i)", 128, ub(64, 128)] = pto.load(x[i:min(M, i + 64), :])
    tmp: Tile[f32, 64, 128, ub(64, 128)] = pto.scratch(rows=64, cols=128, dtype=f32)
    t1: Tile[f32, "min(64, M - i)", 1, ub(64, 1, "dn")] = pto.rowmax(rows, tmp)
    t2: Tile[f32, "min(64, M - i)", 128, ub(64, 128)] = pto.rowexpandsub(rows, t1)
    t3: Tile[f32, "min(64, M - i)", 128, ub(64, 128)] = pto.exp(t2)
    t4: Tile[f32, "min(64, M - i)", 1, ub(64, 1, "dn")] = pto.rowsum(t3, tmp)
    t5: Tile[f32, "min(64, M - i)", 128, ub(64, 128)] = pto.rowexpanddiv(t3, t4)
    y[i:min(M, i + 64), :] = pto.store(t5)
"""

PRODUCT = """
first: Tile[f16, 64, 64, l1(64, 64)] = pto.load(a[0:64, 0:64])
other: Tile[f16, 64, 64, l1(64, 64)] = pto.load(b[0:64, 0:64])
left: Tile[f16, 64, 64, l0a(64, 64)] = pto.mov(first)
right: Tile[f16, 64, 64, l0b(64, 64)] = pto.mov(other)
acc: Tile[f32, 64, 64, l0c(64, 64)] = pto.matmul(left, right, dtype=f32)
for k in range(64, K, 64):
    first: Tile[f16, 64, 64, l1(64, 64)] = pto.load(a[0:64, k:k + 64])
    other: Tile[f16, 64, 64, l1(64, 64)] = pto.load(b[k:k + 64, 0:64])
    left: Tile[f16, 64, 64, l0a(64, 64)] = pto.mov(first)
    right: Tile[f16, 64, 64, l0b(64, 64)] = pto.mov(other)
    acc: Tile[f32, 64, 64, l0c(64, 64)] = pto.matmul_acc(acc, left, right)
c[0:64, 0:64] = pto.store(acc)
"""


def array(name: str, direction: str, dtype: str, *dims: str) -> Param:
    """A parameter that is an array."""
    return Param(name, direction, TensorType(dtype_named(dtype), tuple(parse(each) for each in dims)))


def scalar(name: str, dtype: str) -> Param:
    """A parameter that is a number."""
    return Param(name, "scalar", ScalarType(dtype_named(dtype)))


def kernel(text: str, *params: Param, name: str = "made") -> Function:
    """A kernel with that text; its lines are those of `made.py`."""
    body = []
    for statement in ast.parse(text).body:
        for node in ast.walk(statement):
            if isinstance(node, ast.stmt):
                stamp(node, Span(file="made.py", line=node.lineno))
        body.append(statement)
    return Function(name, "kernel", params, tuple(body), Span(file="made.py", line=1))


def program(*kernels: Function) -> Program:
    """A program of kernels."""
    return Program(kernels[0].name, kernels)


def softmax() -> Function:
    """One pass over rows of 128, 64 at a time."""
    return kernel(SOFTMAX, array("x", "in", "f32", "M", "128"), array("y", "out", "f32", "M", "128"), name="softmax_0")


def product() -> Function:
    """A product whose sum stays where it is from the first 64 of K to the last."""
    halves = array("a", "in", "f16", "64", "K"), array("b", "in", "f16", "K", "64")
    return kernel(PRODUCT, *halves, array("c", "out", "f32", "64", "64"), name="product_0")


def text_of(function: Function) -> str:
    """The body as text."""
    return "\n".join(ast.unparse(each) for each in function.body)
