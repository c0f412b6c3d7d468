"""What a run on the host stand-in says: findings, tasks with what they did, and edges with where they come from.

Knows the form of the report (`native/standin/abi.h`); does not judge it.
"""

from __future__ import annotations

import msgspec

__all__ = ["Argument", "Edge", "Finding", "Report", "Task", "decode"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that a kernel or the orchestration broke, once with the number of times it was seen."""

    code: str
    severity: str
    message: str
    task: int | None
    kernel: str | None
    core: str | None
    block: int
    instruction: str | None
    index: int | None
    """How many instructions the kernel had issued."""
    tile: str | None
    """The bytes of an on-chip memory, as `ub[0:8192]`."""
    bytes: int
    times: int


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor that a task was given; offset and strides count elements."""

    tag: str
    buffer: int | None
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    owner: int | None
    """The task that allocated it."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task in the order of submission, and what its kernels did on all its blocks together."""

    id: int
    kind: str
    kernels: tuple[str, ...]
    func_ids: tuple[int, ...]
    blocks: int
    ring: int
    scope: int
    manual: bool
    skipped: bool
    """Its predicate did not hold."""
    order: int | None
    """When it ran, counting tasks; None: it did not."""
    args: tuple[Argument, ...]
    scalars: tuple[int, ...]
    instructions: dict[str, int]
    loaded: int
    """Bytes read from global memory."""
    stored: int
    high_water: dict[str, int]
    """The last byte used of each on-chip memory of one core."""


class Edge(msgspec.Struct, frozen=True, kw_only=True, rename={"source_task": "from", "target_task": "to"}):
    """A dependence that the runtime keeps."""

    source_task: int
    target_task: int
    source: str
    """`creator`, `tensormap` or `explicit`."""
    arg: int | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    runtime: str
    seed: int
    status: str
    fatal: int
    """The runtime's error code, 0 for none."""
    diagnostics: tuple[Finding, ...]
    dropped: int
    tasks: tuple[Task, ...]
    edges: tuple[Edge, ...]
    order: tuple[int, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make a run fail."""
        return tuple(each for each in self.diagnostics if each.severity == "error")


def decode(text: str | bytes) -> Report:
    """The report written as `text`."""
    return msgspec.json.decode(text, type=Report)
