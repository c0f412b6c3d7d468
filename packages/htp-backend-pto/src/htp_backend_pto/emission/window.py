"""The task window that a program asks for, as a ring of the runtime.

Knows `open_tasks`, and that a ring is a power of two with one place that stays free.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.capabilities import DirectiveUse
from htp.diagnostics import Refused
from htp.program import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.diagnostics import Span
    from htp.program import Program
    from htp_backend_pto.profile import Profile

__all__ = ["NONE", "ONE", "Fullest", "Held", "ring_of", "window_of"]


@dataclass(frozen=True)
class Held:
    """How many tasks statements put into their scope, and how many of the same ring lie in scopes inside of it.

    Scopes up to the third below each other have rings of their own, those further in share one.
    """

    own: int = 0
    inner: int = 0

    def __add__(self, other: Held) -> Held:
        return Held(self.own + other.own, max(self.inner, other.inner))

    def __or__(self, other: Held) -> Held:
        return Held(max(self.own, other.own), max(self.inner, other.inner))

    def closed(self, depth: int, rings: int) -> Held:
        """The statements as the body of a loop that is the `depth`th around them."""
        most = self.own + self.inner if depth >= rings - 1 else max(self.own, self.inner)
        return Held(0, most)


NONE, ONE = Held(), Held(1)


@dataclass(frozen=True)
class Fullest:
    """The scope that holds the most tasks: how many, what it is, and the user's line."""

    tasks: int = 0
    what: str = "the routine"
    place: str = ""


def ring_of(window: int, least: int) -> int:
    """The largest ring that holds no more than `window` tasks; 0 when the smallest holds more.

    hw-native-sys/simpler@6ebaf77, src/a2a3/runtime/tensormap_and_ringbuffer: a ring of 2^n places holds 2^n - 1 tasks.

    >>> ring_of(64, 4), ring_of(63, 4), ring_of(3, 4), ring_of(2, 4)
    (64, 64, 4, 0)
    """
    ring = 1 << (window + 1).bit_length() - 1
    return ring if ring >= least else 0


def window_of(program: Program, fullest: Fullest, profile: Profile) -> int:
    """The ring of the program's task regions, the smallest of them; 0 when none asks for one.

    Raises:
        Refused: `pto.window`: it is too small for the runtime or for the tasks that one scope holds, it aborts, or it
            counts bytes; at the line that asks for it, with the line of the fullest scope.
    """
    scope = fullest.tasks
    rings: list[int] = []
    for call in _openings(program):
        given = {each.arg: each.value for each in call.keywords if each.arg is not None}
        window = _number(given.get("window"))
        if not window:
            continue
        asks = _asked(program) or origin_of(call)
        if _text(given.get("full")) == "abort":
            raise _refused(asks, "the runtime's window stalls when it is full and cannot abort", 'write mode="stall"')
        if _text(given.get("unit")) == "bytes":
            raise _refused(asks, "the runtime's window counts tasks, not bytes", 'write unit="tasks"')
        ring = ring_of(window, profile.limits.least_window)
        if not ring:
            least = profile.limits.least_window - 1
            raise _refused(asks, f"the runtime's smallest window holds {least} tasks", f"ask for {least} or more")
        if scope > ring - 1:
            where = f" ({fullest.place})" if fullest.place else ""
            note = f"{fullest.what}{where} submits {scope}, which are one scope: none of them retires before its end"
            said = f"up to {scope} tasks of the program lie in one scope, where {ring - 1} have room"
            raise _refused(asks, said, f"ask for {_enough(scope)} or more", note)
        rings.append(ring)
    return min(rings, default=0)


def _enough(scope: int) -> int:
    """The smallest window whose ring holds the tasks of a scope."""
    return (1 << scope.bit_length()) - 1


def _openings(program: Program) -> Iterator[ast.Call]:
    for statement in program.main.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open_tasks":
                yield node


def _number(node: ast.expr | None) -> int:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _asked(program: Program) -> Span | None:
    """The schedule's line that asks for a window; `None` where the routine itself does, or several lines do."""
    spans = [each for use in program.uses if use == DirectiveUse("task_window") for each in use.spans]
    return spans[0] if len(spans) == 1 else None


def _refused(asks: Span | None, why: str, help_: str, *notes: str) -> Refused:
    text = f"this task window cannot be kept on Ascend: {why}"
    return Refused("pto.window", text, span=asks, notes=notes, help=help_)
