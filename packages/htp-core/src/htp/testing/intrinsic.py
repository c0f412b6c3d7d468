"""The laws of intrinsics: bodies that keep their signature, expansions and handlers that compute what the body says.

Knows signatures and how a kernel calls an intrinsic; does not know what any intrinsic means.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import htp
from htp.compilation import captured
from htp.declarations import IntrinsicSet
from htp.diagnostics import Refused
from htp.environment import Environment
from htp.intrinsics import Intrinsic
from htp.lowering.annotate import Annotate
from htp.lowering.expand import ExpandIntrinsics
from htp.lowering.inline import InlineHelpers
from htp.passes import run_step
from htp.session import current_session
from htp.testing.calls import DTypes, assignments, kernel_calling
from htp.testing.law import Conformance, broken, law, said, shared, undeclared
from htp.testing.programs import Sample, difference, outcome, outcomes, stage_outcomes
from htp.testing.running import bind_all, emitted, native_outcome, working_mode
from htp.types import DTypeForm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.declarations import Mode
    from htp.intrinsics import Attribute

__all__ = ["IntrinsicConformance"]

MISFITS = ("type.bad-dtype", "type.dtype-mismatch")
GUESSES: dict[type, Attribute] = {int: 2, float: 0.5, bool: True}


class IntrinsicConformance(Conformance[object]):
    """What every intrinsic owes: its body is its meaning, for every dtype it declares.

    `subject` is the intrinsic, or its qualified name. `attributes` gives values to attributes without a default, and
    `dims` fixes sizes that cannot be chosen freely.
    """

    kind: ClassVar[str] = "intrinsic"
    attributes: ClassVar[Mapping[str, Attribute]] = {}
    dims: ClassVar[Mapping[str, int]] = {}

    @shared
    def intrinsic(self) -> Intrinsic[..., object]:
        """The intrinsic itself."""
        asked = self.tested
        if isinstance(asked, Intrinsic):
            return cast("Intrinsic[..., object]", asked)
        name = str(asked)
        declared = current_session().intrinsics.get(name.rpartition(".")[0])
        if not isinstance(declared, IntrinsicSet):
            broken(f"no installed plugin declares `{name}`", "see `htp plugins`")
        return declared.load(name)

    @shared
    def kernels(self) -> tuple[tuple[str, Sample], ...]:
        """A kernel that does nothing but call it, for every choice of dtypes that its body takes together."""
        return tuple(self._calls(strided=False))

    @shared
    def _choices(self) -> tuple[DTypes, ...]:
        """Dtypes of the variables; of several variables the body may refuse some choices, but not all."""
        every = tuple(assignments(self.intrinsic))
        if len(every[0]) < 2:
            return every
        called = (kernel_calling(self.intrinsic, each, self._attributes()) for each in every)
        return (
            tuple(one for one, two in zip(every, called, strict=True) if not _misfit(Sample(two, self.dims))) or every
        )

    def _calls(self, *, strided: bool) -> Iterator[tuple[str, Sample]]:
        for dtypes in self._choices:
            told = " ".join(f"{name.__name__}={dtype.name}" for name, dtype in dtypes.items()) or "as declared"
            called = kernel_calling(self.intrinsic, dtypes, self._attributes(), strided=strided)
            yield f"{told}, on slices of larger arrays" if strided else told, Sample(called, self.dims)

    def _attributes(self) -> dict[str, Attribute]:
        """A value for every attribute that has no default."""
        values: dict[str, Attribute] = {}
        for each in self.intrinsic.signature.attributes:
            if isinstance(each.type, DTypeForm):
                continue
            guess = GUESSES.get(cast("type", each.type)) if each.default is None else None
            value = self.attributes.get(each.name, guess)
            if value is None and each.default is None:
                undeclared("IntrinsicConformance.attributes", f"`{each.name}` has no default and no value is given")
            if value is not None:
                values[each.name] = value
        return values

    @law
    def test_says_what_it_does(self) -> None:
        """An intrinsic has a docstring: its body says how, its first line says what."""
        if not (self.intrinsic.__doc__ or "").strip():
            broken(f"`{self.intrinsic.name}` has no docstring", "say in one line what it computes")

    @law
    def test_body_keeps_the_signature(self) -> None:
        """For every dtype of its variables the body gives a tile of the declared dtype and shape.

        Tried on random inputs, sizes around a block, empty tiles, NaN, infinities and the largest numbers.
        """
        for told, sample in self.kernels:
            try:
                cases = sample.cases()
            except Refused as refused:
                reason = "; ".join(refused.diagnostic.notes) or said(refused)
                broken(f"with {told} it refuses every input: {reason}", "mend the body, or give `dims` that it takes")
            for case, each in outcomes(sample.program, cases).items():
                if each.crashed or each.refused.startswith("intrinsic."):
                    broken(f"with {told}, on {case}: {each.crashed or each.refused}", "mend the body, or its signature")

    @law
    def test_body_is_a_function(self) -> None:
        """The body changes none of its arguments and gives the same result again."""
        if self.intrinsic.effects:
            undeclared("Intrinsic.effects", "it declares that it does more than give its result")
        for told, sample in self.kernels:
            for case in sample.cases()[:3]:
                one, two = outcome(sample.program, case), outcome(sample.program, case)
                same = {name: array.tobytes() for name, array in one.arrays.items()}
                if same != {name: array.tobytes() for name, array in two.arrays.items()}:
                    broken(f"with {told}, on {case.name} its result is another the second time", "keep no state")

    @law
    def test_expansion_computes_the_body(self) -> None:
        """Where it may be expanded, the core operations in its place compute the same, and targets compile them."""
        if not self.intrinsic.expandable:
            undeclared("Intrinsic.expandable", "it declares that targets may not use its body")
        session = current_session()
        expand = ExpandIntrinsics(names=(self.intrinsic.name,))
        for told, sample in self.kernels:
            program = captured(sample.program, session, sample.dims)
            try:
                for step in (InlineHelpers(), Annotate(), expand):
                    program = run_step(step, program, verify=True).program
            except Refused as refused:
                broken(f"with {told} it cannot be expanded: {said(refused)}", "write the body in core's language")
            found = stage_outcomes(program.text(), program.entry, sample)
            if problem := difference(outcomes(sample.program, sample.cases()), found):
                broken(f"with {told}: {problem}", "look at the stage behind `expand`")
            for environment in _environments():
                if self.intrinsic.name in environment.handlers:
                    continue
                made = emitted(sample.program, environment, sample.dims)
                if made.failure:
                    broken(f"with {told} for `{environment.target}`: {made.failure}", "see the stage behind `expand`")

    @law
    def test_handlers_compute_the_body(self) -> None:
        """Every installed handler, compiled and run on its backend, computes what the body says.

        Tried on whole arrays and on slices of larger ones, whose rows do not follow each other in memory.
        """
        environments = [each for each in _environments() if self.intrinsic.name in each.handlers]
        if not environments:
            undeclared("HandlerSet", "no installed plugin has a handler of it")
        reasons: list[str] = []
        for environment in environments:
            mode = working_mode(current_session(), environment.backend.contract)
            if isinstance(mode, str):
                reasons.append(mode)
            else:
                self._check_native(environment, mode[1])
        if len(reasons) == len(environments):
            undeclared("Binding.modes", "; ".join(reasons))

    def _check_native(self, environment: Environment, mode: Mode) -> None:
        accepted = [
            (told, sample)
            for told, sample in (*self.kernels, *self._calls(strided=True))
            if emitted(sample.program, environment, sample.dims).refused is None
        ]
        if not accepted:
            broken(f"`{environment.target}` refuses every kernel that calls it", "see `htp plan --why`")
        with tempfile.TemporaryDirectory(prefix="htp-conform-") as folder:
            packages = [
                htp.compile_program(
                    sample.program, target=environment.target.name, out=Path(folder) / str(at), dims=sample.dims
                )
                for at, (_, sample) in enumerate(accepted)
            ]
            executables = bind_all(packages, mode)
        for (told, sample), executable in zip(accepted, executables, strict=True):
            cases = sample.cases()
            native = {each.name: native_outcome(executable, sample, each) for each in cases}
            if problem := difference(outcomes(sample.program, cases), native):
                broken(f"the handler for `{environment.backend.name}` with {told}: {problem}", "mend the handler")


def _misfit(sample: Sample) -> bool:
    """Whether a call is refused whatever it is given, since its dtypes do not go together."""
    try:
        sample.cases()
    except Refused as refused:
        return any(code in note for note in refused.diagnostic.notes for code in MISFITS)
    return False


def _environments() -> Iterator[Environment]:
    session = current_session()
    yield from (Environment.of(name, session) for name in session.targets)
