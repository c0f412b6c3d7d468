"""`contract/figures.json`: what the compiler counted in each kernel.

Knows the record; sizes are those of the kernel, as its tensors have them.
"""

from typing import Literal

from htp.artifact.manifest import Record

__all__ = ["Figures", "KernelFigures", "LiveTile", "LoopText", "MemoryUse", "Term", "Traffic"]


class LoopText(Record, frozen=True, kw_only=True):
    """A loop around an amount that differs from turn to turn; the bounds are texts over sizes and outer loops."""

    variable: str
    start: str
    stop: str
    step: str


class Term(Record, frozen=True, kw_only=True):
    """Bytes, as a text over sizes, summed up over loops, the outermost first.

    Where `when` stands it is what must hold for them to be moved, or `while` for a number of turns that is not known.
    """

    amount: str
    loops: tuple[LoopText, ...] = ()
    when: tuple[str, ...] = ()


class Traffic(Record, frozen=True, kw_only=True):
    """Bytes of global memory that one call of a kernel reads or writes, for each of its arrays."""

    array: str
    direction: Literal["in", "out"]
    terms: tuple[Term, ...]


class LiveTile(Record, frozen=True, kw_only=True):
    """A tile in use: its bytes, and the user's place that made it."""

    tile: str
    bytes: int
    place: str


class MemoryUse(Record, frozen=True, kw_only=True):
    """What a kernel takes of a memory: all bytes it ever uses, and the most that are in use at once, where and by whom.

    `capacity` is what may be used.
    """

    space: str
    capacity: int
    used: int
    live: int
    place: str
    tiles: tuple[LiveTile, ...]


class KernelFigures(Record, frozen=True, kw_only=True):
    """One kernel: instructions as they are written, by pipe and name, flags (each set and waited for), and barriers.

    `note` says of a process of a cluster what its two vector cores do each, and why.
    """

    kernel: str
    core: str
    instructions: dict[str, dict[str, int]]
    traffic: tuple[Traffic, ...]
    memory: tuple[MemoryUse, ...]
    flags: int
    barriers: int
    note: str = ""


class Figures(Record, frozen=True, kw_only=True):
    """All kernels of a package."""

    schema: Literal["pto.figures/1"] = "pto.figures/1"
    kernels: tuple[KernelFigures, ...]
