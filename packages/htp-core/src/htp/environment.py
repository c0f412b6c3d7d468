"""What a target offers to programs: the uses it accepts, the intrinsics it has handlers for, what directives become.

The first stratum of composition, decided by inclusion; knows nothing of the order of passes, which is the planner's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from htp.artifact.manifest import DirectiveOutcome
from htp.capabilities import DirectiveUse, DTypeUse, IntrinsicUse
from htp.declarations import HandlerSet

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from htp.capabilities import Use
    from htp.declarations import Backend, Outcome
    from htp.diagnostics import Diagnostic
    from htp.passes import Pass
    from htp.program import Program
    from htp.session import Session
    from htp.targets import Target

__all__ = ["PREFERENCES", "Environment"]

PREFERENCES = DirectiveUse("prefer.*")
"""The directives that a target may ignore: only what is written as a preference may be dropped, and not in silence."""


@dataclass(frozen=True)
class Environment:
    """A target, its backend, and everything installed."""

    target: Target
    backend: Backend
    session: Session

    @classmethod
    def of(cls, target: str, session: Session) -> Environment:
        """The environment of a target by name.

        Raises:
            Refused: `plan.unknown-target`, `plan.bad-model`.
        """
        found = session.target(target)
        return cls(found, session.backends[found.backend], session)

    @cached_property
    def provider(self) -> str:
        """The distribution, with version, that the backend comes from."""
        return self.session.provider("htp_backends", self.backend)

    @cached_property
    def handlers(self) -> Mapping[str, HandlerSet]:
        """The intrinsics that can be emitted here, by qualified name, and where their handlers are."""
        sets = [each for each in self.session.handlers.values() if isinstance(each, HandlerSet)]
        own = [each for each in sets if each.backend == self.backend.name]
        return MappingProxyType({name: each for each in own for name in each.intrinsics})

    @cached_property
    def accepts(self) -> tuple[Use, ...]:
        """What may be left in a program that is emitted: the backend's word, intrinsics with handlers, directives."""
        stated = tuple(each for each in self.backend.accepts if not isinstance(each, DirectiveUse))
        handled = tuple(IntrinsicUse(name) for name in self.handlers)
        honoured = tuple(DirectiveUse(name) for name, outcome in self.backend.directives if outcome != "rejected")
        honoured += (PREFERENCES,)
        silent = not any(isinstance(each, DTypeUse) for each in stated)
        return (*stated, *handled, *honoured, *((DTypeUse("*"),) if silent else ()))

    def refused(self, uses: Iterable[Use]) -> tuple[Use, ...]:
        """The uses that some pass must remove, since the target does not accept them; a rejected one none can."""
        return tuple(
            use for use in uses if self.rejects(use) or not any(use.covered_by(each) for each in self.accepts)
        )

    def rejects(self, use: Use) -> bool:
        """Whether the backend says of a directive that it must not be there, whatever a pass would make of it."""
        return isinstance(use, DirectiveUse) and self.word(use) == "rejected"

    def word(self, use: DirectiveUse) -> Outcome | None:
        """What the backend says becomes of a directive: by its name, else by the first pattern that fits."""
        fitting = [each for each in self.backend.directives if use.covered_by(DirectiveUse(each[0]))]
        own = [each for each in fitting if each[0] == use.name]
        return next((outcome for _, outcome in (*own, *fitting)), None)

    def check(self, program: Program) -> tuple[Diagnostic, ...]:
        """Every use that the target does not accept and no installed pass removes, all at once."""
        if not self.refused(program.uses):
            return ()
        from htp._impl.environment_refusals import findings

        return findings(self, program)

    def check_left(self, program: Program) -> tuple[Diagnostic, ...]:
        """Every use that the target does not accept and that is there behind the last pass."""
        if not self.refused(program.uses):
            return ()
        from htp._impl.environment_refusals import leftovers

        return leftovers(self, program)

    def directives(self, program: Program, passes: Iterable[Pass]) -> tuple[DirectiveOutcome, ...]:
        """What becomes of each directive of the program: the backend's word, else that of the pass that removes it.

        A preference that neither speaks of is ignored; anything else has been refused before.
        """
        from htp.stages import portable

        steps = list(passes)
        found: list[DirectiveOutcome] = []
        uses = [use for use in program.uses if isinstance(use, DirectiveUse)]
        names = {each.name for each in uses}
        for use in uses:
            taker = next((p for p in steps if any(use.covered_by(gone) for gone in p.contract.eliminates)), None)
            word = self._beside(use, names) or self.word(use) or ("lowered" if taker is not None else "ignored")
            by = f"backend {self.backend.name}"
            if self.word(use) is None and taker is not None:
                by = f"pass {taker.name}"
            reason = f"it has no effect on `{self.target}`" if word == "ignored" else ""
            span = portable(use.spans[0]) if use.spans else None
            found.append(DirectiveOutcome(directive=use.name, outcome=word, by=by, reason=reason, span=span))
        return tuple(found)

    def _beside(self, use: DirectiveUse, names: Container[str]) -> Outcome | None:
        """What the backend says becomes of a directive where another one is there too."""
        for name, other, outcome in self.backend.beside:
            if name == use.name and other in names:
                return outcome
        return None

    def ignored(self, program: Program, passes: Iterable[Pass], *, strict: bool = False) -> tuple[Diagnostic, ...]:
        """A warning, or with `strict` an error, for each directive of the program that is ignored."""
        names = {each.directive for each in self.directives(program, passes) if each.outcome == "ignored"}
        if not names:
            return ()
        from htp._impl.environment_refusals import ignored

        uses = [use for use in program.uses if isinstance(use, DirectiveUse) and use.name in names]
        return tuple(ignored(self, program, use, strict=strict) for use in uses)
