"""What a process writes is given to no other: the same refusal in Python and while compiling, and what is accepted."""

import numpy as np
import pytest

import htp
from htp import In, InOut, Out, Refused, Scalar, Tensor, Tile, f32, i32
from htp_dialect_csp import Channel, Recv, Send, network, process, replicate

pytest.importorskip("htp_backend_cpu")

Block = Tile[f32, 4]
Buffer = Tensor[f32, 4]


@process
def fill(y: Out[Tensor[f32, "N"]], value: Scalar[f32]) -> None:
    y[:] = value


@process
def copy(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:]


@process
def tell(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], out: Send[i32]) -> None:
    y[:] = x[:]
    out.send(1)


@process
def told(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], inp: Recv[i32]) -> None:
    done = inp.recv()
    y[:] = x[:] + done


@network
def both_write(y: Out[Tensor[f32, "N"]]) -> None:
    fill(y, 1.0)
    fill(y, 2.0)


@network
def one_reads(x: In[Tensor[f32, "N"]], t: InOut[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    copy(t, y)
    copy(x, t)


@network
def in_order(x: In[Tensor[f32, "N"]], t: Out[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    c = Channel[i32]()
    tell(x, t, c)
    told(t, y, c)


@network
def slices_that_meet(y: Out[Tensor[f32, "N"]]) -> None:
    fill(y[0:5], 1.0)
    fill(y[4:], 2.0)


@network
def replicas(y: Out[Tensor[f32, "N"]]) -> None:
    replicate(fill, 2, y, 1.0)


@network
def inner(y: Out[Tensor[f32, "N"]]) -> None:
    fill(y, 3.0)


@network
def through_networks(y: Out[Tensor[f32, "N"]]) -> None:
    inner(y)
    fill(y[0:2], 1.0)


def zeros(count):
    return [np.zeros(8, np.float32) for _ in range(count)]


def line(definition, offset):
    return definition.python.__code__.co_firstlineno + offset


@pytest.mark.parametrize(
    ("wrong", "arrays", "first", "second", "lines"),
    [
        (both_write, 1, "'fill' writes `y`", "'fill_2' writes `y`", (2, 3)),
        (one_reads, 3, "'copy' reads `x`", "'copy_2' writes `y`", (2, 3)),
        (in_order, 3, "'tell' writes `y`", "'told' reads `x`", (3, 4)),
        (slices_that_meet, 1, "'fill' writes `y`", "'fill_2' writes `y`", (2, 3)),
        (replicas, 1, "'fill0' writes `y`", "'fill1' writes `y`", (2, 2)),
        (through_networks, 1, "'fill' writes `y`", "'fill_2' writes `y`", (None, 3)),
    ],
)
def test_an_array_that_is_written_is_given_to_one_process(wrong, arrays, first, second, lines):
    with pytest.raises(Refused) as running:
        wrong(*zeros(arrays))
    with pytest.raises(Refused) as planning:
        htp.plan(wrong, target="cpu")
    before = line(wrong, lines[0]) if lines[0] is not None else line(inner, 2)
    for caught in (running, planning):
        found = caught.value.diagnostic
        assert (found.code, found.message) == (
            "csp.shared-array",
            f"{first} (line {before}), and {second} (line {line(wrong, lines[1])}) in the same array; processes run "
            "at the same time, so what one of them writes is given to no other",
        )
        assert (found.span.file, found.span.line) == (__file__, line(wrong, lines[1]))
        assert [each.span.line for each in found.labels] == ([before] if before != found.span.line else [])
        assert "a slice of its own" in found.help[0]


@network
def all_read(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    copy(x, y)
    copy(x[0:], z)


@network
def halves(y: Out[Tensor[f32, "N"]]) -> None:
    h = y.shape[0] // 2
    fill(y[0:h], 1.0)
    fill(y[h:], 2.0)


@network
def rows(y: Out[Tensor[f32, 3, "N"]]) -> None:
    for k in range(3):
        fill(y[k, :], 1.0)


@network
def parts_of_rows(y: Out[Tensor[f32, 3, 8]]) -> None:
    fill(y[1, 0:4], 1.0)
    fill(y[1, 4:8], 2.0)
    fill(y[2, 0:4], 3.0)


@network
def dealt(y: Out[Tensor[f32, 8]]) -> None:
    replicate(fill, 2, (y[0:3], y[3:8]), 1.0)


@network
def networks_of_slices(y: Out[Tensor[f32, 8]]) -> None:
    inner(y[4:8])
    inner(y[0:4])


@pytest.mark.parametrize(
    ("right", "shapes", "expected"),
    [
        (all_read, ((8,), (8,), (8,)), [0.0] * 8),
        (halves, ((9,),), [1.0] * 4 + [2.0] * 5),
        (rows, ((3, 2),), [[1.0] * 2] * 3),
        (parts_of_rows, ((3, 8),), [[0.0] * 8, [1.0] * 4 + [2.0] * 4, [3.0] * 4 + [0.0] * 4]),
        (dealt, ((8,),), [1.0] * 8),
        (networks_of_slices, ((8,),), [3.0] * 8),
    ],
)
def test_processes_write_parts_that_are_apart(right, shapes, expected):
    given = [np.zeros(each, np.float32) for each in shapes]
    right(*given)
    assert given[-1].tolist() == expected
    assert "csp.check" in [each.name for each in htp.plan(right, target="cpu").passes]


@process
def give(x: InOut[Buffer], out: Send[Buffer]) -> None:
    out.send(x)


@process
def got(inp: Recv[Buffer], y: Out[Buffer]) -> None:
    buffer = inp.recv()
    y[:] = buffer[:]


@network
def sent_on(x: InOut[Buffer], y: Out[Buffer]) -> None:
    c = Channel[Buffer]()
    give(x, c)
    got(c, y)


def test_a_parameter_is_not_sent_as_a_region():
    with pytest.raises(Refused) as running:
        sent_on(np.zeros(4, np.float32), np.zeros(4, np.float32))
    with pytest.raises(Refused) as planning:
        htp.plan(sent_on, target="cpu")
    for caught, channel in ((running, "c"), (planning, "out")):
        found = caught.value.diagnostic
        assert (found.code, found.message) == (
            "csp.payload",
            f"channel '{channel}' carries Tensor[f32, 4], and a parameter, whose memory is the caller's, is sent",
        )
        assert (found.span.file, found.span.line) == (__file__, line(give, 2))
        assert found.help == ("send a buffer made by htp.empty, or one that was received",)


@process
def load(x: In[Tensor[f32, "N"]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 4):
        out.send(x[i : i + 4])


@process
def store(inp: Recv[Block], y: Out[Tensor[f32, "N"]]) -> None:
    i = 0
    for t in inp:
        y[i : i + 4] = t
        i += 4


@process
def pass_on(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        out.send(t)


@network
def swapped(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    c = Channel[Block]()
    load(c, x)
    store(c, y)


@network
def number_for_an_end(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    c = Channel[Block]()
    load(x, 3)
    store(c, y)


@network
def uneven(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    c = Channel[Block].array(2)
    d = Channel[Block].array(3)
    replicate(pass_on, 3, c, out=d)


@network
def by_position(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    c = Channel[Block](2)
    load(x, c)
    store(c, y)


@pytest.mark.parametrize(
    ("wrong", "code", "message", "offset"),
    [
        (swapped, "csp.not-an-end", "`load` takes Tensor[f32, \"N\"] as `x`, and is given channel 'c'", 3),
        (number_for_an_end, "csp.not-an-end", "`load` sends on `out`, and is given a number", 3),
        (uneven, "csp.replicate", "3 processes `pass_on` share 2 items of argument 0", 4),
        (by_position, "csp.bad-channel", "`Channel[Tile[f32, 4]](2)` says something that a channel does not have", 2),
    ],
)
def test_wrong_arguments_are_told_the_same_at_the_users_line(wrong, code, message, offset):
    with pytest.raises(Refused) as running:
        wrong(*zeros(2))
    with pytest.raises(Refused) as planning:
        htp.plan(wrong, target="cpu")
    for caught in (running, planning):
        found = caught.value.diagnostic
        assert (found.code, found.message) == (code, message)
        assert (found.span.file, found.span.line) == (__file__, line(wrong, offset))


@network
def written_input(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    copy(x, y)
    fill(x, 1.0)


def test_an_input_that_is_passed_to_be_written_is_refused_at_the_users_line():
    with pytest.raises(Refused) as running:
        written_input(*zeros(2))
    with pytest.raises(Refused) as planning:
        htp.plan(written_input, target="cpu")
    for caught in (running, planning):
        found = caught.value.diagnostic
        assert found.code == "type.store-into-input"
        assert (found.span.file, found.span.line) == (__file__, line(written_input, 3))


@network
def two_alone(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    c = Channel[Block]()
    d = Channel[Block]()
    load(x, c)
    store(d, y)


def test_all_channels_that_are_not_connected_are_told():
    with pytest.raises(Refused) as running:
        two_alone(*zeros(2))
    with pytest.raises(Refused) as planning:
        htp.plan(two_alone, target="cpu")
    for caught in (running, planning):
        assert [each.message for each in caught.value.diagnostics] == [
            "no process receives from channel 'c' of `two_alone`",
            "no process sends on channel 'd' of `two_alone`",
        ]
