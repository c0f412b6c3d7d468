"""One process of a network: its clock, its turns, and the thread that runs its body.

Processes are threads only so that their bodies can be ordinary Python: no two ever run at the same time. Knows how a
turn is waited for, and how a process starts, ends and is unwound; whose turn it is is `networks`'.
"""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol

from htp.diagnostics import Bug, Refused
from htp.places import user_line
from htp.reference import out_of_memory
from htp.tasks import CHARGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from htp.diagnostics import Span
    from htp.links import Link
    from htp.networks import Network

__all__ = ["AT_ONCE", "DECLARING", "RUNNING", "Operation", "Process", "Why", "no_process", "running", "stop"]

Why = Literal["full", "empty", "end"]
"""What a process waits for: a slot, a token, or to learn that a stream has ended."""

STACK = 512 * 1024
"""Bytes of stack for each process: what NumPy needs, and little enough for thousands of processes."""

AT_ONCE = -1
"""Before all times: a process that starts, or whose rendezvous is over, comes to its next operation before a choice."""

DECLARING: ContextVar[Network | None] = ContextVar("DECLARING", default=None)
RUNNING: ContextVar[Process | None] = ContextVar("RUNNING", default=None)
"""The network whose body runs, and the process that runs."""


class Operation(Protocol):
    """What a process is about to do; `links` are the channels it may have to wait for."""

    @property
    def kind(self) -> str:
        """The operation's name in reports."""
        ...

    @property
    def links(self) -> tuple[Link, ...]:
        """The channels that are waited for."""
        ...

    def ready(self) -> int | None:
        """When it completes, as far as is known; `None` while it cannot."""
        ...


@dataclass(frozen=True)
class Moment:
    """An operation that never waits; it only has its place among those of other processes."""

    now: int
    kind: str = "go on"
    links: tuple[Link, ...] = ()

    def ready(self) -> int:
        """Its own time."""
        return self.now


class _Unwound(BaseException):
    """Ends the thread of a process whose network has ended in another way."""


class _Stopped(BaseException):
    """Ends a process that stops without closing its channels."""


class Process:
    """One process of a network: its clock, what it is about to do, and the thread that runs its body."""

    def __init__(self, network: Network, name: str, body: Callable[[], object], place: Span | None, clock: int) -> None:
        self.network = network
        self.name = name
        self.index = len(network.processes)
        self.body = body
        self.place = place
        self.clock = clock
        self.busy = self.stall_in = self.stall_out = self.stalls = 0
        self.waits: list[tuple[Why, Link, int, int]] = []
        self.turns = 0
        self.held: list[Link] = []
        self.pending: Operation = Moment(AT_ONCE)
        self.ended = False
        self.thread: threading.Thread | None = None
        self._context = copy_context()
        self._unwound = False
        self._baton = threading.Lock()
        self._baton.acquire()

    def turn(self, operation: Operation) -> None:
        """Waits until it is this process's turn to do `operation`; the clock is when it completes."""
        if self._unwound:
            raise _Unwound
        self.pending = operation
        self.turns += 1
        self.network.pass_on(self)
        if self.network.ending:
            self._unwound = True
            raise _Unwound
        when = operation.ready()
        if when is None:
            raise Bug(f"process '{self.name}' was given a turn that it cannot take")
        self.clock = when

    def pause(self) -> None:
        """Waits until everything that other processes do before this moment is done."""
        self.turn(Moment(self.clock))

    def charge(self, cycles: int) -> None:
        """Declared work: it adds to the clock."""
        self.clock += cycles
        self.busy += cycles

    def waited(self, why: Why, link: Link, since: int) -> None:
        """It has waited since then for a slot, a token or the end of a stream; the last is no stall."""
        cycles = self.clock - since
        if not cycles:
            return
        self.waits.append((why, link, since, self.clock))
        self.stalls += why != "end"
        if why == "full":
            self.stall_out += cycles
        elif why == "empty":
            self.stall_in += cycles

    def frame(self) -> FrameType | None:
        """Where the process is, seen from another thread."""
        # The only way to see where another thread is; it stands still here, since it does not have the turn.
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        return frames.get(self.thread.ident or 0) if self.thread is not None else None

    def resume(self) -> None:
        """Gives this process the turn; the caller has it no longer.

        Raises:
            Refused: `run.out-of-memory` when there can be no more threads.
        """
        if self.thread is None:
            thread = threading.Thread(target=self._context.run, args=(self._run,), name=self.name, daemon=True)
            former = threading.stack_size(STACK)
            try:
                thread.start()
            except RuntimeError as error:
                raise out_of_memory(f"a thread for process '{self.name}' ({error})") from None
            finally:
                threading.stack_size(former)
            self.thread = thread
        self._baton.release()

    def wait(self) -> None:
        """Waits for `resume`."""
        self._baton.acquire()

    def _run(self) -> None:
        self.wait()
        DECLARING.set(None)
        RUNNING.set(self)
        CHARGE.set(self.charge)
        try:
            self.body()
            self._close_all()
        except (_Unwound, _Stopped):
            pass
        except BaseException as error:
            self.network.error = self.network.error or error
        self.ended = True
        self.network.pass_on(self)

    def _close_all(self) -> None:
        """What a return does: the streams end that the process sends, and those it made and gave to no sender."""
        held = [each for each in self.held if each.time.closed is None and self is each.holder("send")]
        if held:
            self.pause()
            for each in held:
                each.close(self.clock, user_line())


def running(operation: str, place: Span | None = None) -> Process:
    """The process that runs now; `place` is the user's line, where the caller knows it.

    Raises:
        Refused: `csp.no-network` when no process runs.
    """
    process = RUNNING.get()
    if process is None:
        raise no_process(operation, place or user_line())
    return process


def no_process(operation: str, place: Span | None) -> Refused:
    """The refusal of something that stands outside of a process."""
    return Refused(
        "csp.no-network",
        f"{operation} stands outside of a process",
        span=place,
        help="write it in a function that is decorated with @process and called in a network",
    )


def stop() -> NoReturn:
    """Ends the running process at once, as if its machine had failed: the channels it sends on stay open.

    Raises:
        Refused: `csp.no-network` outside of a process.
    """
    running("stop()")
    raise _Stopped
