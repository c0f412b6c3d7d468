"""Processes that start processes: lowered, compiled, stuck, and what they may not be given."""

import numpy as np
import pytest
from lowering_kit import lowered, text_of
from small_networks import count, primes, served

import htp
from htp import InOut, Refused, Scalar, Tensor, i32, work
from htp_dialect_csp import Channel, Deadlock, Recv, Send, network, process, simulate, spawn

Token = Scalar[i32]


@process
def total(inp: Recv[Token], y: InOut[Tensor[i32, 1]]) -> None:
    for x in inp:
        y[0] = y[0] + x


@process
def keeps_open(out: Send[Token], back: Recv[Token], n: Token) -> None:
    for k in range(n):
        work(3)
        out.send(k)
    back.recv()


@process
def gets_stuck(out: Send[Token], n: Token) -> None:
    c = Channel[Token](capacity=2)
    back = Channel[Token]()
    work(4)
    spawn(keeps_open, c, back, n)
    for x in c:
        out.send(x)
    back.send(0)


@network
def stuck(y: InOut[Tensor[i32, 1]], n: Token) -> None:
    a = Channel[Token]()
    gets_stuck(a, n)
    total(a, y)


def test_a_started_process_is_told_in_a_deadlock(tmp_path):
    run = htp.bind(htp.compile_program(stuck, target="cpu", out=tmp_path / "package"))
    for each in (stuck, run, run.run):
        y = np.zeros(1, np.int32)
        with pytest.raises(Deadlock) as caught:
            each(y, 4)
        report = caught.value.report
        assert y[0] == 0 + 1 + 2 + 3
        assert report.text == (
            "csp.deadlock[true] at t=16: 3 blocked\n"
            "  gets_stuck @t=16: recv on c (empty 0/2), waits for keeps_open\n"
            "  total @t=16: recv on a (empty 0/1), waits for gets_stuck\n"
            "  keeps_open @t=16: recv on back (empty 0/1), waits for gets_stuck\n"
            "  cycle: gets_stuck -> keeps_open -> gets_stuck\n"
            "  hint: add an initial token or break the cycle"
        )
        assert [each.line for each in report.processes] == [
            gets_stuck.python.__code__.co_firstlineno + 6,
            total.python.__code__.co_firstlineno + 2,
            keeps_open.python.__code__.co_firstlineno + 5,
        ]
        assert {each.name: (each.sender, each.receiver) for each in report.channels} == {
            "a": ("gets_stuck", "total"),
            "c": ("keeps_open", "gets_stuck"),
            "back": ("gets_stuck", "keeps_open"),
        }


def test_times_of_started_processes_are_what_they_declare():
    y = np.full(20, -9, np.int32)
    times = simulate(primes, y, 60)
    assert y[:17].tolist() == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59]
    started = [each for each in times.processes if each.startswith("sieve")]
    assert started == ["sieve", *(f"sieve_{k}" for k in range(2, 6))]  # one for 2, 3, 5, 7, and one for the others
    assert times.processes["sieve"].end == 2
    y = np.full(16, -9, np.int32)
    times = simulate(served, y)
    #   jobs 0, 1, 2 (twice), 3, 4
    assert sorted(y.tolist()) == sorted([0, 0, 10, 0, 10, 20, 0, 1, 2, 0, 1, 2, 3, -9, -9, -9])
    assert list(times.processes) == ["count", "serve", "collect", *(f"count_{k}" for k in range(2, 8))]


def test_a_spawn_becomes_a_word_of_the_process_form():
    program = lowered(stuck, unchecked=True)
    assert text_of(program, "gets_stuck") == """\
    def gets_stuck(out: Send[Scalar[i32]], n: Scalar[i32]) -> None:
        c = channel(i32, (), capacity=2, name='c')
        back = channel(i32, (), name='back')
        work(4)
        spawn_process(keeps_open, c, back, n)
        while advance(c):
            x = token(c)
            send(out, x)
        send(back, 0)""".replace("\n    ", "\n").removeprefix("    ")


@process
def twice(out: Send[Token], n: Token) -> None:
    spawn(count, out, n, 1)
    spawn(count, out, n, 1)


@process
def in_every_turn(out: Send[Token], n: Token) -> None:
    for _ in range(n):
        spawn(count, out, n, 1)


@process
def afterwards(out: Send[Token], n: Token) -> None:
    if n > 3:
        spawn(count, out, n, 1)
    out.send(n)


@pytest.mark.parametrize(
    ("body", "offset", "said"),
    [
        (twice, 3, "channel 'out' has two senders: 'count' (line {before}) and 'count' (line {line}); a FIFO"),
        (in_every_turn, 3, "channel 'out' gets a sender in every turn of the loop: 'count'; a FIFO has exactly one"),
        (afterwards, 4, "channel 'out' has two senders: 'count' (line {before}) and 'afterwards' (line {line}); a"),
    ],
)
def test_an_end_that_is_given_away_is_gone(body, offset, said, tmp_path):
    @network
    def whole(y: InOut[Tensor[i32, 1]], n: Token) -> None:
        c = Channel[Token]()
        body(c, n)
        total(c, y)

    with pytest.raises(Refused) as caught:
        htp.compile_program(whole, target="cpu", out=tmp_path / "package")
    found = caught.value.diagnostic
    line = body.python.__code__.co_firstlineno + offset
    assert (found.code, found.span.file, found.span.line) == ("csp.endpoint-shared", __file__, line)
    assert found.message.startswith(said.format(line=line, before=line - 1))
    assert found.help
    with pytest.raises(Refused) as caught:
        whole(np.zeros(1, np.int32), 5)
    assert caught.value.code == "csp.endpoint-shared"


@process
def many(out: Send[Token], n: Token) -> None:
    for k in range(n):
        c = Channel[Token](capacity=1)
        spawn(count, c, 1, k % 3)
        for x in c:
            out.send(x + 1)


@network
def any_number(y: InOut[Tensor[i32, 1]], n: Token) -> None:
    c = Channel[Token]()
    many(c, n)
    total(c, y)


def test_any_number_of_processes_is_started(tmp_path):
    run = htp.bind(htp.compile_program(any_number, target="cpu", out=tmp_path / "package"))
    y = np.zeros(1, np.int32)
    times = run.run(y, 5000).simulated
    assert y[0] == 5000
    assert len(times.processes) == 5002
    assert times.makespan == sum(k % 3 for k in range(5000))
    assert times.channels["c_5000"].sender == "count_4999"
    assert len(times.channels) == 5001
