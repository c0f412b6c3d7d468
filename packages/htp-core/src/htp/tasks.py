"""The Python meaning of the task form: between `open_tasks` and `close_tasks` every call of a kernel is a task.

A routine in task form runs its tasks one after the other in Python; a target may run those at the same time that do
not depend on each other. What stands here is all the form needs beside kernels, loops and branches.
"""

from __future__ import annotations

import operator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, SupportsIndex

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from htp.types import Array

__all__ = ["CHARGE", "barrier", "close_tasks", "first_seen", "fnv1a", "open_tasks", "task", "wait_for", "work"]

MOST_WORK = 1 << 40
"""The largest cost of one declaration, in cycles; a million of them still fit 64 bits."""

_SEEN: ContextVar[dict[int, int]] = ContextVar("_SEEN")
CHARGE: ContextVar[Callable[[int], None]] = ContextVar("CHARGE")
"""Where declared work goes: the clock of the process that runs; unset, work costs nothing."""


def open_tasks(
    *,
    workers: int = 0,
    steal: bool = True,
    window: int = 0,
    unit: Literal["tasks", "bytes"] = "tasks",
    full: Literal["stall", "abort"] = "stall",
    pools: int = 1,
    issue: int = 0,
    every: int = 1,
    batch: int = 1,
    interleaved: bool = False,
    independent: Sequence[str] = (),
) -> None:
    """From here to `close_tasks` every call of a kernel is a task; tasks depend on earlier ones whose data they touch.

    `workers` per pool run the tasks (0: as many as there are threads); without `steal` a task runs on the worker it is
    given to. At most `window` tasks, or bytes of their outputs, are submitted and not yet retired, in order (0: any
    number); when it is `full` submission stalls or the run is aborted. `issue` is the simulated cost of `every`
    submissions in cycles, `batch` how many tasks are released together, and with `interleaved` a worker takes ready
    tasks from the streams in turn. `independent` names arrays of which it is proven that no two tasks need an order
    for their sake.
    """
    del workers, steal, window, unit, full, pools, issue, every, batch, interleaved, independent
    _SEEN.set({})


def task(
    *,
    worker: int = -1,
    pool: int = 0,
    priority: int = 0,
    stream: int = -1,
    tag: int = -1,
    after: Sequence[int] = (),
    at: Sequence[int] = (),
    parallel: Sequence[int] = (),
    blocks: int = 0,
) -> None:
    """What holds of the next task: its worker in its pool, priority, stream, tag, coordinates.

    Of the ready tasks of a worker the one of highest priority runs first, then the one submitted first. Tasks of one
    stream (0 and up) run in order. The task runs after every earlier one whose tag is in `after`. `parallel` are those
    of the coordinates whose loops have turns that do not depend on each other. With `blocks`, the calls of the loop
    that the task stands in are the blocks of one task, of that many: `for block in range(n): task(blocks=n); k(…,
    block)`.
    """
    del worker, pool, priority, stream, tag, after, at, parallel, blocks


def close_tasks() -> None:
    """Returns when every task has run."""


def wait_for(*regions: Array) -> None:
    """Returns when every task so far that writes one of the regions has run."""
    del regions


def barrier() -> None:
    """Returns when every task so far has run."""


def first_seen(key: int) -> int:
    """The number of different keys asked for since `open_tasks` before `key` was first asked for."""
    seen = _SEEN.get({})
    return seen.setdefault(int(key), len(seen))


def fnv1a(key: int, modulus: int) -> int:
    """The 64-bit FNV-1a hash of `key` as 8 little-endian bytes, modulo `modulus`.

    Constants: http://www.isthe.com/chongo/tech/comp/fnv/, offset basis and prime for 64 bits.

    >>> [fnv1a(key, 4) for key in range(8)]
    [1, 0, 3, 2, 1, 0, 3, 2]
    """
    value = 0xCBF29CE484222325
    for byte in int(key).to_bytes(8, "little", signed=int(key) < 0):
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value % int(modulus)


def work(cycles: SupportsIndex) -> None:
    """Declares a cost of `cycles` simulated cycles for the task or process that runs this line; takes no time.

    Raises:
        Refused: `run.bad-work` unless `cycles` is an int from 0 to `MOST_WORK`.
    """
    number = operator.index(cycles) if hasattr(cycles, "__index__") else -1
    if not 0 <= number <= MOST_WORK:
        raise Refused(
            "run.bad-work",
            f"`work({cycles})` declares no cost from 0 to {MOST_WORK} cycles",
            help="declare a whole number of cycles",
        )
    charge = CHARGE.get(None)
    if charge is not None:
        charge(number)
