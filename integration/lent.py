"""Plugins made on the fly that lend names to programs: a set of intrinsics `foo`, and a dialect `x`."""

import importlib
import sys
import textwrap

from htp.plugins import Found, discover
from htp.session import Session

SET = '''
import htp
from htp import Scalar, Slot, Tile, f16, f32, f64, i32, kernel, tile
from htp.intrinsics import DTypeVar, intrinsic

T = DTypeVar("T", f16, f32, f64)
HALF = 0.5
limit = Slot(f32, 1.0)


@htp.func
def doubled(x):
    y = x * 2
    return y


@intrinsic(unit="vector")
def rowmax(x: Tile[T, "M", "N"]) -> Tile[T, "M", 1]:
    """Largest element of every row."""
    return tile.max(x, axis=1, keepdims=True)


@intrinsic(unit="vector")
def fma(a: Tile[T, "M", "N"], b: Tile[T, "M", "N"], c: Tile[T, "M", "N"]) -> Tile[T, "M", "N"]:
    return a * b + c


@intrinsic
def axpy(a: Scalar[T], x: Tile[T, "M", "N"], y: Tile[T, "M", "N"], *, factor: float = 1.0) -> Tile[T, "M", "N"]:
    scaled = x * a * factor
    return fma(scaled, doubled(x) * HALF, y)


@intrinsic
def edge(x: Tile[f32, "M", "N"], *, n: int, mode: str = "first") -> Tile[f32, "M", "n"]:
    assert x.shape[1] >= n
    if mode == "first":
        y = x[:, :n]
    else:
        y = x[:, x.shape[1] - n :]
    return y


@intrinsic
def halves(x: Tile[f32, "M", "2 * N"], y: Tile[f32, "N"]) -> Tile[f32, "M", "N"]:
    return x[:, : y.shape[0]] + y


@intrinsic
def wide(x: Tile[f32, "M", "N"]) -> Tile[f64, "M", "N"]:
    return x.astype(f64)


@intrinsic(effects=True)
def told(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    tile.print("told")
    return x * 1.5


@intrinsic(expandable=False)
def opaque(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    return tile.exp(x)


@intrinsic
def veiled(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    return opaque(x)


@intrinsic
def endless(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    return endless(x)


@intrinsic
def limited(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    return tile.minimum(x, limit.value)


@intrinsic
def lying(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", 1]:
    return tile.max(x, axis=1)


@intrinsic
def undeclared(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    return x
'''

SET_PLUGIN = """
from htp.declarations import HandlerSet, IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1
NAMES = (
    "rowmax", "fma", "axpy", "edge", "halves", "wide", "told", "opaque", "veiled", "endless", "limited", "lying",
)


@hookimpl
def htp_intrinsics():
    return (IntrinsicSet("foo", "htp_foo.foo", NAMES, "an example", opaque=("opaque",)),)
"""

DIALECT = """
from contextlib import contextmanager

from htp.language import decorator


def blocks(n, step=1):
    return range(0, n, step)


class Region:
    def __call__(self, k):
        return self.when(k)

    @contextmanager
    def when(self, k):
        yield


region = Region()
region.__name__ = "region"
workload = decorator("workload", "x")


def secret(n):
    return n
"""

DIALECT_PLUGIN = '''
import ast
from dataclasses import dataclass, replace

from htp.capabilities import Captured, DialectUse
from htp.declarations import Dialect
from htp.hooks import hookimpl
from htp.passes import VisitorPass

HTP_API = 1


@dataclass(frozen=True)
class Lower(VisitorPass):
    """Blocks become ranges, regions vanish, workloads become routines."""

    name = "x.lower"
    requires = (Captured(),)
    eliminates = (DialectUse("x"),)
    introduces = (DialectUse("host"),)

    def visit_Call(self, node):
        node = self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "blocks":
            return ast.Call(ast.Name("range", ast.Load()), [ast.Constant(0), *node.args], [])
        return node

    def visit_With(self, node):
        return [self.generic_visit(each) for each in node.body]

    def visit_function(self, function):
        function = super().visit_function(function)
        return replace(function, kind="routine") if function.kind == "workload" else function


@hookimpl
def htp_dialects():
    return (Dialect("x", "blocks", ("htp_dialect_x",), ("blocks", "region"), ("workload",)),)


@hookimpl
def htp_passes():
    return (Lower(),)
'''

FILES = {
    "htp_foo/__init__.py": "",
    "htp_foo/foo.py": SET,
    "htp_foo/plugin.py": SET_PLUGIN,
    "htp_dialect_x/__init__.py": DIALECT,
    "htp_dialect_x/plugin.py": DIALECT_PLUGIN,
}
FOO = Found("foo", "htp_foo.plugin", "htp-foo", "0.1.0", ("htp-core>=0.1,<1",))
X = Found("x", "htp_dialect_x.plugin", "htp-dialect-x", "0.1.0", ("htp-core>=0.1,<1",))


def installed(folder, monkeypatch, **more):
    """Writes the packages, and files given beside them, and makes them importable."""
    for name, text in {**FILES, **more}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()


def removed():
    """Forgets the packages, so that the next test imports its own."""
    for name in [each for each in sys.modules if each.partition(".")[0] in ("htp_foo", "htp_foo_cpu", "htp_dialect_x")]:
        del sys.modules[name]


def session(*found):
    """Core, the CPU backend where it is installed, and these plugins."""
    return Session([*(each for each in discover() if each.builtin or each.name == "cpu"), *found])
