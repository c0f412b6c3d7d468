"""The laws of passes: honest contracts, programs left alone, and stages that mean what the program before them meant.

Knows what every pass owes; does not know what any pass does.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec

from htp._impl.written_plans import passes_of
from htp.artifact.manifest import PlanFile
from htp.artifact.seal import canonical
from htp.capabilities import Captured
from htp.capture import capture, parse_program
from htp.diagnostics import Bug, Refused
from htp.passes import Pass, run_step
from htp.planner import Plan, Problem, Step, find_plan
from htp.program import origin_of
from htp.session import current_session
from htp.testing.corpus import KERNELS
from htp.testing.law import Conformance, broken, law, said, shared, undeclared
from htp.testing.programs import difference, samples, stage_outcomes
from htp.uses import with_uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.capabilities import Capability
    from htp.program import Program
    from htp.testing.programs import Sample, Samples

__all__ = ["PassConformance"]


@dataclass(frozen=True)
class Ready:
    """A program brought to where the pass can run, and what the pass made of it, or refused it with."""

    sample: Sample
    before: Program
    after: Program | None = None
    refused: Refused | None = None


class PassConformance(Conformance[Pass]):
    """What every pass owes to the passes around it.

    `subject` is the pass with its options. `programs` are tried beside core's corpus; those that no plan brings to the
    facts the pass requires, and those it refuses, are left out.
    """

    kind: ClassVar[str] = "pass"
    programs: ClassVar[Samples] = ()

    @shared
    def ready(self) -> tuple[Ready, ...]:
        """Every program that can be brought before the pass."""
        found: list[Ready] = []
        subject = self.tested
        for sample in (*samples(self.programs), *samples(KERNELS)):
            before = _before(subject, sample)
            if before is None:
                continue
            try:
                found.append(Ready(sample, before, subject.apply(before)))
            except Refused as refused:
                found.append(Ready(sample, before, refused=refused))
        return tuple(found)

    def _done(self) -> Iterator[tuple[Ready, Program]]:
        if not self.ready:
            wanted = ", ".join(str(each) for each in self.tested.contract.requires)
            broken(
                f"no program could be brought to {wanted or 'it'}",
                "give kernels in `programs` that can, and install what provides the facts it requires",
            )
        done = [(each, each.after) for each in self.ready if each.after is not None]
        if not done:
            broken(f"it refuses every program: {said(cast('Refused', self.ready[0].refused))}", "add to `programs`")
        yield from ((each, after) for each, after in done)

    @law
    def test_says_what_it_does(self) -> None:
        """A pass has a name and a docstring whose first line says what it does; listings and plans show it."""
        subject = self.tested
        if not subject.summary:
            broken(f"`{type(subject).__name__}` has no docstring", 'write one: """`a * b + c` becomes one call."""')
        if not subject.name.strip():
            broken(f"`{type(subject).__name__}` has no name", 'write `name = "mine.what"` in its body')

    @law
    def test_options_come_back_from_a_plan(self) -> None:
        """Options are values that a written plan holds: the text in `plan.json` gives the same pass again."""
        subject = self.tested
        record = Plan((), (Step(subject, ()),)).record("target")
        written = msgspec.json.decode(canonical(record), type=PlanFile)
        mend = "make the class a frozen dataclass; its fields are numbers, strings, None and tuples of them"
        try:
            (again,) = passes_of(written, (subject,))
        except Refused as refused:
            broken(said(refused), mend)
        if again != subject or str(again) != str(subject):
            broken(f"`{written.steps[0].pass_}` gives `{again}`", mend)

    @law
    def test_leaves_the_program_it_is_given(self) -> None:
        """The program that a pass is given stays as it is: trees are rebuilt, never changed in place."""
        subject = self.tested
        for each, _ in self._done():
            fresh = _before(subject, each.sample)
            if fresh is None:
                continue
            former = _dump(fresh)
            subject.apply(fresh)
            if _dump(fresh) != former:
                broken(f"`{each.sample.name}` is changed in place", "copy nodes before changing them (`htp.rewriting`)")

    @law
    def test_gives_the_same_again(self) -> None:
        """A pass is a function of its program: run twice, it gives the same text, facts and uses."""
        subject = self.tested
        for each, after in self._done():
            again = subject.apply(each.before)
            if again.text() != after.text() or again.facts != after.facts or again.uses != after.uses:
                broken(
                    f"`{each.sample.name}` comes out differently the second time",
                    "keep no state between runs; sort what comes out of sets",
                )

    @law
    def test_keeps_its_contract(self) -> None:
        """What the contract provides and keeps is true of the result, and analyses it preserves are unchanged."""
        subject = self.tested
        for each, _ in self._done():
            try:
                run_step(subject, each.before, verify=True)
            except (Refused, Bug) as found:
                broken(f"on `{each.sample.name}`: {said(found)}", "mend the pass, or promise less")

    @law
    def test_eliminates_what_it_says(self) -> None:
        """No use that the contract eliminates is left in the text of the result."""
        subject = self.tested
        gone = subject.contract.eliminates
        if not gone:
            undeclared("Pass.eliminates", "the pass declares that it eliminates nothing")
        for each, after in self._done():
            left = [use for use in with_uses(after).uses if any(use.covered_by(pattern) for pattern in gone)]
            if left:
                broken(f"`{left[0]}` is left in `{each.sample.name}`", "lower every form of it, or eliminate less")

    @law
    def test_every_stage_runs_and_means_the_same(self) -> None:
        """The text of the result runs as Python and computes what the program before it computes.

        Tried on random inputs, sizes around a block, empty arrays, NaN, infinities and the largest numbers.
        """
        for each, after in self._done():
            expected = stage_outcomes(each.before.text(), each.before.entry, each.sample)
            try:
                found = stage_outcomes(after.text(), after.entry, each.sample)
            except Exception as error:
                broken(f"the text of `{each.sample.name}` does not run: {said(error)}", "look at `program.text()`")
            if told := difference(expected, found):
                broken(f"`{each.sample.name}`: {told}", "a pass keeps the meaning of a program, on every input")

    @law
    def test_text_gives_the_program_back(self) -> None:
        """The text of the result says all there is: read again, it is the same program."""
        for each, after in self._done():
            again = parse_program(after.text(), "program.py")
            if again.canonical != after.canonical:
                broken(f"`{each.sample.name}` reads back as another program", "use statements that can be written")

    @law
    def test_facts_settle(self) -> None:
        """Where the pass can run on its own result, it establishes no other facts there."""
        subject = self.tested
        settled = 0
        for each, _ in self._done():
            once = run_step(subject, each.before, verify=False).program
            contract = subject.contract
            if contract.missing(once.facts) or not all(contract.understands_use(use) for use in once.uses):
                continue
            settled += 1
            try:
                twice = run_step(subject, once, verify=False).program
            except (Refused, Bug) as found:
                broken(f"on its own result of `{each.sample.name}`: {said(found)}", "accept what the pass itself makes")
            if twice.facts != once.facts:
                other = ", ".join(sorted(map(str, twice.facts ^ once.facts)))
                broken(f"`{each.sample.name}` changes {other} the second time", "state facts in the contract only")
        if not settled:
            undeclared("Pass.requires", "the pass does not leave what it requires, so it never meets its own result")

    @law
    def test_is_planned_when_pinned(self) -> None:
        """Pinned, the pass is part of the plan for a goal that it leads to."""
        subject = self.tested
        for each, _ in self._done():
            problem = _problem(subject, each.sample, subject.contract.provides or subject.contract.requires)
            try:
                planned = find_plan(replace(problem, pins=(subject.name,), passes=(*problem.passes, subject)))
            except Refused as refused:
                broken(f"no plan for `{each.sample.name}` with it: {said(refused)}", "see what the contract destroys")
            if subject.name not in [step.name for step in planned.passes]:
                broken(f"the plan for `{each.sample.name}` leaves it out: {planned}", "see what the contract provides")


def _before(subject: Pass, sample: Sample) -> Program | None:
    """The program with the facts that the pass requires, `None` when no plan leads there."""
    problem = _problem(subject, sample, subject.contract.requires)
    contract = subject.contract
    program = _captured(sample)
    try:
        for step in find_plan(problem).passes:
            program = run_step(step, program, verify=False).program
    except Refused:
        return None
    return program if all(contract.understands_use(use) for use in program.uses) else None


def _captured(sample: Sample) -> Program:
    return with_uses(capture(sample.program)).with_facts([Captured()])


def _problem(subject: Pass, sample: Sample, goal: tuple[Capability, ...]) -> Problem:
    """Any plan that leads to facts without the pass: nothing is emitted, so every use it understands may stay."""
    program = _captured(sample)
    others = tuple(each for each in current_session().passes if each.name != subject.name)
    stay = [use for use in program.uses if subject.contract.understands_use(use)]
    stay += [use for each in (*others, subject) for use in (*each.contract.introduces, *each.contract.may_introduce)]
    return Problem(program.facts, goal, others, program.uses, accepts=tuple(stay))


def _dump(program: Program) -> tuple[object, ...]:
    """All that a program says, read anew; line numbers of nodes are scratch, their origins are not.

    Origins of expressions and statements: Python shares nodes such as `Load` among all programs.
    """
    body = [each for function in program.functions for each in function.body]
    own = (ast.expr, ast.stmt)
    trees = [(ast.dump(each), [origin_of(node) for node in ast.walk(each) if isinstance(node, own)]) for each in body]
    heads = [(each.name, each.kind, each.params, each.doc) for each in program.functions]
    return (program.entry, heads, trees, program.constants, program.facts, program.uses)
