"""Processes and networks: the decorators, and what a call of the one and of the other does.

A call of a process in the body of a network declares it; the processes run when the body is complete.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast, overload

from htp.channels import End, Receiver, Sender, fan_out
from htp.diagnostics import Refused
from htp.language import Definition, annotations_of, caller_frame
from htp.networks import Network, current, declaring
from htp.processes import running
from htp.reference import prepared, run_prepared
from htp.tasks import work
from htp.types import TensorType
from htp.values import Array
from htp_dialect_csp.channels import network_frame, network_line
from htp_dialect_csp.matching import check_carried, not_a_process, not_an_array, not_an_end, uneven
from htp_dialect_csp.shared_arrays import check_given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.diagnostics import Span
    from htp.links import Link, Side
    from htp.processes import Process
    from htp.runs import Simulated
    from htp.types import Param

__all__ = [
    "NetworkDefinition",
    "ProcessDefinition",
    "broadcast",
    "network",
    "process",
    "replicate",
    "simulate",
    "spawn",
]

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")
SIDES: Mapping[str, type[End]] = {"send": Sender, "recv": Receiver}


class ProcessDefinition(Definition[P, R]):
    """A function that is a process wherever a network calls it."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: object, **kwargs: object) -> R: ...
    def __call__(self, *args: object, **kwargs: object) -> R:
        """Declares a process of the network whose body runs.

        Raises:
            Refused: `csp.no-network`, `csp.endpoint-shared`, `csp.payload`, `csp.not-an-end`, `csp.shared-array`,
                and `run.*`.
        """
        network = declaring()
        if network is None:
            raise Refused(
                "csp.no-network",
                f"`{self.name}` is called outside of a network",
                span=network_line(),
                help=f"call it in a function that is decorated with @network; a process starts it with "
                f"spawn({self.name}, …)",
            )
        _declare(network, self, self.name, args, kwargs)
        return cast("R", None)


class NetworkDefinition(Definition[P, R]):
    """A function whose call runs a network; in the body of another network it adds its processes to that one."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: object, **kwargs: object) -> R: ...
    def __call__(self, *args: object, **kwargs: object) -> R:
        """Returns when all processes have ended; to a process that calls it, it is work of its makespan.

        Raises:
            Refused: `csp.deadlock`, and what a process is refused with.
        """
        if declaring() is not None:
            return run_prepared(self, _inner(self, args, kwargs))
        work(self.run(*args, **kwargs).makespan)
        return cast("R", None)

    def run(self, *args: object, **kwargs: object) -> Network:
        """The network after its run."""
        network = Network(self.name)
        values = prepared(self, args, kwargs)
        with network.declaring():
            run_prepared(self, values)
        network.check_ends(self.place)
        network.run()
        return network


def process(python: Callable[P, R]) -> ProcessDefinition[P, R]:
    """Makes `python` a process: called in a network it runs beside the others, with a clock of its own.

    Raises:
        Refused: `capture.bad-annotation` when a parameter has no type that a process can take.
    """
    found = annotations_of(python, caller_frame())
    return ProcessDefinition(python, "process", found, dialect="csp", home="htp_dialect_csp")


def network(python: Callable[P, R]) -> NetworkDefinition[P, R]:
    """Makes `python` a network: its body makes channels and calls processes, which run when it is complete.

    Raises:
        Refused: `capture.bad-annotation` when a parameter has no type that a network can take.
    """
    found = annotations_of(python, caller_frame())
    return NetworkDefinition(python, "network", found, dialect="csp", home="htp_dialect_csp")


def simulate(network: NetworkDefinition[P, R], *args: object, **kwargs: object) -> Simulated:
    """Runs `network` on arrays and returns its times in cycles.

    Raises:
        Refused: `csp.deadlock`, and what a process is refused with.
    """
    return network.run(*args, **kwargs).simulated()


def spawn(process: ProcessDefinition[P, R], *args: object, **kwargs: object) -> None:
    """Starts a further process at the time of the process that runs; ends that are passed are the new process's.

    Raises:
        Refused: `csp.no-network` outside of a process, `type.bad-arguments` for what is no process, and what declaring
            it is refused with.
    """
    parent = running(f"spawn of `{_name(process)}`", network_line())
    _check_process("spawn", process)
    parent.pause()
    _declare(parent.network, process, process.name, args, kwargs, parent)


def replicate(process: ProcessDefinition[P, R], count: int, *args: object, **kwargs: object) -> None:
    """Declares `count` processes that are alike, called `name0`, `name1`, …; several channels are dealt out.

    An argument that is a tuple, list or range of `count` items gives each process its own; any other is everybody's.

    Raises:
        Refused: `csp.replicate` when an argument has another number of items, `type.bad-arguments` for what is no
            process, and what declaring is refused with.
    """
    network, _ = current(f"replicate of `{_name(process)}`", network_line())
    _check_process("replicate", process)
    for name, each in (*enumerate(args), *kwargs.items()):
        if isinstance(each, tuple | list | range) and (items := len(cast("Sequence[object]", each))) != count:
            raise uneven(process.name, count, items, name, network_line())
    for k in range(count):
        own = tuple(_dealt(each, k) for each in args)
        _declare(network, process, f"{process.name}{k}", own, {name: _dealt(each, k) for name, each in kwargs.items()})


def broadcast(inp: Receiver[T], *outs: Sender[T]) -> None:
    """Declares a process that sends every token of `inp` on all of `outs`, on one after the other.

    Raises:
        Refused: `csp.payload` when they do not carry the same, `csp.endpoint-shared`, `csp.no-network`.
    """
    network, parent = current("broadcast", network_line())
    place = network_line()
    network.name_channels(network_frame())
    for out in outs:
        check_carried(out.link.name, out.link.carried, inp.link.carried, "broadcast", "send", {}, place)
    if isinstance(inp.link.carried, TensorType) and len(outs) > 1:
        raise Refused(
            "csp.payload",
            f"a region has one owner: channel '{inp.link.name}' cannot be broadcast to {len(outs)} channels",
            span=place,
            help="send tiles, which are values",
        )
    receiver, senders = Receiver[T](inp.link), [Sender[T](each.link) for each in outs]
    made = network.add("broadcast", partial(fan_out, receiver, senders), place, _now(parent))
    for side, each in (("recv", inp), *(("send", each) for each in outs)):
        each.link.claim("recv" if side == "recv" else "send", made, place)


def _check_process(word: str, given: object) -> None:
    """Nothing when a process is given."""
    if not isinstance(given, ProcessDefinition):
        kind = cast("Definition[..., object]", given).kind if isinstance(given, Definition) else ""
        raise not_a_process(word, _name(cast("object", given)), kind, network_line())


def _name(given: object) -> str:
    return str(getattr(given, "__name__", type(given).__name__))


def _declare(
    network: Network,
    definition: ProcessDefinition[P, R],
    name: str,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    parent: Process | None = None,
) -> None:
    place = network_line()
    network.name_channels(network_frame())
    values = _prepared(definition, args, kwargs, place, later=True)
    made = network.add(name, partial(run_prepared, definition, values), place, _now(parent))
    if parent is None:
        check_given(network, made, definition.params, values)
    dims: dict[str, str] = {}
    for index, param in enumerate(definition.params):
        if param.is_end:
            side: Side = "send" if param.direction == "send" else "recv"
            found = [_link(definition, param, each, side, dims, place) for each in _ends(param, values[index])]
            for link in found:
                if parent is not None:
                    link.hand_over(side, parent)
                link.claim(side, made, place)
            bound = tuple(SIDES[side](link) for link in found)
            values[index] = bound if param.several else bound[0]


def _inner(definition: NetworkDefinition[P, R], args: tuple[object, ...], kwargs: Mapping[str, object]) -> list[object]:
    """The arguments of a network that another network calls: ends pass through it."""
    place = network_line()
    network = declaring()
    if network is not None:
        network.name_channels(network_frame())
    values = _prepared(definition, args, kwargs, place)
    dims: dict[str, str] = {}
    for param, value in zip(definition.params, values, strict=True):
        if param.is_end:
            side: Side = "send" if param.direction == "send" else "recv"
            for each in _ends(param, value):
                _link(definition, param, each, side, dims, place)
    return values


def _prepared(
    definition: Definition[P, R],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    place: Span | None,
    *,
    later: bool = False,
) -> list[object]:
    """What each parameter is inside, as `prepared` says; refused at the line of the call."""
    names = [each.name for each in definition.params]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    for param in definition.params:
        value = given.get(param.name)
        if not param.is_end and isinstance(value, End):
            raise not_an_array(definition.name, param, value.link.name, place)
    try:
        return prepared(definition, args, kwargs, later=later)
    except Refused as refusal:
        raise refusal.at(place) from None


def _ends(param: Param, value: object) -> tuple[object, ...]:
    if not param.several:
        return (value,)
    return tuple(cast("Sequence[object]", value)) if isinstance(value, tuple | list) else (value,)


def _link(
    definition: Definition[P, R], param: Param, value: object, side: Side, dims: dict[str, str], place: Span | None
) -> Link:
    """The channel that an argument is an end of, checked against the parameter."""
    if not isinstance(value, End) or not isinstance(value, SIDES[side]):
        raise not_an_end(definition.name, param, _shown(value), place)
    if param.type is not None:
        check_carried(value.link.name, value.link.carried, param.type, definition.name, side, dims, place)
    return value.link


def _shown(value: object) -> str:
    """What an argument is that is no end of a channel, or not the one that is wanted."""
    if isinstance(value, End):
        return "the other end of a channel"
    if isinstance(value, Array) and value.shape:
        return "a tensor"
    return "a number" if isinstance(value, Array | int | float) else type(value).__name__


def _now(parent: Process | None) -> int:
    return parent.clock if parent is not None else 0


def _dealt(value: object, index: int) -> object:
    return cast("Sequence[object]", value)[index] if isinstance(value, tuple | list | range) else value
