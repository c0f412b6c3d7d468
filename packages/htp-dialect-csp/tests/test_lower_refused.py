"""What runs in Python and has no process form is refused at its line, with what to write instead."""

import numpy as np
import pytest
from lowering_kit import lowered, run

from htp import In, InOut, Out, Refused, Scalar, Tensor, Tile, f32, i32, kernel, work
from htp_dialect_csp import EOS, NONE, Channel, Recv, Send, network, process, replicate, select, spawn

Token = Scalar[i32]


@process
def count(out: Send[Token], n: Token) -> None:
    for k in range(n):
        out.send(k)


@process
def keep(inp: Recv[Token]) -> None:
    for _ in inp:
        pass


def around(body):
    @network
    def whole(n: Token) -> None:
        a = Channel[Token](capacity=9)
        b = Channel[Token](capacity=9)
        count(a, n)
        body(a, b, n)
        keep(b)

    return whole


def refused(definition, code="csp.not-compiled"):
    with pytest.raises(Refused) as caught:
        lowered(definition, unchecked=True)
    found = caught.value.diagnostic
    assert (found.code, found.span.file) == (code, __file__)
    assert found.help
    return found


@process
def in_a_conditional_expression(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    out.send(inp.recv() if n > 0 else 1)


@process
def beside_a_condition(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    x = inp.try_recv()
    while n > 0 and (x := inp.try_recv()) is not EOS:
        out.send(1)
    if x is EOS:
        out.send(2)


@process
def stale(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    x = inp.recv()
    y = inp.recv()
    if x is not EOS and y is not EOS:
        out.send(x + y + n)


@process
def in_a_loop(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    x = inp.recv()
    for _ in range(n):
        if x is not EOS:
            out.send(x)
        y = inp.recv()
        if y is not EOS:
            out.send(y)


@process
def on_some_ways(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    x = 1
    if n > 2:
        x = inp.recv()
        if x is EOS:
            out.send(0)
    out.send(x)


@process
def as_a_value(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    x = inp
    while x.recv() is not EOS:
        y = NONE  # noqa: F841
        out.send(n)


@process
def behind_a_spawn(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    x = inp.recv()
    spawn(keep, inp)
    if x is not EOS:
        out.send(x + n)


@process
def chosen_to_spawn(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    cs = Channel[Token].array(2)
    out.send(inp.recv())
    spawn(count, cs[n], 3)


@process
def as_asked_for(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    cs = Channel[Token].array(n)
    spawn(count, cs[0], 3)
    out.send(inp.recv())


@process
def on_one_way(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    if n > 2:
        c = Channel[Token]()
        work(1)
    else:
        c = Channel[Token](capacity=3)
    spawn(count, c, inp.recv())
    spawn(copy, c, out)


@process
def copy(inp: Recv[Token], out: Send[Token]) -> None:
    for token in inp:
        out.send(token)


@process
def of_a_kernel(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    spawn(clear, inp)
    out.send(n)


@process
def in_its_call(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    spawn(count, Channel[Token](), n)
    spawn(copy, inp, out)


@process
def replicating(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    replicate(copy, 1, inp, out)


@process
def wrong_side(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    spawn(count, inp, n)
    out.send(n)


@process
def a_number(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    spawn(count, n, 3)
    spawn(copy, inp, out)


@process
def an_end(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    spawn(count, out, inp)


@process
def halves(out: Send[Tile[f32, 4]]) -> None:
    out.close()


@process
def another_type(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    spawn(halves, out)
    spawn(keep, inp)


@pytest.mark.parametrize(
    ("body", "offset", "code", "what"),
    [
        (wrong_side, 2, "csp.not-an-end", "`count` sends on `out`, and is given the other end of a channel"),
        (a_number, 2, "csp.not-an-end", "`count` sends on `out`, and is given a number"),
        (an_end, 2, "csp.not-an-end", "`count` takes Scalar[i32] as `n`, and is given channel 'inp'"),
        (another_type, 2, "csp.payload", "channel 'out' carries Scalar[i32], 'halves' sends it as Tile[f32, 4]"),
    ],
)
def test_what_a_started_process_is_not_given(body, offset, code, what):
    found = refused(around(body), code)
    assert found.message.startswith(what)
    assert found.span.line == body.python.__code__.co_firstlineno + offset


@pytest.mark.parametrize(
    ("body", "offset", "what"),
    [
        (in_a_conditional_expression, 2, "a receive in a conditional expression"),
        (beside_a_condition, 3, "a receive that depends on a condition beside it"),
        (stale, 5, "`x`, which is used behind another receive from the same channel,"),
        (in_a_loop, 5, "`x`, which is used behind another receive from the same channel,"),
        (on_some_ways, 7, "`x`, which is something received on some ways only,"),
        (as_a_value, 4, "NONE as a value"),
        (behind_a_spawn, 5, "`x`, which is used behind another receive from the same channel,"),
        (chosen_to_spawn, 4, "an end that is chosen when the process runs, for `out`,"),
        (as_asked_for, 2, "a number of channels that depends on data"),
        (on_one_way, 7, "`c` for the end `out`"),
        (in_its_call, 2, "`Channel[Scalar[i32]]()` for the end `out`"),
        (replicating, 2, "`replicate` in a process"),
    ],
)
def test_processes(body, offset, what):
    found = refused(around(body))
    assert found.message == f"{what} cannot be compiled"
    assert found.span.line == body.python.__code__.co_firstlineno + offset


def test_a_spawn_of_a_kernel():
    found = refused(around(of_a_kernel), "type.bad-arguments")
    assert found.message == "`spawn` starts processes, and `clear` is a kernel"
    assert found.span.line == of_a_kernel.python.__code__.co_firstlineno + 2
    with pytest.raises(Refused) as caught:
        around(of_a_kernel)(1)
    assert (caught.value.code, caught.value.diagnostic.message) == (found.code, found.message)
    assert caught.value.diagnostic.span.line == found.span.line


@process
def of_nothing(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    out.send(n)
    while (got := select([])) is not EOS:
        _, token = got
        out.send(token)


@process
def of_one_twice(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    out.send(n)
    while (got := select([inp, inp])) is not EOS:
        _, token = got
        out.send(token)


@process
def of_no_list(inp: Recv[Token], out: Send[Token], n: Token) -> None:
    out.send(n)
    while (got := select(inp)) is not EOS:
        _, token = got
        out.send(token)


@pytest.mark.parametrize(
    ("body", "code", "compiled", "python"),
    [
        (of_nothing, "type.bad-arguments", "`select` needs at least one channel",
         "`select` needs at least one channel"),
        (of_one_twice, "type.bad-arguments", "`select` lists 'inp' twice", "`select` lists 'a' twice"),
        (of_no_list, "csp.not-an-end", "`select` takes a list of channels, and is given 'inp'",
         "`select` takes a list of channels, and is given 'a'"),
    ],
)  # fmt: skip
def test_a_select_of_something_else_than_different_channels(body, code, compiled, python):
    found = refused(around(body), code)
    assert found.message == compiled
    assert found.span.line == body.python.__code__.co_firstlineno + 3
    with pytest.raises(Refused) as caught:
        around(body)(1)
    assert (caught.value.code, caught.value.diagnostic.message) == (code, python)
    assert caught.value.diagnostic.span.line == found.span.line
    assert caught.value.diagnostic.help


def test_python_refuses_what_is_no_end_among_them():
    @process
    def of_a_number(inp: Recv[Token], out: Send[Token], n: Token) -> None:
        select([inp, 3])

    with pytest.raises(Refused, match="is given a value of type int among them") as caught:
        around(of_a_number)(1)
    assert caught.value.code == "csp.not-an-end"


@kernel
def clear(x: Out[Tensor[f32, 4]]) -> None:
    x[:] = x[:] * 0.0


@network
def as_many_as_asked_for(n: Token) -> None:
    for _ in range(n):
        c = Channel[Token]()
        count(c, 2)
        keep(c)


@network
def channels_as_asked_for(n: Token) -> None:
    c = Channel[Token].array(n)
    replicate(count, 2, c, 2)
    replicate(keep, 2, c)


@network
def kernel_behind_channels(x: Out[Tensor[f32, 4]]) -> None:
    c = Channel[Token]()
    count(c, 2)
    keep(c)
    clear(x)


@network
def boundless(x: In[Tensor[f32, "N"]]) -> None:
    c = Channel[Tensor[f32, "M"]]()
    send_all(x, c)
    read_all(c)


@process
def send_all(x: In[Tensor[f32, "N"]], out: Send[Tensor[f32, "M"]]) -> None:
    out.close()


@process
def read_all(inp: Recv[Tensor[f32, "M"]]) -> None:
    for _ in inp:
        pass


@pytest.mark.parametrize(
    ("definition", "offset", "what"),
    [
        (as_many_as_asked_for, 2, "a loop over `range(n)` in which processes or channels are made"),
        (channels_as_asked_for, 2, "a number of channels that depends on data"),
        (kernel_behind_channels, 5, "a call of `clear` behind channels and processes of a network"),
        (boundless, 2, "a channel whose size `'M'` nobody bounds"),
    ],
)
def test_networks(definition, offset, what):
    found = refused(definition)
    assert found.message == f"{what} cannot be compiled"
    assert found.span.line == definition.python.__code__.co_firstlineno + offset


@network
def with_depth() -> None:
    c = Channel[Token](depth=2)
    count(c, 2)
    keep(c)


@network
def with_a_tensor(x: In[Tensor[i32, 4]]) -> None:
    keep(x)


def test_numbers_that_no_channel_has():
    found = refused(with_depth, "csp.bad-channel")
    assert found.message == "`Channel[Scalar[i32]](depth=2)` says something that a channel does not have"
    assert found.span.line == with_depth.python.__code__.co_firstlineno + 2
    with pytest.raises(Refused) as caught:
        with_depth()
    assert (caught.value.code, caught.value.diagnostic.message) == (found.code, found.message)
    assert caught.value.diagnostic.span.line == found.span.line


def test_a_tensor_is_no_end_of_a_channel():
    found = refused(with_a_tensor, "csp.not-an-end")
    assert found.message == "`keep` receives from `inp`, and is given a tensor"
    with pytest.raises(Refused, match=r"csp\.not-an-end"):
        with_a_tensor(np.zeros(4, np.int32))


@process
def greedy(inp: Recv[Token], y: InOut[Tensor[i32, 4]], n: Token) -> None:
    for k in range(n):
        y[k] = inp.recv()


@network
def too_few(y: InOut[Tensor[i32, 4]], n: Token) -> None:
    c = Channel[Token]()
    count(c, 2)
    greedy(c, y, n)


def test_a_token_that_is_not_there_is_found_where_it_is_used():
    y = np.full(4, -1, np.int32)
    with pytest.raises(Refused, match="EOS is used as a token: the stream has ended") as caught:
        too_few(y, 3)
    assert caught.value.diagnostic.span.line == greedy.python.__code__.co_firstlineno + 3
    assert y.tolist() == [0, 1, -1, -1]
    program = lowered(too_few, unchecked=True)
    (y, _), _ = run(program, [np.full(4, -1, np.int32), 2])
    assert y.tolist() == [0, 1, -1, -1]
    with pytest.raises(Refused, match="used as a token of 'inp', and there was none") as caught:
        run(program, [np.zeros(4, np.int32), 3])
    assert caught.value.code == "csp.no-token"


@process
def both(a: Recv[Token], b: Recv[Token], out: Send[Token], n: Token) -> None:
    end, token = select([a, b])
    if end is b:
        out.send(token + n)


@network
def chosen(n: Token) -> None:
    a, b, c = Channel[Token](capacity=9), Channel[Token](capacity=9), Channel[Token]()
    count(a, 0)
    count(b, 0)
    both(a, b, c, n)
    keep(c)


def test_so_is_one_of_a_select():
    with pytest.raises(Refused, match="EOS is used as a token: the stream has ended"):
        chosen(0)
    with pytest.raises(Refused) as caught:
        run(lowered(chosen, unchecked=True), [0])
    assert caught.value.code == "csp.no-token"
