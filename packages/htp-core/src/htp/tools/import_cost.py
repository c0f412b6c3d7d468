"""What importing the modules of plugins costs: measured in fresh processes, and reported where it is heavy.

A plugin's module only declares; what is heavy is named with `Lazy` and imported when it is needed. Knows modules and
milliseconds; does not know what plugins contribute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.plugins import Found

__all__ = ["HEAVY", "ImportCost", "heavy_imports", "import_cost"]

HEAVY = frozenset((
    "IPython", "cupy", "jax", "jaxlib", "matplotlib", "ml_dtypes", "mlir", "networkx", "numba", "numpy", "onnx",
    "pandas", "scipy", "sympy", "tensorflow", "torch", "triton", "xdsl",
))  # fmt: skip
"""Packages whose import takes longer than all of `import htp`."""

# What every plugin imports of HTP is imported first, so that it is not counted; dots keep a line of output together.
_SCRIPT = """
import importlib, io, json, sys, time
path, values = json.loads(sys.stdin.read())
sys.path[:] = path
import htp, htp.capabilities, htp.declarations, htp.hooks, htp.passes, htp.session
out, sys.stdout = sys.stdout, io.StringIO()
before, start = set(sys.modules), time.perf_counter()
for value in values:
    try:
        importlib.import_module(value.partition(":")[0].strip())
    except (Exception, SystemExit):
        pass
seconds = time.perf_counter() - start
out.write(json.dumps([seconds, sorted(set(sys.modules) - before)]))
"""


@dataclass(frozen=True)
class ImportCost:
    """What one import took beyond HTP itself: milliseconds of wall time and the modules it brought in."""

    milliseconds: float
    modules: tuple[str, ...]

    @property
    def heavy(self) -> tuple[str, ...]:
        """The heavy packages among the modules."""
        return tuple(sorted({each.partition(".")[0] for each in self.modules} & HEAVY))


def import_cost(values: Sequence[str], path: Sequence[str] | None = None) -> ImportCost:
    """What importing the modules of entry points costs in one fresh process whose `sys.path` is `path`."""
    asked = json.dumps([list(sys.path if path is None else path), list(values)])
    done = subprocess.run([sys.executable, "-c", _SCRIPT], input=asked, capture_output=True, text=True, check=True)
    seconds, modules = json.loads(done.stdout)
    return ImportCost(1e3 * seconds, tuple(modules))


def heavy_imports(found: Sequence[Found], path: Sequence[str] | None = None) -> tuple[tuple[Found, Diagnostic], ...]:
    """The plugins whose module imports heavy packages, each with the finding that says which and how long it took.

    All are imported in one process first; only when that brings in something heavy is each measured in its own.
    """
    if not found or not import_cost([each.value for each in found], path).heavy:
        return ()
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        costs = list(pool.map(import_cost, ([each.value] for each in found), [path] * len(found)))
    pairs = zip(found, costs, strict=True)
    return tuple((each, _finding(each, cost)) for each, cost in pairs if cost.heavy)


def _finding(found: Found, cost: ImportCost) -> Diagnostic:
    took = f"{cost.milliseconds:.0f} ms, {len(cost.modules)} modules"
    return Diagnostic(
        code="plugin.heavy-import",
        severity="warning",
        message=f"{found} imports {', '.join(cost.heavy)} when it is loaded: {took}",
        help=('name what needs it as `Lazy("module:name")`, or import it inside functions',),
    )
