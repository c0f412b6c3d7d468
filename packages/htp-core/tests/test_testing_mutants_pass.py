"""Wrong passes, each of which the law that it breaks must find."""

import ast
import itertools
from dataclasses import dataclass, field, replace

import pytest

from htp import In, Out, Tensor, f32, kernel, tile
from htp.capabilities import Captured, Inlined, Loops, OpUse, Simplified, Typed, Vectorized
from htp.lowering.inline import InlineHelpers
from htp.passes import Pass, VisitorPass
from htp.rules import rewrite
from htp.testing import PassConformance, Sample


class Silent(VisitorPass):
    pass


@dataclass(frozen=True)
class Unreadable(Pass):
    """Holds a set of objects, which no plan can hold."""

    chosen: object = field(default_factory=object)

    def apply(self, program):
        return program


class InPlace(Pass):
    """Changes the tree it is given."""

    def apply(self, program):
        for node in (each for one in program.main.body for each in ast.walk(one)):
            if isinstance(node, ast.Constant) and node.value == 16:
                node.value = 8
        return program


COUNT = itertools.count()


class Counts(Pass):
    """Says how often it ran."""

    def apply(self, program):
        return program.replace(replace(program.main, doc=f"run {next(COUNT)}"))


class Boasts(Pass):
    """Promises rows of lanes and leaves matrix products."""

    requires = (Inlined(), Typed())
    provides = (Loops(),)

    def apply(self, program):
        return program


class Destroys(VisitorPass):
    """Claims to keep what it undoes."""

    requires = (Simplified(),)

    def visit_BinOp(self, node):
        new = self.generic_visit(node)
        return ast.BinOp(new, ast.Add(), ast.BinOp(ast.Constant(1.0), ast.Sub(), ast.Constant(1.0)))


class Forgets(Pass):
    """Says that it eliminates an operation and does not."""

    eliminates = (OpUse("tile.exp"),)

    def apply(self, program):
        return program


class Halves(VisitorPass):
    """Changes what is computed."""

    def visit_Constant(self, node):
        return ast.Constant(0.25) if node.value == 2.0 else node


class Reassociates(VisitorPass):
    """Right for numbers, wrong for infinities: `a + b` becomes `a - (0 - b) * 1` with a product that overflows."""

    def visit_BinOp(self, node):
        new = self.generic_visit(node)
        if not isinstance(node.op, ast.Add) or not isinstance(node.left, ast.BinOp):
            return new
        big = ast.Constant(3.0e38)
        return ast.BinOp(ast.BinOp(ast.BinOp(new, ast.Mult(), big), ast.Div(), big), ast.Add(), ast.Constant(0.0))


class Skips(VisitorPass):
    """Leaves out the tail."""

    def visit_For(self, node):
        stop = node.iter.args[1] if isinstance(node.iter, ast.Call) and len(node.iter.args) == 3 else None
        if stop is None:
            return node
        step = node.iter.args[2]
        whole = ast.BinOp(ast.BinOp(stop, ast.FloorDiv(), step), ast.Mult(), step)
        call = ast.Call(node.iter.func, [node.iter.args[0], whole, step], [])
        return ast.For(node.target, call, node.body, node.orelse)


class Hides(Pass):
    """Keeps something that its text does not say."""

    def apply(self, program):
        first, *rest = program.main.body
        return program.replace(replace(program.main, body=(ast.Pass(), first, *rest)))


class Once(Pass):
    """Refuses what it made itself."""

    provides = (Vectorized(width=3),)

    def apply(self, program):
        from htp.diagnostics import Refused

        if Vectorized(width=3) in program.facts:
            raise Refused("made.once", "it ran already")
        return program


MUTANTS = [
    (Silent(), "says_what_it_does", "has no docstring"),
    (Unreadable(), "options_come_back_from_a_plan", "plan.unreadable"),
    (InPlace(), "leaves_the_program_it_is_given", "`scale_add` is changed in place"),
    (Counts(), "gives_the_same_again", "comes out differently"),
    (Boasts(), "keeps_its_contract", "plan.broken-promise"),
    (Destroys(), "keeps_its_contract", "plan.broken-promise"),
    (Forgets(), "eliminates_what_it_says", "`OpUse(name='tile.exp')` is left in `softmax`"),
    (Halves(), "every_stage_runs_and_means_the_same", "`scale_add`: on seed-1"),
    (Reassociates(), "every_stage_runs_and_means_the_same", "`scale_add`: on"),
    (Skips(), "every_stage_runs_and_means_the_same", "`scale_add`: on seed-1"),
    (Hides(), "text_gives_the_program_back", "reads back as another program"),
    (Once(), "facts_settle", "made.once"),
]


@pytest.mark.parametrize(("subject", "law", "text"), MUTANTS, ids=lambda each: getattr(each, "name", None))
def test_a_wrong_pass_fails_its_law(told, subject, law, text):
    found = told(PassConformance, f"test_{law}", subject)
    assert found.startswith("failed")
    assert text in found


def test_a_pass_that_needs_what_nobody_has_is_told_so(told):
    class Alone(Pass):
        """Needs a width nobody makes."""

        requires = (Vectorized(width=77),)

    found = told(PassConformance, "test_gives_the_same_again", Alone())
    assert "no program could be brought to Vectorized(width=77)" in found


def test_a_pass_that_cannot_be_planned_is_found(told):
    class Never(Pass):
        """Understands no dialect."""

        name = "never"
        requires = (Inlined(),)
        invalidates = (Inlined(), Captured())
        provides = ()

        def apply(self, program):
            return program

    found = told(PassConformance, "test_is_planned_when_pinned", Never())
    assert found.startswith("failed")
    assert "no plan for `scale_add` with it" in found


class Doubled(Pass):
    """`x * 2.0` becomes `x + x`."""

    requires = (Inlined(),)

    @rewrite
    def double(x):
        yield 2.0 * x
        yield x + x


@kernel
def squares(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    y[:, :] = tile.maximum(2.0 * x[:, :], x[:, :] * x[:, :])


@pytest.mark.parametrize("subject", [Doubled(), InlineHelpers()], ids=lambda each: each.name)
def test_a_good_pass_conforms(conforms, subject):
    assert conforms(PassConformance, subject, programs=(squares, Sample(squares, {"N": 48}))) == {}


def test_the_programs_of_an_author_are_tried(told):
    class Sizes(VisitorPass):
        """Wrong only where an array has 48 columns."""

        def visit_Constant(self, node):
            return node

        def apply(self, program):
            if program.entry != "squares":
                return program
            body = ast.parse("y[:, :] = x[:, :]").body
            for each in ast.walk(body[0]):
                each.origin = program.main.origin
            return program.replace(replace(program.main, body=tuple(body)))

    law = "test_every_stage_runs_and_means_the_same"
    assert told(PassConformance, law, Sizes()) == ""
    assert "`squares`" in told(PassConformance, law, Sizes(), programs=(squares,))
