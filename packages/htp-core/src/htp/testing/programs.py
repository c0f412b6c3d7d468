"""Programs to try an extension on, with inputs, and whether two forms of one program do the same.

Knows arrays and refusals; does not know what is being tried.
"""

from __future__ import annotations

import linecache
import types
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from htp.language import Definition
from htp.testing.law import said
from htp.tools.compare import compare, tolerance
from htp.tools.inputs import edge_cases, make_inputs
from htp.tools.stage import first_that_works, run_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.tools.inputs import Case, Vector

__all__ = [
    "Outcome",
    "Sample",
    "Samples",
    "allowed_error",
    "defined",
    "difference",
    "outcome",
    "outcomes",
    "runnable",
    "samples",
    "stage_outcomes",
]

AnyDefinition = Definition[..., object]
TAILS = ("tail-1", "tail-17", "tail-33")
"""Of the sizes around multiples of 16 those that are tried: late stages run element by element in Python."""

LARGEST = 20
"""Of every dimension but in one case, where a program has several."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A program and the sizes its named dimensions must have; the others are varied."""

    program: AnyDefinition
    dims: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    def cases(self) -> tuple[Case, ...]:
        """Random inputs, tails, empty arrays and special values; the first is one that the program accepts.

        Raises:
            Refused: `replay.no-usable-inputs` when it accepts none.
        """
        works, _, _ = first_that_works(self.program, 1, self.dims)
        edges = edge_cases(self.program.params, self._smaller(works), fixed=self.dims)
        return (works, *(self._smaller(each) for each in edges if not _tail(each.name) or each.name in TAILS))

    def _smaller(self, case: Case) -> Case:
        """The case with moderate sizes, if the program accepts them too."""
        dims = {name: size if name in self.dims else min(size, LARGEST) for name, size in case.dims.items()}
        small = replace(case, dims=dims)
        return small if len(dims) > 1 and not outcome(self.program, small).refused else case


Samples = tuple["Sample | AnyDefinition", ...]


@dataclass(frozen=True)
class Outcome:
    """What a program made of one case: the arrays it wrote, or the code it was refused with.

    `crashed` is what it raised otherwise; `allowed` is the relative error within which another form of the program
    must agree.
    """

    arrays: Mapping[str, Vector]
    refused: str = ""
    crashed: str = ""
    allowed: float = 0.0


def samples(programs: Samples) -> tuple[Sample, ...]:
    """Programs as samples; a bare program leaves all sizes free."""
    return tuple(each if isinstance(each, Sample) else _bare(each) for each in programs)


@cache
def _bare(program: AnyDefinition) -> Sample:
    return Sample(program)


def runnable(text: str, entry: str) -> AnyDefinition:
    """The entry of a program's text, ready to be called with arrays; its source can be read."""
    module = types.ModuleType("htp_stage")
    file = f"<stage {sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return cast("AnyDefinition", vars(module)[entry])


def defined(text: str, name: str, file: str) -> AnyDefinition:
    """The program `name` of a text over the names of `htp`; its source can be read, as if it stood in a file."""
    source = f"from htp import *\n\n\n{text}\n"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = types.ModuleType("htp_defined")
    vars(module)["__file__"] = file
    exec(compile(source, file, "exec"), vars(module))
    return cast("AnyDefinition", vars(module)[name])


def outcome(definition: AnyDefinition, case: Case) -> Outcome:
    """Runs a program's Python meaning on a case; whatever it raises is part of the outcome."""
    arrays = make_inputs(definition.params, case)
    try:
        result = run_case(definition, arrays)
    except ArithmeticError as error:
        return Outcome({}, refused=said(error))
    except Exception as error:
        return Outcome({}, crashed=said(error))
    if result.changed:
        return Outcome({}, crashed=f"it altered its input `{result.changed[0]}`")
    if result.refused:
        return Outcome({}, refused=result.refused)
    written = [each.name for each in definition.params if each.direction in ("out", "inout")]
    return Outcome({name: arrays[name] for name in written}, allowed=allowed_error(arrays, case))


def allowed_error(arrays: Mapping[str, Vector], case: Case) -> float:
    """The relative error that another form of a program may have on these arrays."""
    longest = max((*case.dims.values(), *(size for each in arrays.values() for size in each.shape)), default=1)
    return tolerance([each.dtype for each in arrays.values()], longest)


def outcomes(definition: AnyDefinition, cases: Iterable[Case]) -> dict[str, Outcome]:
    """What a program makes of every case."""
    return {each.name: outcome(definition, each) for each in cases}


@lru_cache(maxsize=64)
def stage_outcomes(text: str, entry: str, sample: Sample) -> Mapping[str, Outcome]:
    """What the text of a program makes of every case of a sample; passes that follow each other ask for the same.

    Raises:
        Exception: whatever importing the text raises.
    """
    return outcomes(runnable(text, entry), sample.cases())


def difference(expected: Mapping[str, Outcome], found: Mapping[str, Outcome]) -> str:
    """The first case in which two forms of a program do not do the same, in words; empty when they agree.

    Where one is refused the other must be refused too; a later form may say so with another code.
    """
    for case, wanted in expected.items():
        got = found[case]
        if got.crashed or bool(wanted.refused) != bool(got.refused):
            return f"on {case} it {_end(got)}, and before it {_end(wanted)}"
        for name, array in wanted.arrays.items():
            result = compare(array, got.arrays[name], allowed=wanted.allowed)
            if not result.equal:
                return f"on {case} `{name}` differs: {result}"
    return ""


def _end(result: Outcome) -> str:
    if result.crashed:
        return f"fails with {result.crashed}"
    return f"is refused with {result.refused}" if result.refused else "runs"


def _tail(name: str) -> bool:
    return name.startswith("tail-") and name.removeprefix("tail-").isdecimal()
