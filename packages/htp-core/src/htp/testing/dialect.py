"""The laws of dialects: words that are Python, uses at the user's line, and a lowering that keeps the meaning.

Knows declarations and stages; does not know what any word means.
"""

from __future__ import annotations

import linecache
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, cast

from htp.capabilities import DialectUse
from htp.capture import parse_program
from htp.compilation import captured, choose_plan
from htp.declarations import Dialect
from htp.diagnostics import Bug, Refused, render
from htp.environment import Environment
from htp.passes import run_step
from htp.session import current_session
from htp.testing.corpus import KERNELS
from htp.testing.law import Broken, Conformance, broken, law, said, shared, undeclared
from htp.testing.programs import difference, outcomes, samples, stage_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.diagnostics import Span
    from htp.planner import Plan
    from htp.program import Program
    from htp.testing.programs import Sample, Samples

__all__ = ["DialectConformance"]


class DialectConformance(Conformance[Dialect]):
    """What every dialect owes to programs that are written in it and to targets that have never heard of it.

    `subject` is the declaration. `programs` use it; of core's corpus those that do are tried too.
    """

    kind: ClassVar[str] = "dialect"
    programs: ClassVar[Samples] = ()

    @shared
    def written(self) -> tuple[tuple[Sample, Program], ...]:
        """Every program that uses the dialect, as it is captured."""
        session = current_session()
        every = (*samples(self.programs), *samples(KERNELS))
        found = ((each, captured(each.program, session, each.dims)) for each in every)
        return tuple((each, program) for each, program in found if _places(self.tested, program))

    def _written(self) -> tuple[tuple[Sample, Program], ...]:
        if not self.written and self.programs:
            broken("none of `programs` is captured with a use of it", "use its words; list them in `names`")
        if not self.written:
            reason = "no program that uses it is given; `htp conform NAME --programs FILE` does"
            undeclared("DialectConformance.programs", reason)
        return self.written

    @law
    def test_words_are_python(self) -> None:
        """Every word and every kind of function is a documented callable of the dialect's first module."""
        dialect = self.tested
        words = (*dialect.names, *dialect.kinds)
        for name in dialect.modules:
            import_module(name)
        if words and not dialect.modules:
            broken(f"`{words[0]}` is in no module", "name the module of the words first in `modules`")
        home = import_module(dialect.modules[0]) if dialect.modules else None
        for word in words:
            value: object = getattr(home, word, None)
            if not callable(value) and not (isinstance(value, Enum) and value.name == word):
                broken(f"`{word}` is not a callable of `{dialect.modules[0]}`", "define it there, or take it out")
            if not (getattr(value, "__doc__", None) or "").strip():
                broken(f"`{word}` has no docstring", "say what it means: it is what programs do with it")
        if not (words or dialect.modules or dialect.summary):
            broken("it declares nothing", "give it `names` or `kinds`, and a summary")

    @law
    def test_uses_stand_at_the_users_line(self) -> None:
        """A program that uses the dialect says so, with the lines where its words stand."""
        words = (*self.tested.names, *self.tested.kinds)
        for _, program in self._written():
            for span in _places(self.tested, program) if words else ():
                numbers = range(span.line - 1, max(span.line, span.end_line) + 1)  # a decorator stands one line above
                text = "".join(linecache.getline(span.file, number) for number in numbers)
                if not any(word in text for word in words):
                    broken(f"{span.place} holds none of its words", "keep the places of nodes (`htp.program.stamp`)")

    @law
    def test_text_gives_the_program_back(self) -> None:
        """A program in the dialect is written as text that imports its words, and read back as the same program."""
        for sample, program in self._written():
            text = program.text()
            if parse_program(text, "program.py").canonical != program.canonical:
                broken(f"`{sample.name}` reads back as another program", "look at `program.text()`")

    @law
    def test_runs_as_it_stands(self) -> None:
        """A program in the dialect runs as ordinary Python, and so does its first stage, with the same result."""
        for sample, program in self._written():
            expected = outcomes(sample.program, sample.cases())
            for case, each in expected.items():
                if each.crashed:
                    broken(f"`{sample.name}` fails on {case} with {each.crashed}", "let the words do what they mean")
            found = stage_outcomes(program.text(), program.entry, sample)
            if told := difference(expected, found):
                broken(f"`{sample.name}`: {told}", "look at `program.text()`")

    @law
    def test_targets_lower_it_or_say_who_is_missing(self) -> None:
        """For every installed target the dialect is accepted or lowered, or the refusal names it or the line."""
        for sample, program in self._written():
            for environment in _environments():
                try:
                    choose_plan(program, environment.target, current_session())
                except Refused as refused:
                    told = "\n".join(render(each) for each in refused.diagnostics)
                    if self.tested.name not in told and refused.diagnostic.span is None:
                        broken(f"`{environment.target}` and `{sample.name}`: {said(refused)}", "name the dialect")

    @law
    def test_no_stage_keeps_what_was_lowered(self) -> None:
        """Every stage on the way to a target computes what the program means, and none behind the lowering uses it."""
        reasons: list[str] = []
        lowered = False
        for sample, program in self._written():
            expected = outcomes(sample.program, sample.cases())
            for environment in _environments():
                try:
                    stages = list(_stages(program, choose_plan(program, environment.target, current_session())))
                except Refused:
                    continue
                except Broken as stopped:
                    reasons.append(f"`{sample.name}` for `{environment.target}`: {stopped.offender}")
                    continue
                lowered = True
                if DialectUse(self.tested.name) in environment.refused(stages[-1][1].uses):
                    broken(f"`{sample.name}` still uses it when it is emitted", "eliminate every word")
                for name, each in stages:
                    if told := difference(expected, stage_outcomes(each.text(), each.entry, sample)):
                        broken(f"`{sample.name}` behind `{name}`: {told}", "mend the pass that made the stage")
                break
        if reasons and not lowered:
            broken(reasons[0], "a lowering must leave what the passes behind it can work with")
        if not lowered:
            undeclared("Pass.eliminates", "no installed target compiles a program that uses it")


def _stages(program: Program, plan: Plan) -> Iterator[tuple[str, Program]]:
    """The program behind every pass of a plan, each pass held to its contract.

    Raises:
        Broken: a pass refuses what the plan gives it, or breaks its promise.
    """
    yield "capture", program
    for step in plan.passes:
        try:
            program = run_step(step, program, verify=True).program
        except (Refused, Bug) as error:
            raise Broken(f"pass `{step.name}` ends with {said(error)}", "") from error
        yield step.name, program


def _places(dialect: Dialect, program: Program) -> tuple[Span, ...]:
    return tuple(span for use in program.uses if use == DialectUse(dialect.name) for span in use.spans)


def _environments() -> Iterator[Environment]:
    session = current_session()
    yield from (Environment.of(name, session) for name in cast("dict[str, object]", session.targets))
