"""The meaning of networks: processes that take turns in one order, each with a clock of its own.

Knows whose turn it is: of the processes that can go on the one whose next operation completes first, then the one that
was declared first. So values, times and reports are the same in every run. Declared work is no operation: a process
comes to its next operation at once, and its clock says when that is. Does not know what an operation does
(`channels`), nor how a stuck network is explained (`deadlocks`).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Refused
from htp.processes import AT_ONCE, DECLARING, RUNNING, Process
from htp.runs import ChannelRun, ProcessRun, Simulated, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable
    from types import FrameType

    from htp.diagnostics import Span
    from htp.links import Link, Side
    from htp.types import Param
    from htp.values import Array

__all__ = ["Network", "current", "declaring", "no_network", "unconnected", "unique"]


SIDES: tuple[Side, ...] = ("send", "recv")


class Network:
    """Channels and processes, and one run of them; `error` is what the run ended with if it did not end well.

    `arrays` are those that processes were given, with their parameters.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.links: list[Link] = []
        self.processes: list[Process] = []
        self.arrays: list[tuple[Process, Param, Array]] = []
        self.error: BaseException | None = None
        self.ending = False
        self.channel_names: set[str] = set()
        self.process_names: set[str] = set()
        self._live = 0
        self._ready: list[tuple[int, int, int]] = []
        self._home = threading.Lock()

    @contextmanager
    def declaring(self) -> Generator[None]:
        """Processes and channels that are declared inside belong to this network."""
        token = DECLARING.set(self)
        try:
            yield
        finally:
            DECLARING.reset(token)

    def add(self, name: str, body: Callable[[], object], place: Span | None = None, clock: int = 0) -> Process:
        """A process that runs `body` from `clock` on; a second one of a name is called `name_2`."""
        process = Process(self, unique(name, self.process_names), body, place, clock)
        self.process_names.add(process.name)
        self.processes.append(process)
        self._live += 1
        self.wake(process)
        return process

    def wake(self, process: Process, *, at_once: bool = False) -> None:
        """Looks whether `process` can go on, and if so when; `at_once` when its operation has been completed for it."""
        when = process.pending.ready() if not process.ended else None
        if when is not None:
            heappush(self._ready, (AT_ONCE if at_once else when, process.index, process.turns))

    def name_channels(self, frame: FrameType | None) -> None:
        """Calls channels that have no name yet after the variables of `frame`."""
        if all(each.named for each in self.links):
            return
        for name, value in (frame.f_locals if frame is not None else {}).items():
            several = isinstance(value, tuple | list)
            for number, each in enumerate(cast("Iterable[object]", value) if several else (value,)):
                link = next((known for known in self.links if known is getattr(each, "link", None)), None)
                if link is not None and not link.named:
                    self.name_channel(link, link.wanted or (f"{name}{number}" if several else name))

    def name_channel(self, link: Link, name: str) -> None:
        """Gives a channel its name; a second one of a name is called `name_2`."""
        link.name = unique(name, self.channel_names)
        link.named = True
        self.channel_names.add(link.name)

    def check_ends(self, place: Span | None) -> None:
        """Nothing when every channel has a process at either end.

        Raises:
            Refused: `csp.unconnected`.
        """
        alone = [
            found
            for each in self.links
            for side in SIDES
            if side not in each.held_by
            for found in unconnected(each.name, side, self.name, place).diagnostics
        ]
        if alone:
            raise Refused.of(*alone)

    def run(self) -> None:
        """Runs all processes until they have ended; none of their threads is left behind.

        Raises:
            Refused: `csp.deadlock` when no process can go on; whatever else a process was refused with or raised.
        """
        if not self.processes:
            return
        self._home.acquire()
        try:
            self._give_turn()
            self._home.acquire()
        except BaseException:  # an interrupt, while some process has the turn: it comes home at its next operation
            self.ending = True
            self._home.acquire()
            raise
        finally:
            self._unwind()
        if self.error is not None:
            raise self.error

    def pass_on(self, process: Process) -> None:
        """Gives the turn to the process whose turn it is, and waits until it is that of `process` again."""
        if process.ended:
            self._live -= 1
            self._give_turn()
            return
        self.wake(process)
        if self._give_turn(process) is not process:
            process.wait()

    def simulated(self) -> Simulated:
        """The times of the run, in cycles."""
        return Simulated(
            makespan=self.makespan,
            networks=1,
            processes={
                each.name: ProcessRun(
                    end=each.clock,
                    busy=each.busy,
                    stall_in=each.stall_in,
                    stall_out=each.stall_out,
                    stalls=each.stalls,
                    waits=tuple(
                        Wait(start=start, end=end, channel=link.name, why=why) for why, link, start, end in each.waits
                    ),
                )
                for each in self.processes
            },
            channels={each.name: _channel_run(each) for each in self.links},
        )

    @property
    def makespan(self) -> int:
        """The latest clock of all processes."""
        return max((each.clock for each in self.processes), default=0)

    def _give_turn(self, asking: Process | None = None) -> Process | None:
        """Resumes the process whose turn it is, unless it is the one that asks; with none, the caller of `run`."""
        try:
            chosen = None if self.ending or self.error is not None else self._next()
        except BaseException as error:  # a network that goes on nowhere would hang
            chosen, self.error = None, error
        if chosen is None:
            self._home.release()
        elif chosen is not asking:
            try:
                chosen.resume()
            except Refused as error:
                self.error = error
                self._home.release()
        return chosen

    def _next(self) -> Process | None:
        while self._ready:
            _, index, turn = heappop(self._ready)
            process = self.processes[index]
            if process.turns == turn and not process.ended:
                return process
        if self._live:
            from htp.deadlocks import deadlock

            self.error = deadlock(self)
        return None

    def _unwind(self) -> None:
        """Ends what is left of the processes, one after the other."""
        self.ending = True
        for each in self.processes:
            if each.thread is not None:
                if not each.ended:
                    each.resume()
                    self._home.acquire()
                each.thread.join()


def declaring() -> Network | None:
    """The network whose body runs now."""
    return DECLARING.get()


def current(what: str, place: Span | None) -> tuple[Network, Process | None]:
    """The network whose body runs, or else that of the process that runs, with the process.

    Raises:
        Refused: `csp.no-network` when neither runs.
    """
    process = RUNNING.get()
    network = DECLARING.get() or (process.network if process is not None else None)
    if network is None:
        raise no_network(what, place)
    return network, process if DECLARING.get() is None else None


def no_network(what: str, place: Span | None) -> Refused:
    """The refusal of something that stands neither in a network nor in a process."""
    return Refused(
        "csp.no-network",
        f"{what} stands outside of a network",
        span=place,
        help="write it in a function that is decorated with @network, or in a process",
    )


def unique(name: str, taken: Collection[str]) -> str:
    """`name`, or when that is taken `name_2`, `name_3`, …."""
    if name not in taken:
        return name
    return next(each for number in range(2, len(taken) + 3) if (each := f"{name}_{number}") not in taken)


def unconnected(channel: str, side: Side, network: str, place: Span | None) -> Refused:
    """The refusal of a channel that has no process at one end."""
    what = "sends on" if side == "send" else "receives from"
    return Refused(
        "csp.unconnected",
        f"no process {what} channel '{channel}' of `{network}`",
        span=place,
        help="pass it to one process that sends and to one that receives, or remove it",
    )


def _channel_run(link: Link) -> ChannelRun:
    """What went through a channel."""
    time, sender, receiver = link.time, link.holder("send"), link.holder("recv")
    return ChannelRun(
        capacity=time.capacity,
        latency=time.latency,
        response=time.response,
        initial=time.initial,
        sender="" if sender is None else sender.name,
        receiver="" if receiver is None else receiver.name,
        sends=time.sends,
        receives=time.receives,
        high_water=time.high_water,
        stall_full=time.stall_full,
        stall_empty=time.stall_empty,
        stalls_full=time.stalls_full,
        stalls_empty=time.stalls_empty,
        accepts=tuple(time.accepts),
        dequeues=tuple(time.dequeues),
    )
