"""Networks in process form: what they look like, and that they mean what the networks mean."""

import copy

import numpy as np
import pytest
from lowering_kit import lowered, run, text_of
from small_networks import CASES, matrix, twice

from htp.capture import parse_program
from htp_dialect_csp import simulate


@pytest.mark.parametrize("name", CASES)
def test_a_lowered_network_gives_the_same_values_and_times(name):
    network, arguments = CASES[name]
    given = arguments()
    expected = copy.deepcopy(given)
    times = simulate(network, *expected)
    found, found_times = run(lowered(network), given)
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert found_times == times
    assert any((each != before).any() for each, before in zip(found, given, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_its_text_gives_the_program_back(name):
    program = lowered(CASES[name][0])
    assert parse_program(program.text(), "stage.py").canonical == program.canonical


def test_a_routine_runs_networks():
    x = matrix(8)
    y = np.zeros_like(x)
    found, _ = run(lowered(twice), [x, y])
    np.testing.assert_array_equal(found[1], (x * x) * (x * x))


def forms(name):
    return lowered(CASES[name][0])


def test_iteration_and_sizes_that_differ_from_token_to_token():
    program = forms("squares")
    assert text_of(program, "load") == """\
def load(x: In[Tensor[f32, "N", 8]], out: Send[Tile[f32, "out_0", 8]]) -> None:
    for i in range(0, x.shape[0], 4):
        work(1)
        send(out, x[i:i + 4, :])"""
    assert text_of(program, "square") == """\
def square(inp: Recv[Tile[f32, "inp_0", 8]], out: Send[Tile[f32, "out_0", 8]]) -> None:
    while advance(inp):
        t = token(inp)
        work(5)
        send(out, t * t)"""
    assert text_of(program) == """\
def squares(x: In[Tensor[f32, "N", 8]], y: InOut[Tensor[f32, "N", 8]]) -> None:
    open_network()
    a = channel(f32, (4, 8), capacity=2, least=0, whole_turns=1)
    b = channel(f32, (4, 8), capacity=2, latency=3, least=0, whole_turns=1)
    load(x, a)
    square(a, b)
    store(b, y)
    close_network()"""


def test_select_gives_a_position():
    assert text_of(forms("merged"), "merge").split("-> None:\n")[1] == """\
    found_at = advance_any(a, b)
    while found_at >= 0:
        value = token(one_of(found_at, a, b))
        work(2)
        if found_at == 0:
            send(out, value)
        else:
            send(out, 100 + value)
        found_at = advance_any(a, b)"""


def test_several_ends_are_parameters_and_a_number_chooses_by_branches():
    assert text_of(forms("farm"), "deal") == """\
def deal(
    inp: Recv[Scalar[i32]],
    outs0: Send[Scalar[i32]],
    outs1: Send[Scalar[i32]],
    outs2: Send[Scalar[i32]],
) -> None:
    k = 0
    while advance(inp):
        token_ = token(inp)
        at_1 = k % 3
        if at_1 == 0:
            send(outs0, token_)
        else:
            if at_1 == 1:
                send(outs1, token_)
            else:
                send(outs2, token_)
        k += 1"""


def test_replicated_processes_share_a_kernel_and_have_names_of_their_own():
    program = forms("farm")
    assert [each.name for each in program.functions] == ["count", "deal", "add", "gather", "collect", "farm"]
    assert text_of(program).split("\n")[9:20] == [
        "    all_ = channel(i32, (), capacity=1)",
        "    count(src, 10, 1)",
        "    deal(src, w0, w1, w2)",
        "    process_name('add0')",
        "    add(w0, r0, 0)",
        "    process_name('add1')",
        "    add(w1, r1, 10)",
        "    process_name('add2')",
        "    add(w2, r2, 20)",
        "    gather(r0, r1, r2, all_)",
        "    collect(all_, y)",
    ]  # fmt: skip


def test_looks_are_numbers():
    assert text_of(forms("polled"), "poll").split("-> None:\n")[1] == """\
    found_seen = try_advance(inp)
    while found_seen != 2:
        if found_seen == 0:
            send(out, -1)
        else:
            found = token(inp)
            send(out, found)
        work(2)
        found_seen = try_advance(inp)"""
    assert text_of(forms("looked"), "look").split("-> None:\n")[1] == """\
    seen_seen = peek(inp)
    while seen_seen != 2:
        work(1)
        if seen_seen != 0:
            seen = token(inp)
            send(out, seen * 10 + occupancy(inp))
            advance(inp)
        seen_seen = peek(inp)"""


def test_a_receive_that_is_not_asked_for_the_end_checks_it():
    place = "'small_networks.py:{}', 'csp.no-token', "
    place += "'ask before: `if x is not EOS:`, or receive with `for x in channel`')"
    lines = text_of(forms("feedback"), "second").split("\n")
    assert lines[1:3] == ["    for k in range(3):", "        value_got = advance(forth)"]
    assert lines[3].startswith('        require(value_got, "`value` in \'second\' is used as a token of \'forth\'')
    assert lines[3].endswith(place.format(lines and _line_of("y[k] = value")))
    assert lines[4:] == ["        value = token(forth)", "        y[k] = value", "        send(back, 2 * value)"]
    back = "    back = channel(i32, (), capacity=1, initial=(5,), least=1, whole_turns=1)"
    assert back in text_of(forms("feedback")).split("\n")


def _line_of(text):
    import small_networks

    with open(small_networks.__file__, encoding="utf-8") as file:
        return next(number for number, each in enumerate(file, start=1) if text in each)


def test_broadcast_is_a_kernel():
    program = forms("copied")
    assert text_of(program, "broadcast").split("-> None:\n")[1] == """\
    while advance(inp):
        t = token(inp)
        send(out0, t)
        send(out1, t)"""
    assert "    broadcast(a, b, c)" in text_of(program).split("\n")


def test_networks_in_networks_are_written_out():
    assert text_of(forms("nested")).split("\n")[1:] == [
        "    open_network()",
        "    links0 = channel(f32, (4, 8), least=0, whole_turns=1)",
        "    links1 = channel(f32, (4, 8), least=0, whole_turns=1)",
        "    links2 = channel(f32, (4, 8), least=0, whole_turns=1)",
        "    load(x, links0)",
        "    middle = channel(f32, (4, 8), least=0, whole_turns=1)",
        "    square(links0, middle)",
        "    square(middle, links1)",
        "    middle_2 = channel(f32, (4, 8), least=0, whole_turns=1)",
        "    square(links1, middle_2)",
        "    square(middle_2, links2)",
        "    store(links2, y)",
        "    close_network()",
    ]


def test_regions_and_kernels_in_processes():
    made = "    a = channel(f32, (8,), capacity=2, region=True, least=0, whole_turns=1)"
    assert made in text_of(forms("moved")).split("\n")
    assert text_of(forms("scaled"), "scale").split("-> None:\n")[1] == """\
    while advance(inp):
        t = token(inp)
        buffer = empty((t.shape[0], 8), f32)
        double(t, buffer)
        t_1 = buffer[:]
        send(out, t_1 + by)"""
