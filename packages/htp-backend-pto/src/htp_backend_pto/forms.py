"""The facts that programs for Ascend acquire on their way, each with a check that does not ask the pass behind it.

Knows what each form means; `lower` makes them true. The checks stand in modules of their own, loaded when one runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.capabilities import Capability, untrue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.diagnostics import Span
    from htp.program import Function, Program

__all__ = ["FACTS", "Bounded", "Divided", "Legal", "Overlapped", "Placed", "Selected", "Synchronized"]

Finding = tuple[str, "Span | None"]


@dataclass(frozen=True)
class Legal(Capability, owner="pto"):
    """Every instruction that is written by hand is one that the target carries out."""

    def verify(self, program: Program) -> None:
        """Some target carries each of them out."""
        from htp_backend_pto.isa.instructions import VARIANTS
        from htp_backend_pto.lower.called import illegal
        from htp_backend_pto.steps import without_words

        found = (each.diagnostic for each in illegal(without_words(program), *VARIANTS))
        _none(self, ((each.message, each.span) for each in found))


@dataclass(frozen=True)
class Divided(Capability, owner="pto"):
    """The entry is a routine, and every kernel is work for one unit: the vector cores or the cube cores."""

    def verify(self, program: Program) -> None:
        """The entry is no kernel; no kernel calls one, mixes units or gives one array to two parameters."""
        from htp_backend_pto.lower.checks import undivided
        from htp_backend_pto.steps import without_words

        _none(self, undivided(without_words(program)))


@dataclass(frozen=True)
class Bounded(Capability, owner="pto"):
    """Every tile of a kernel has two dimensions and room of a constant size on the chip."""

    def verify(self, program: Program) -> None:
        """Each is annotated with its room, which holds every shape that its sizes can take."""
        from htp_backend_pto.lower.checks import unbounded
        from htp_backend_pto.steps import without_words

        _none(self, unbounded(without_words(program)))


@dataclass(frozen=True)
class Selected(Capability, owner="pto"):
    """Every statement of a kernel is one instruction of `isa`, on tiles whose memory and form are written with them."""

    isa: str | None = None

    def verify(self, program: Program) -> None:
        """No tile operation is left, and each operand lies in a memory and a form that its instruction takes."""
        from htp_backend_pto.lower.checks import unselected
        from htp_backend_pto.steps import without_words

        _none(self, unselected(without_words(program)))


@dataclass(frozen=True)
class Overlapped(Capability, owner="pto"):
    """Loops that load and compute take two turns at a time wherever both have room."""


@dataclass(frozen=True)
class Placed(Capability, owner="pto"):
    """Every tile of a kernel has its bytes in its memory, and none are another's while it is in use."""

    def verify(self, program: Program) -> None:
        """Whatever an instruction reads is still there, in every run of loops and branches that is tried."""
        from htp_backend_pto.checker import unplaced

        _none(self, (finding for each in _kernels(program) for finding in unplaced(each.body)))


@dataclass(frozen=True)
class Synchronized(Capability, owner="pto"):
    """Whatever two pipes touch in an order is ordered by flags and barriers."""

    def verify(self, program: Program) -> None:
        """The clocks of the pipes know what they must, and every event has somebody who waits for it."""
        from htp_backend_pto.checker import unordered

        _none(self, (finding for each in _kernels(program) for finding in unordered(each.body)))


FACTS: tuple[type[Capability], ...] = (Legal, Divided, Bounded, Selected, Overlapped, Placed, Synchronized)


def _kernels(program: Program) -> list[Function]:
    return [each for each in program.functions if each.kind == "kernel"]


def _none(fact: Capability, findings: Iterable[Finding]) -> None:
    for reason, span in findings:
        raise untrue(fact, reason, span)
