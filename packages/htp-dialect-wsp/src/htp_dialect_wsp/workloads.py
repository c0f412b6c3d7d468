"""Workloads: the decorator, how they are put together, and the word under which directives stand in stages.

Knows what runs in Python: everything one after the other, in the order of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from htp.language import Definition, annotations_of, caller_frame

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DIRECTIVES", "combine", "scheduled", "sequential", "workload"]

DIRECTIVES = (
    "after", "bind", "buffer", "dispatch", "fuse", "fuse_loops", "map", "parallel", "pipeline", "pools", "prefer",
    "ready", "reduce", "reorder", "split", "stream_by", "streams", "task_window", "tile", "timing", "unroll",
    "vectorize",
)  # fmt: skip
"""The names of all directives; `prefer` is followed by a further name, which can be any."""

P = ParamSpec("P")
R = TypeVar("R")


def workload(python: Callable[P, R]) -> Definition[P, R]:
    """Makes `python` a workload: loops over axes in which every call of a kernel is a task.

    Raises:
        Refused: `capture.bad-annotation` when a parameter has no tile type.
    """
    from htp_dialect_wsp.reference import runnable, size_named

    annotations = annotations_of(python, caller_frame())
    declared = Definition(python, "workload", annotations, dialect="wsp", home="htp_dialect_wsp")
    names = {each.name for each in declared.params}
    for each in declared.params:
        names |= {str(dim) for dim in getattr(each.type, "dims", ())}
    sizes = {name: size for name in names if (size := size_named(name, declared.params)) is not None}
    declared.python = runnable(python, sizes)
    return declared


def combine(*parts: None) -> None:
    """Workloads side by side: `combine(first(a, b), second(b, c))`; only data orders their tasks."""


def sequential(*parts: None) -> None:
    """Workloads one after the other: no task of a part starts before all tasks of the parts before it have run."""


class Scheduled:
    """`scheduled.tile("i", 2)` at the head of a workload is a directive of its schedule; in Python it does nothing.

    Schedules are written with `@schedule`; this is how a stage of a compilation shows them.
    """

    __name__ = "scheduled"

    def __call__(self, *arguments: object, **named: object) -> None:
        """Nothing happens: directives are for targets."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name == "prefer":
            return Preferred()
        if name in DIRECTIVES:
            return self.__call__
        raise AttributeError(f"there is no directive {name!r}")

    def __dir__(self) -> list[str]:
        return sorted(DIRECTIVES)


class Preferred:
    """`scheduled.prefer.anything(…)`: a wish, which a target may leave unfulfilled."""

    def __call__(self, *arguments: object, **named: object) -> None:
        """Nothing happens."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__call__


scheduled = Scheduled()
