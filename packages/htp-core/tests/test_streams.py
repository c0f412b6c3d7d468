"""The process form: its words in Python, through inference and lowering, and what is refused."""

import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest

from htp import streams
from htp.capabilities import Captured, DialectUse
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.lowering.annotate import Annotate
from htp.lowering.inline import InlineHelpers
from htp.lowering.normalize import Normalize
from htp.lowering.simplify import Simplify
from htp.names import STREAMS
from htp.passes import run_step
from htp.streams import observed
from htp.uses import with_uses, written_uses


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAGES = beside("stages")
PROGRAMS = beside("stream_programs")


def defined(text, folder, name="f"):
    return STAGES.defined(PROGRAMS.HEAD + text, folder, name)


def normal(definition):
    program = with_uses(capture(definition)).with_facts([Captured()])
    for step in (InlineHelpers(), Annotate(), Normalize(), Simplify()):
        program = run_step(step, program, verify=True).program
    return program


def lines(program, name="f"):
    body = program.text().partition(f"def {name}(")[2].partition("\n\n\n")[0].split("\n")[1:]
    return [line.partition("  # ")[0].rstrip().removeprefix("    ") for line in body]


def ran(run, *arguments):
    with observed() as networks:
        run(*arguments)
    return networks[0].simulated()


def simulated(definition, *arguments):
    """The times of a network, which every stage has; the arrays are those of the function as it was written."""
    wanted = ran(definition, *arguments)
    for name, program in STAGES.stages(definition).items():
        got = [np.full_like(each, 77) if each.flags.writeable else each for each in arguments]
        assert ran(STAGES.function_of(program), *got) == wanted, name
        for one, two in zip(arguments, got, strict=True):
            assert np.array_equal(one, two), name
        assert parse_program(program.text(), "program.py").canonical == program.canonical, name
    assert parse_program(normal(definition).text(), "program.py").canonical == normal(definition).canonical
    return wanted


def given(*shape):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    x.flags.writeable = False
    return x


def test_core_knows_every_word():
    assert sorted({*streams.__all__} - {"no_token", "observed"}) == sorted(STREAMS)


def test_a_pipeline_in_every_stage(tmp_path):
    # Vector T01 of the published model: load 4x[2; send a], comp [recv a; 5; send b], store [recv b; 1].
    x, y = given(8, 4), np.zeros((8, 4), np.float32)
    found = simulated(defined(PROGRAMS.PIPELINE, tmp_path), x, y)
    assert y.tolist() == (x * x).tolist()
    assert found.makespan == 23
    assert {name: each.end for name, each in found.processes.items()} == {"load": 8, "square": 22, "store": 23}
    assert {name: each.accepts for name, each in found.channels.items()} == {"a": (2, 4, 6, 8), "b": (7, 12, 17, 22)}
    assert {name: each.high_water for name, each in found.channels.items()} == {"a": 2, "b": 1}


def test_a_loop_with_an_initial_token_in_every_stage(tmp_path):
    # Vector T09: A 4x[recv back; 2; send fwd], B 4x[recv fwd; 3; send back], one token in back.
    y = np.zeros(4, np.int32)
    found = simulated(defined(PROGRAMS.FEEDBACK, tmp_path), y)
    assert (found.makespan, y.tolist()) == (20, [1, 3, 7, 15])
    assert {name: each.end for name, each in found.processes.items()} == {"A": 17, "B": 20}
    assert found.channels["back"].accepts == (0, 5, 10, 15, 20)


def test_tokens_of_several_sizes_in_every_stage(tmp_path):
    x, y = given(5, 4), np.zeros((5, 4), np.float32)
    simulated(defined(PROGRAMS.TAILS, tmp_path), x, y)
    assert y.tolist() == (x * 2).tolist()


def test_buffers_change_their_owner_in_every_stage(tmp_path):
    y = np.zeros((2, 3), np.float32)
    simulated(defined(PROGRAMS.BUFFERS, tmp_path), y)
    assert y.tolist() == [[0, 1, 1], [1, 2, 2]]


def test_polling_in_every_stage(tmp_path):
    # Vector T15: try_recv every 2 cycles, latency 1: none, none, p0, none, p1, EOS.
    y = np.zeros(6, np.int32)
    found = simulated(defined(PROGRAMS.POLLING, tmp_path), y)
    assert y.tolist() == [-1, -1, 0, -1, 1, -3]
    assert found.channels["p"].dequeues == (4, 8)


def test_choosing_in_every_stage(tmp_path):
    # Vector T14: select takes the first listed of those visible: p0, q0, p1, p2, q1, q2.
    y = np.zeros(6, np.int32)
    found = simulated(defined(PROGRAMS.CHOOSING, tmp_path), y)
    assert y.tolist() == [0, 10, 1, 2, 11, 12]
    assert (found.processes["merge"].end, list(found.processes)[:2]) == (15, ["slow", "slow_2"])


def test_asking_in_every_stage(tmp_path):
    sent, got = np.zeros(6, np.int32), np.zeros(6, np.int32)
    simulated(defined(PROGRAMS.ASKING, tmp_path), sent, got)
    assert sent.tolist() == [1, 1, 0, 2, 1, 0]
    assert got.tolist() == [1, 0, 1, 0, 2, 9]


def test_the_words_stay_in_normal_form(tmp_path):
    program = normal(defined(PROGRAMS.PIPELINE, tmp_path))
    assert lines(program) == [
        "open_network()",
        "a = channel(f32, (2, 4), capacity=2, name='a')",
        "b = channel(f32, (2, 4), capacity=2, name='b')",
        "load(x, a)",
        "square(a, b)",
        "store(b, y)",
        "close_network()",
    ]
    assert lines(program, "square") == [
        "while advance(inp):",
        "    t: Tile[f32, 2, 4] = token(inp)",
        "    work(5)",
        "    t1: Tile[f32, 2, 4] = t * t",
        "    send(out, t1)",
    ]
    assert "def square(inp: Recv[Tile[f32, 2, 4]], out: Send[Tile[f32, 2, 4]]) -> None:" in program.text()
    assert DialectUse("streams") in program.uses
    assert DialectUse("streams") in written_uses(program)


def test_sizes_of_tokens_are_asked_for_and_compared_where_they_must_be(tmp_path):
    program = normal(defined(PROGRAMS.TAILS, tmp_path))
    assert lines(program, "twice") == [
        "while advance(inp):",
        "    r_1: i64 = token_size(inp, 0)",
        '    t1: Tile[f32, "r_1", 4] = token(inp)',
        '    t2: Tile[f32, "r_1", 4] = t1 * 2.0',
        "    send(out, t2)",
    ]
    (check,) = [each for each in lines(program, "gather") if "require" in each]
    assert check.startswith("    require(r_1 == max(0, bound_2 - bound_1), 'cannot store")
    assert check.endswith("'type.shape-mismatch')")


ANY = """
@kernel
def give(n: Scalar[i32], out: Send[Tile[f32, "r"]], x: In[Tensor[f32, "N"]]) -> None:
    for k in range(n):
        send(out, x[0 : k + 1])


@kernel
def take(a: Recv[Tile[f32, "r"]], b: Recv[Tile[f32, "s"]], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = 0.0
    i = 0
    at = advance_any(a, b)
    while at >= 0:
        t = token(one_of(at, a, b))
        y[i : i + t.shape[0]] = t + 1.0
        i += t.shape[0]
        at = advance_any(a, b)


@routine
def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "M"]]) -> None:
    open_network()
    a = channel(f32, (2,), capacity=2)
    b = channel(f32, (3,), capacity=3)
    give(2, a, x)
    give(3, b, x)
    take(a, b, y)
    close_network()
"""


def test_the_token_of_one_of_several_ends_has_sizes_of_its_own(tmp_path):
    run = defined(ANY, tmp_path)
    taken = [each for each in lines(normal(run), "take") if "one_of" in each]
    assert taken == [
        "    n_1: i64 = token_size(one_of(at_2, a, b), 0)",
        '    t: Tile[f32, "n_1"] = token(one_of(at_2, a, b))',
    ]
    for program in STAGES.stages(run).values():
        y = np.zeros(9, np.float32)
        STAGES.function_of(program)(np.array([0, 10, 20], np.float32), y)
        assert sorted(y.tolist()) == [1, 1, 1, 1, 1, 11, 11, 11, 21]


def test_a_number_that_counts_no_end_is_refused(tmp_path):
    run = defined(ANY.replace("one_of(at, a, b)", "one_of(at + 2, a, b)"), tmp_path)
    with pytest.raises(Refused, match="no token of 'a' has been taken"):
        run(np.zeros(3, np.float32), np.zeros(9, np.float32))


def test_a_capacity_that_no_channel_can_have_ends_every_stage(tmp_path):
    text = """
@kernel
def give(out: Send[Scalar[i32]]) -> None:
    send(out, 1)


@kernel
def take(inp: Recv[Scalar[i32]]) -> None:
    while advance(inp):
        work(1)


@routine
def f(n: Scalar[i32], x: Out[Tensor[f32, 1]]) -> None:
    x[:] = 0.0
    open_network()
    a = channel(i32, (), capacity=n, latency=3)
    give(a)
    take(a)
    close_network()
"""
    run = defined(text, tmp_path)
    assert "require(n >= 0, '`capacity` of a channel is less than 0', " in normal(run).text()
    assert "latency`" not in normal(run).text()
    for program in STAGES.stages(run).values():
        with pytest.raises(Refused) as caught:
            STAGES.function_of(program)(-1, np.zeros(1, np.float32))
        assert caught.value.code == "csp.bad-channel"
        STAGES.function_of(program)(0, np.zeros(1, np.float32))


def test_where_a_token_is_stored_may_follow_from_the_ones_before(tmp_path):
    text = """
@kernel
def give(x: In[Tensor[f32, 4, 4]], out: Send[Tile[f32, 2, 4]]) -> None:
    for i in range(0, 4, 2):
        send(out, x[i:i + 2, :])


@kernel
def take(inp: Recv[Tile[f32, 2, 4]], y: InOut[Tensor[f32, "N", 4]]) -> None:
    i = 0
    while advance(inp):
        t = token(inp)
        y[i:i + 2, :] = t
        i += 2


@routine
def f(x: In[Tensor[f32, 4, 4]], y: InOut[Tensor[f32, "N", 4]]) -> None:
    open_network()
    a = channel(f32, (2, 4), capacity=1)
    give(x, a)
    take(a, y)
    close_network()
"""
    x = given(4, 4)
    for program in STAGES.stages(defined(text, tmp_path)).values():
        y = np.zeros((4, 4), np.float32)
        STAGES.function_of(program)(x, y)
        np.testing.assert_array_equal(y, x)
        with pytest.raises(Refused) as caught:
            STAGES.function_of(program)(x, np.zeros((3, 4), np.float32))
        assert caught.value.code == "type.shape-mismatch"


def test_a_token_that_does_not_fit_where_it_is_stored_ends_every_stage(tmp_path):
    text = (
        PROGRAMS.TAILS.replace("x.shape[0], 2)", "x.shape[0], 3)").replace("i + 2", "i + 3").replace("(2, 4)", "(3, 4)")
    )
    text = text.replace("y[i:i + t.shape[0], :] = t", "y[0:3, :] = t")
    run = defined(text.replace("i = 0\n", "i = 0\n    y[:, :] = 0.0\n"), tmp_path)
    for program in STAGES.stages(run).values():
        with pytest.raises(Refused) as caught:
            STAGES.function_of(program)(given(5, 4), np.zeros((5, 4), np.float32))
        assert caught.value.code == "type.shape-mismatch"


def test_a_process_sees_what_others_write_meanwhile(tmp_path):
    text = """
@kernel
def write(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], done: Send[Scalar[i32]]) -> None:
    y[:] = x[:] + 1.0
    send(done, 0)


@kernel
def read(done: Recv[Scalar[i32]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    more = advance(done)
    z[:] = y[:]


@routine
def f(x: In[Tensor[f32, 4]], y: Out[Tensor[f32, 4]], z: Out[Tensor[f32, 2]]) -> None:
    y[:] = 0.0
    open_network()
    done = channel(i32, ())
    read(done, y[1:3], z)
    write(x, y, done)
    close_network()
"""
    x, y, z = given(4), np.zeros(4, np.float32), np.zeros(2, np.float32)
    simulated(defined(text, tmp_path), x, y, z)
    assert z.tolist() == [2, 3]


def test_a_buffer_of_the_routine_is_written_by_one_process_and_read_by_another(tmp_path):
    text = """
@kernel
def write(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], done: Send[Scalar[bool_]]) -> None:
    y[:] = x[:] + 1.0
    send(done, True)


@kernel
def read(done: Recv[Scalar[bool_]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    if advance(done) and token(done):
        z[:] = y[:]
    else:
        z[:] = 0.0


@routine
def f(x: In[Tensor[f32, 4]], z: Out[Tensor[f32, 4]]) -> None:
    y = empty((4,), f32)
    open_network()
    done = channel(bool_, ())
    read(done, y, z)
    write(x, y, done)
    close_network()
"""
    x, z = given(4), np.zeros(4, np.float32)
    simulated(defined(text, tmp_path), x, z)
    assert z.tolist() == [1, 2, 3, 4]


def test_sizes_of_two_tokens_are_compared_when_they_meet(tmp_path):
    text = (
        PROGRAMS.TAILS.partition("@routine")[0]
        + """
@kernel
def add(one: Recv[Tile[f32, "r", 4]], two: Recv[Tile[f32, "s", 4]], out: Send[Tile[f32, "r", 4]]) -> None:
    while advance(one):
        if advance(two):
            send(out, token(one) + token(two))


@routine
def f(x: In[Tensor[f32, "N", 4]], z: In[Tensor[f32, "M", 4]], y: Out[Tensor[f32, "N", 4]]) -> None:
    open_network()
    a = channel(f32, (2, 4))
    b = channel(f32, (2, 4))
    c = channel(f32, (2, 4))
    rows(x, a)
    rows(z, b)
    add(a, b, c)
    gather(c, y)
    close_network()
"""
    )
    x, y = given(3, 4), np.zeros((3, 4), np.float32)
    run = defined(text, tmp_path)
    simulated(run, x, x, y)
    assert y.tolist() == (x + x).tolist()
    check = next(each for each in lines(normal(run), "add") if "require" in each)
    assert check.startswith("        require(r_1 == s_1, ")


def test_channels_and_processes_of_a_loop(tmp_path):
    text = """
@routine
def f(y: Out[Tensor[i32, "K", 3]]) -> None:
    open_network()
    for k in range(y.shape[0]):
        c = channel(i32, (), capacity=k)
        count(k + 1, c)
        drain(c, y[k, :])
    close_network()
"""
    y = np.zeros((3, 3), np.int32)
    found = simulated(defined(text, tmp_path), y)
    assert y.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 2]]
    assert list(found.channels) == ["c", "c_2", "c_3"]
    assert [each.capacity for each in found.channels.values()] == [0, 1, 2]
    assert list(found.processes) == ["count", "drain", "count_2", "drain_2", "count_3", "drain_3"]


def test_several_ends_are_a_type_too(tmp_path):
    text = """
@kernel
def f(ins: tuple[Recv[Scalar[i32]], ...], out: Send[Tile[f32, "r", 4]]) -> None:
    close(out)
"""
    program = capture(defined(text, tmp_path))
    assert 'def f(ins: tuple[Recv[Scalar[i32]], ...], out: Send[Tile[f32, "r", 4]]) -> None:' in program.text()
    assert parse_program(program.text(), "program.py").canonical == program.canonical
    with pytest.raises(Refused) as caught:
        Annotate().apply(program)
    assert caught.value.code == "type.bad-network"


def test_a_stuck_network_is_told_of_and_nothing_is_left(tmp_path):
    text = PROGRAMS.FEEDBACK.replace("initial=(0,)", "")
    before = threading.active_count()
    with pytest.raises(Refused) as caught:
        defined(text, tmp_path)(np.zeros(4, np.int32))
    assert (caught.value.code, threading.active_count()) == ("csp.deadlock", before)
    assert "A @t=0: recv on back (empty 0/1), waits for B" in caught.value.diagnostic.message


def test_an_error_closes_the_network(tmp_path):
    text = """
@routine
def f(n: Scalar[i32], y: Out[Tensor[i32, "M"]]) -> None:
    open_network()
    c = channel(i32, (), capacity=n)
    count(n, c)
    drain(c, y)
    close_network()
"""
    run, y = defined(text, tmp_path), np.zeros(4, np.int32)
    with pytest.raises(Refused) as caught:
        run(-1, y)
    assert caught.value.code == "csp.bad-channel"
    run(2, y)
    assert y.tolist() == [0, 1, 0, 0]


def test_a_process_that_stops_leaves_its_channels_open(tmp_path):
    text = """
@kernel
def broken(out: Send[Scalar[i32]]) -> None:
    send(out, 1)
    stop_process()


@routine
def f(y: Out[Tensor[i32, "M"]]) -> None:
    open_network()
    c = channel(i32, ())
    broken(c)
    drain(c, y)
    close_network()
"""
    for program in STAGES.stages(defined(text, tmp_path)).values():
        with pytest.raises(Refused) as caught:
            STAGES.function_of(program)(np.zeros(4, np.int32))
        assert "csp.deadlock[starvation]" in caught.value.diagnostic.message
