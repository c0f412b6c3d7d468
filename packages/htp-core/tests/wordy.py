"""A made-up dialect of workloads, with walks, branches, axes, directives and a policy, as schedules need them."""

import ast
import sys
from contextlib import contextmanager
from dataclasses import dataclass, make_dataclass, replace
from itertools import product
from types import ModuleType

from toys import plugin

from htp.capabilities import Captured, DialectUse, DirectiveUse
from htp.declarations import Dialect, Emission
from htp.language import decorator
from htp.passes import VisitorPass
from htp.program import origin_of


class Walk:
    """Goes over ranges and axes."""

    __name__ = "P"

    def __call__(self, *axes):
        points = product(*(range(each) if isinstance(each, int) else each for each in axes))
        return points if len(axes) > 1 else (point for (point,) in points)

    seq = sel = __call__

    @contextmanager
    def when(self, *conditions):
        yield

    otherwise = case = when


class Scheduled:
    """Directives: nothing happens."""

    __name__ = "scheduled"

    def __call__(self, *args, **kwargs):
        """Nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Scheduled()


class Rows:
    """Rows of differing lengths."""

    def __init__(self, rows, lengths):
        self.lengths = lengths

    def __getitem__(self, row):
        return range(int(self.lengths[row]))


def zigzag(*, workers, start=0):
    """To and fro."""
    return ("zigzag", workers, start)


@dataclass(frozen=True)
class Lower(VisitorPass):
    """Directives vanish, workloads become routines."""

    name = "wordy.lower"
    requires = (Captured(),)
    eliminates = (DialectUse("wordy"), DirectiveUse("tile"), DirectiveUse("steal"))
    introduces = (DialectUse("host"),)

    def visit_Expr(self, node):
        return None if ast.unparse(node).startswith("scheduled.") else node

    def visit_function(self, function):
        function = super().visit_function(function)
        return replace(function, kind="routine") if function.kind == "workload" else function


@dataclass(frozen=True)
class Tuned:
    """A schedule of some directives, each at the place of the entry's first statement."""

    directives: tuple[str, ...]

    def inscribe(self, program):
        place = origin_of(program.main.body[0])
        written = [ast.parse(f"scheduled.{each}").body[0] for each in self.directives]
        for each in (node for statement in written for node in ast.walk(statement)):
            each.origin = place
        return program.replace(replace(program.main, body=(*written, *program.main.body)))


def emit(program, target):
    """The last stage's text."""
    return Emission((("codegen/program.py", program.text().encode()),), "small.package/1")


def made():
    """The modules of the dialect and of the policy, and the plugins that announce them."""
    words = ModuleType("toy_wordy")
    words.P, words.scheduled, words.Rows, words.workload = Walk(), Scheduled(), Rows, decorator("workload", "wordy")
    policies = ModuleType("toy_policies")
    policies.zigzag = zigzag
    sys.modules |= {"toy_wordy": words, "toy_policies": policies}
    named = make_dataclass("Named", [("name", str), ("module", str)], frozen=True)
    dialect = Dialect(
        "wordy", "workloads", ("toy_wordy",), ("P", "scheduled", "Rows"), ("workload",), directives="scheduled"
    )
    return (
        plugin("wordy", "htp-wordy", htp_dialects=(dialect,), htp_passes=(Lower(),)),
        plugin("policies", "htp-policies", htp_policies=(named("zigzag", "toy_policies"),)),
    )
