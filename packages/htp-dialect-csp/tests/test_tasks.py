"""Networks in task form: what it looks like, that it means what the networks mean, and what has none."""

import copy
import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest
from lowering_kit import text_of
from small_networks import CASES
from tasks_kit import results, tasked

from htp import Refused
from htp.capture import parse_program

DONE = ("squares", "squares-tail", "feedback", "copied", "nested", "in-a-process")
TIMED = {"merged": "select", "farm": "select", "polled": "try_recv", "looked": "try_send", "offered": "try_send"}
HEAD = """
from htp import In, InOut, Out, Tensor, Tile, f32, tile
from htp_dialect_csp import Channel, Recv, Send, broadcast, network, process, replicate

Block = Tile[f32, 4, 8]
"""


def loaded(folder, text):
    """The functions of a module that consists of `text`."""
    file = folder / "made.py"
    file.write_text(HEAD + text)
    spec = importlib.util.spec_from_file_location("made", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", DONE)
def test_tasks_give_the_values_of_the_network(name):
    network, arguments = CASES[name]
    given = arguments()
    expected = copy.deepcopy(given)
    network(*expected)
    program = tasked(network)
    for got, wanted in zip(results(program, given), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert parse_program(program.text(), "stage.py").canonical == program.canonical
    assert not any(param.is_end for each in program.functions for param in each.params)


@pytest.mark.parametrize("name", TIMED)
def test_what_depends_on_the_time_is_refused_at_its_line(name):
    with pytest.raises(Refused) as caught:
        tasked(CASES[name][0])
    assert caught.value.code == "csp.timed"
    assert f"`{TIMED[name]}`" in caught.value.diagnostic.message
    place = caught.value.diagnostic.span
    assert place.file.endswith("small_networks.py")
    assert TIMED[name] in Path(place.file).read_text().splitlines()[place.line - 1]
    assert any("cpu" in each for each in caught.value.diagnostic.help)


def test_buffers_that_change_hands_are_refused():
    with pytest.raises(Refused) as caught:
        tasked(CASES["moved"][0])
    assert caught.value.code == "csp.no-tasks"
    assert caught.value.diagnostic.help


def test_a_turn_between_two_waits_is_one_kernel():
    program = tasked(CASES["squares"][0])
    assert (
        text_of(program, "square_0")
        == """\
def square_0(inp: In[Tensor[f32, "inp_0_1", 8]], out: Out[Tensor[f32, "inp_0_1", 8]]) -> None:
    t = inp[:4, :]
    t1 = t * t
    out[:4, :] = t1"""
    )
    assert [each.name for each in program.functions] == ["load_0", "square_0", "store_0", "squares"]


PIPE = """
@process
def load(x: In[Tensor[f32, "N", 8]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 4):
        out.send(x[i:i + 4, :])


@process
def square(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        out.send(t * t)


@process
def store(inp: Recv[Block], y: Out[Tensor[f32, "N", 8]]) -> None:
    i = 0
    for t in inp:
        y[i:i + 4, :] = t
        i += 4


@network
def squares(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    a = Channel[Block](capacity={a})
    b = Channel[Block](capacity={b})
    load(x, a)
    square(a, b)
    store(b, y)
"""


def slots_of(program, name):
    """The slots of every buffer of a channel, as the routine makes them."""
    lines = (each.strip() for each in text_of(program, name).splitlines())
    made = [each.partition(" = empty((") for each in lines if " = empty((" in each]
    return {name: int(shape.split(",")[0]) for name, _, shape in made if shape.partition(")")[0].count(",") > 1}


@pytest.mark.parametrize("a", [0, 1, 2, 5])
def test_a_channel_has_a_slot_for_each_token_it_holds(tmp_path, a):
    """A rendezvous has one slot too: what is in it is what is being handed over."""
    program = tasked(loaded(tmp_path, PIPE.format(a=a, b=3)).squares)
    assert slots_of(program, "squares") == {"a": max(1, a), "b": 3}


@pytest.mark.parametrize("rows", [0, 1, 4, 7, 20])
@pytest.mark.parametrize("capacities", [(1, 1), (2, 5), (0, 1), (3, 0)])
def test_any_number_of_tokens_and_any_capacity(tmp_path, rows, capacities):
    program = tasked(loaded(tmp_path, PIPE.format(a=capacities[0], b=capacities[1])).squares)
    x = np.random.default_rng(rows).standard_normal((rows, 8)).astype("f4")
    found = results(program, [x, np.full_like(x, np.nan)])
    np.testing.assert_array_equal(found[1], x * x)


CHOSEN = """
@process
def deal(x: In[Tensor[f32, "N", 8]], outs: tuple[Send[Block], ...], firsts: tuple[Send[f32], ...]) -> None:
    for i in range(0, x.shape[0], 4):
        outs[i // 4 % 3].send(x[i:i + 4, :])
        firsts[i // 4 % 2].send(tile.item(x[i, 0]))


@process
def gather(ins: tuple[Recv[Block], ...], firsts: tuple[Recv[f32], ...], y: Out[Tensor[f32, "N", 8]]) -> None:
    for i in range(0, y.shape[0], 4):
        t = ins[i // 4 % 3].recv()
        first = firsts[i // 4 % 2].recv()
        y[i:i + t.shape[0], :] = t - first


@network
def net(x: In[Tensor[f32, "N", 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    tiles = Channel[Block].array(3, capacity=2)
    firsts = Channel[f32].array(2, capacity=2)
    deal(x, tiles, firsts)
    gather(tiles, firsts, y)
"""


@pytest.mark.parametrize("rows", [0, 1, 4, 11, 12, 30])
def test_receiving_from_the_channel_that_a_number_chooses(tmp_path, rows):
    x = np.random.default_rng(rows).standard_normal((rows, 8)).astype("f4")
    found = results(tasked(loaded(tmp_path, CHOSEN).net), [x, np.full_like(x, np.nan)])
    np.testing.assert_array_equal(found[1], x - np.repeat(x[::4, :1], 4, axis=0)[:rows])


BACK = """
@process
def there(x: In[Tensor[f32, "N", 8]], w: In[Tensor[f32, 6, 8]], out: Send[Block], back: Recv[Block],
          y: Out[Tensor[f32, "N", 8]]) -> None:
    for i in range(0, x.shape[0], 4):
        out.send(x[i:i + 4, :6])
        y[i:i + 4, :] = back.recv() @ w


@process
def again(inp: Recv[Block], back: Send[Block]) -> None:
    for t in inp:
        back.send(t + 1.0)


@network
def net(x: In[Tensor[f32, "N", 8]], w: In[Tensor[f32, 6, 8]], y: Out[Tensor[f32, "N", 8]]) -> None:
    a, b = Channel[Block](), Channel[Block]()
    there(x, w, a, b, y)
    again(a, b)
"""


@pytest.mark.parametrize("rows", [0, 3, 9])
def test_tokens_that_come_back_are_as_small_as_those_that_were_sent(tmp_path, rows):
    program = tasked(loaded(tmp_path, BACK).net)
    x, w = np.random.default_rng(rows).integers(-8, 8, (rows, 8)).astype("f4"), np.eye(6, 8, dtype="f4")
    found = results(program, [x, w, np.full_like(x, np.nan)])
    np.testing.assert_array_equal(found[2], (x[:, :6] + 1) @ w)
    products = next(each for each in program.functions if "tile.dot" in text_of(program, each.name))
    assert "    assert back.shape[1] == 6" in text_of(program, products.name).splitlines()


RATES = """
@process
def make(x: In[Tensor[f32, {n}, 4, 8]], {outs}) -> None:
    for i in range({turns}):
{sends}


@process
def change(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        out.send(t * 2.0 + 1.0)


@process
def add(total: Recv[Block], {ins}, y: InOut[Tensor[f32, {n}, 4, 8]], back: Send[Block]) -> None:
    for i in range({turns}):
        sum = total.recv()
{receives}
        back.send(sum)


@process
def begin(first: Send[Block], back: Recv[Block]) -> None:
    t = tile.zeros((4, 8), f32)
    for i in range({turns}):
        first.send(t)
        t = back.recv() * 0.5


@network
def net(x: In[Tensor[f32, {n}, 4, 8]], y: InOut[Tensor[f32, {n}, 4, 8]]) -> None:
{channels}
"""


def made(seed):
    """A network with branches that meet again, several tokens a turn and a sum that goes round, and its values."""
    pick = random.Random(seed)
    turns, branches, each = pick.choice((0, 1, 2, 4)), pick.randint(1, 3), pick.randint(1, 3)
    n = max(1, turns * branches * each)
    order = [(b, k) for b in range(branches) for k in range(each)]
    if pick.random() < 0.5:
        order.sort(key=lambda one: one[1])
    place = {one: number for number, one in enumerate(order)}
    per = len(order)
    sends = [f"        out{b}.send(x[i * {per} + {place[b, k]}, :, :])" for b, k in order]
    receives = [
        line for b, k in order
        for line in (
            f"        sum = sum + in{b}.recv()",
            f"        y[i * {per} + {place[b, k]}, :, :] = sum",
        )
    ]  # fmt: skip
    changed = [pick.random() < 0.5 for _ in range(branches)]
    lines = [f"    first = Channel[Block](capacity={pick.randint(1, 2)})"]
    lines += [f"    back = Channel[Block](capacity={pick.randint(1, 2)})"]
    for b in range(branches):
        lines += [f"    c{b} = Channel[Block](capacity={pick.randint(each, 5)})"]
        lines += [f"    d{b} = Channel[Block](capacity={pick.randint(each, 5)})"] if changed[b] else []
    lines += [f"    make(x, {', '.join(f'c{b}' for b in range(branches))})", "    begin(first, back)"]
    lines += [f"    change(c{b}, d{b})" for b in range(branches) if changed[b]]
    ends = ", ".join(f"d{b}" if changed[b] else f"c{b}" for b in range(branches))
    lines += [f"    add(first, {ends}, y, back)"]
    text = RATES.format(
        n=n, turns=turns, sends="\n".join(sends), receives="\n".join(receives), channels="\n".join(lines),
        outs=", ".join(f"out{b}: Send[Block]" for b in range(branches)),
        ins=", ".join(f"in{b}: Recv[Block]" for b in range(branches)),
    )  # fmt: skip
    x = np.random.default_rng(seed).integers(-8, 8, (n, 4, 8)).astype("f4")
    y = np.full_like(x, -1)
    carried = np.zeros((4, 8), "f4")
    for turn in range(turns):
        for (b, _), number in place.items():
            token = x[turn * per + number]
            carried = carried + (token * 2 + 1 if changed[b] else token)
            y[turn * per + number] = carried
        carried = carried * np.float32(0.5)
    return text, x, y


@pytest.mark.parametrize("seed", range(16))
def test_random_networks(tmp_path, seed):
    text, x, expected = made(seed)
    network = loaded(tmp_path, text).net
    own = np.full_like(x, -1)
    network(x, own)
    np.testing.assert_array_equal(own, expected)
    found = results(tasked(network), [x, np.full_like(x, -1)])
    np.testing.assert_array_equal(found[1], expected)
