"""Words of networks stand in networks, words of processes in processes; elsewhere they are refused as Python does."""

import numpy as np
import pytest

import htp
from htp import InOut, Refused, Tensor, func, i32, kernel, routine
from htp.capture import capture
from htp_dialect_csp import EOS, NONE, Channel, Recv, Send, broadcast, network, process, replicate, select, spawn, stop
from htp_dialect_csp.checks import check

Words = InOut[Tensor[i32, 8]]


@process
def one(out: Send[i32]) -> None:
    out.send(3)


@process
def store(inp: Recv[i32], y: Words) -> None:
    y[0] = inp.recv()
    if y[0] > 9:
        stop()


@network
def spawning(y: Words) -> None:
    c = Channel[i32]()
    spawn(one, c)
    store(c, y)


@network
def stopping(y: Words) -> None:
    y[0] = 1
    stop()


@kernel
def making(y: Words) -> None:
    y[0] = 1
    c = Channel[i32]()  # noqa: F841


@kernel
def selecting(y: Words) -> None:
    y[0] = 1
    select([y])


@routine
def copying(y: Words) -> None:
    y[0] = 1
    broadcast(y, y)


@routine
def several(y: Words) -> None:
    y[0] = 1
    replicate(one, 2, y)


@func
def helped(y):
    stop()
    return y


@kernel
def helping(y: Words) -> None:
    y[0] = helped(y[0])


@pytest.mark.parametrize(
    ("definition", "at", "message"),
    [
        (spawning, spawning, "spawn of `one` stands outside of a process"),
        (stopping, stopping, "stop() stands outside of a process"),
        (making, making, "Channel[…](…) stands outside of a network"),
        (selecting, selecting, "select stands outside of a process"),
        (copying, copying, "broadcast stands outside of a network"),
        (several, several, "replicate of `one` stands outside of a network"),
        (helping, helped, "stop() stands outside of a process"),
    ],
)
def test_a_word_outside_of_its_place(definition, at, message):
    with pytest.raises(Refused) as caught:
        check(capture(definition))
    found = caught.value.diagnostic
    assert (found.code, found.message) == ("csp.no-network", message)
    assert found.span.line == at.python.__code__.co_firstlineno + (2 if at is helped else 3)
    assert found.help
    with pytest.raises(Refused) as ran:
        definition(np.zeros(8, np.int32))
    python = ran.value.diagnostic
    assert (python.code, python.message, python.span.line) == (found.code, found.message, found.span.line)
    with pytest.raises(Refused) as planned:
        htp.plan(definition, target="cpu")
    assert planned.value.code == "csp.no-network"


@kernel
def own_names(y: Words) -> None:
    stop = 2
    y[0] = stop


@network
def well(y: Words) -> None:
    c = Channel[i32]()
    one(c)
    store(c, y)


@pytest.mark.parametrize("definition", [well, own_names])
def test_a_word_in_its_place_and_a_name_of_ones_own(definition):
    assert all(each.code != "csp.no-network" for each in check(capture(definition)))


def test_signals_say_what_they_are():
    assert "ended" in EOS.__doc__
    assert "no token yet" in NONE.__doc__


def test_a_replicate_of_a_kernel():
    @network
    def kernels(y: Words) -> None:
        replicate(own_names, 2, y)

    with pytest.raises(Refused) as caught:
        check(capture(kernels))
    message = "`replicate` starts processes, and `own_names` is a kernel"
    assert (caught.value.code, caught.value.diagnostic.message) == ("type.bad-arguments", message)
    with pytest.raises(Refused, match="`own_names` is a kernel"):
        kernels(np.zeros(8, np.int32))


def test_python_spawns_no_plain_function():
    def plain():
        pass

    @process
    def starts(y: Words) -> None:
        spawn(plain)

    @network
    def whole(y: Words) -> None:
        starts(y)

    with pytest.raises(Refused, match="`spawn` starts processes, and `plain` is no process"):
        whole(np.zeros(8, np.int32))
