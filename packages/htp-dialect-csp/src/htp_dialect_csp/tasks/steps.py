"""Steps of a process: what it does from one wait to the next, and the work that is pending while it does.

Knows waits and work; does not know statements. What lies in a channel is counted: a token is sent once there is room,
taken once it was sent. Slots of channels are written as names that the routine replaces once it knows how many there
are.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.liveness import writes
from htp_dialect_csp.lower.trees import assign, integer, load
from htp_dialect_csp.tasks.locals import Locals
from htp_dialect_csp.tasks.work import Tiles, Work

if TYPE_CHECKING:
    from htp.program import Program
    from htp_dialect_csp.tasks.declared import Net, Running

__all__ = ["LAST", "Marker", "State", "Steps", "closed", "sent", "slot", "taken"]

LAST = -1


@dataclass(frozen=True)
class Marker:
    """Something that is written once all processes are known: work, or a token that is given free.

    `early` says that the token is counted as taken before it is read, which needs a slot more.
    """

    work: Work | None = None
    stream: str = ""
    early: bool = False


@dataclass(eq=False)
class State:
    """A step of a process: it waits for `guard`, and then does `body`."""

    guard: ast.expr | None = None
    body: list[ast.stmt] = field(default_factory=list[ast.stmt])
    number: int = 0


def slot(stream: str, way: str) -> ast.expr:
    """The slot of the token that is taken or sent next."""
    return load(f"@{stream}@{way}")


def sent(stream: str) -> str:
    """The routine's count of tokens sent."""
    return f"{stream}_sent"


def taken(stream: str) -> str:
    """The routine's count of tokens taken."""
    return f"{stream}_taken"


def closed(stream: str) -> str:
    """Whether the routine has seen the end of a stream."""
    return f"{stream}_closed"


class Steps:
    """The steps of one process, in the order of its text."""

    def __init__(self, program: Program, net: Net, running: Running) -> None:
        self.net, self.running = net, running
        self.kernels = {each.name for each in program.functions}
        self.scope = Locals(program, net, running)
        self.states: list[State] = [State()]
        self.jumps: list[tuple[ast.Constant, State]] = []
        self.markers: dict[int, Marker] = {}
        self.work = Work()
        self.works: list[Work] = []
        self.tiles: dict[str, tuple[Tiles, ast.AST]] = {}
        self.open: set[str] = set()
        """Channels of which a token was taken and not yet read."""
        self.held: set[str] = set()
        """Channels of which a token stays in its slot while the process waits for what may depend on it."""
        self.asked: set[str] = set()
        """Tiles of which the routine takes a number."""
        self.variables: set[str] = set()
        self.at = self.scope.local("at")

    @property
    def state(self) -> State:
        """The step that is being written."""
        return self.states[-1]

    def put(self, statement: ast.stmt, *_: str, name: str = "") -> None:
        """A line about numbers in the step that is being written."""
        if name and isinstance(statement, ast.Assign):
            statement.targets = [ast.Name(name, ast.Store())]
        self.variables |= writes(statement)
        self.state.body.append(statement)

    def jump(self, state: State) -> ast.stmt:
        """The line that goes on with another step."""
        number = integer(0)
        self.jumps.append((number, state))
        return assign(self.at, number)

    def enter(self, state: State) -> None:
        """Writes another step from here on."""
        self.states.append(state)

    def wait(self, stream: str, guard: ast.expr) -> None:
        """A step that begins when something is there, or there is room; work that is pending is done in it."""
        for each in (*self.work.tokens, *self.open):
            if each == stream or self.net.meet(self.running, each, stream):
                self.held.add(each)
        state = State(guard)
        self.state.body.append(self.jump(state))
        self.enter(state)

    def mark(self, marker: Marker) -> None:
        """Something that is written later."""
        made = ast.Pass()
        self.markers[id(made)] = marker
        self.state.body.append(made)

    def flush(self) -> None:
        """Does the work that is pending."""
        if not self.work:
            return
        work, self.work = self.work, Work()
        self.works.append(work)
        self.mark(Marker(work))
        for each in sorted(work.tokens):
            self.mark(Marker(stream=each))

    def add(self, work: Work) -> None:
        """Adds to the work that is pending."""
        if self.work.clashes(work):
            self.flush()
        for name, each in work.tiles.items():
            self.tiles.setdefault(name, (each, work.first or self.running.place))
        self.work.join(work)
