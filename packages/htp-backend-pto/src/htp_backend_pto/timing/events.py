"""What a core did for a task, one thing after the other, as the stand-in writes it down.

Knows the form of `traces` in `native/standin/abi.h`; does not know how long anything takes.
"""

from __future__ import annotations

import msgspec

__all__ = ["Await", "Barrier", "Event", "Free", "Meet", "Operand", "Pop", "Push", "Raise", "Run"]


class Operand(msgspec.Struct, frozen=True, array_like=True):
    """A tile or a region of global memory: its valid rows and columns, and the bytes of an element.

    `mode` is `r` for what is read, `w` written, `s` scratch, `a` added to.
    """

    space: str
    mode: str
    rows: int
    columns: int
    size: int

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return self.rows * self.columns * self.size


class Run(msgspec.Struct, frozen=True, array_like=True, tag="run"):
    """An instruction of a pipe."""

    name: str
    pipe: str
    operands: tuple[Operand, ...] = ()


class _Flag(msgspec.Struct, frozen=True, array_like=True):
    src: str
    dst: str
    number: int


class Raise(_Flag, frozen=True, array_like=True, tag="set"):
    """An event is raised when `src` is done with what it has."""


class Await(_Flag, frozen=True, array_like=True, tag="wait"):
    """`dst` stands still until the event was raised."""


class Barrier(msgspec.Struct, frozen=True, array_like=True, tag="barrier"):
    """A pipe, or `ALL`, stands still until it is done with what it has."""

    pipe: str


class _Fifo(msgspec.Struct, frozen=True, array_like=True):
    fifo: int
    direction: int


class Push(_Fifo, frozen=True, array_like=True, tag="push"):
    """The next instruction fills a slot of a FIFO between the cores of a cluster."""

    slots: int


class Pop(_Fifo, frozen=True, array_like=True, tag="pop"):
    """The next instruction takes what is in the next slot."""


class Free(_Fifo, frozen=True, array_like=True, tag="free"):
    """A slot is given back."""


class Meet(msgspec.Struct, frozen=True, array_like=True, tag="meet"):
    """All cores of the task wait for each other."""


Event = Run | Raise | Await | Barrier | Push | Pop | Free | Meet
