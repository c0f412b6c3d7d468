"""Networks as tasks: results against NumPy on the stand-in, and the edges by which slots of channels are used again."""

import importlib.util

import numpy as np
import pytest

import htp
from htp import Refused
from htp_backend_pto.contract import Graph

HEAD = """
from htp import In, Out, Tensor, Tile, f32
from htp_dialect_csp import Channel, Recv, Send, network, process, select

Block = Tile[f32, 16, 64]


@process
def load(x: In[Tensor[f32, {rows}, 64]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 16):
        out.send(x[i:i + 16, :])


@process
def square(inp: Recv[Block], out: Send[Block]) -> None:
    for t in inp:
        out.send(t * t)


@process
def store(inp: Recv[Block], y: Out[Tensor[f32, {rows}, 64]]) -> None:
    i = 0
    for t in inp:
        y[i:i + 16, :] = t
        i += 16


@network
def squares(x: In[Tensor[f32, {rows}, 64]], y: Out[Tensor[f32, {rows}, 64]]) -> None:
    a = Channel[Block](capacity={a})
    b = Channel[Block](capacity={b})
    load(x, a)
    square(a, b)
    store(b, y)
"""


def compiled(folder, *, rows, a, b, name="squares"):
    """The package of a pipeline whose channels have these capacities."""
    file = folder / "made.py"
    file.write_text(HEAD.format(rows=rows, a=a, b=b))
    spec = importlib.util.spec_from_file_location("made", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return htp.compile_program(getattr(module, name), target="pto:a2a3sim", out=str(folder / "package"))


def pairs(package):
    """The edges between tasks of kernels: by the kernel and by how many of its tasks were before."""
    graph = package.record("contract/graph.json", Graph)
    assert graph.exact
    counts, names = {}, {}
    for task in graph.tasks:
        kind = task.kernel.rpartition("_")[0]
        names[task.number] = (kind, counts.setdefault(kind, 0))
        counts[kind] += 1
    edges = [each for each in graph.edges if names[each.source][0] and each.found != "creator"]
    assert len(edges) == len({(each.source, each.target) for each in edges})
    return counts, {(names[each.source], names[each.target]): each for each in edges}


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 2), (3, 1)])
def test_a_send_waits_for_the_token_that_leaves_its_slot(tmp_path, a, b):
    """Five tokens: each is read behind its send, and token k goes where token k - capacity was read.

    The runtime finds by itself that a reader follows the writer of its slot, and a writer the one before. That a writer
    waits for the reader before is what it is told.
    """
    counts, found = pairs(compiled(tmp_path, rows=80, a=a, b=b))
    assert (counts["load"], counts["square"], counts["store"]) == (5, 5, 5)
    readers = {(("load", k), ("square", k)) for k in range(5)} | {(("square", k), ("store", k)) for k in range(5)}
    writers = {(("load", k - a), ("load", k)) for k in range(a, 5)}
    writers |= {(("square", k - b), ("square", k)) for k in range(b, 5)}
    room = {(("square", k - a), ("load", k)) for k in range(a, 5)}
    room |= {(("store", k - b), ("square", k)) for k in range(b, 5)}
    assert {each for each, edge in found.items() if edge.found == "tensormap"} == readers | writers
    assert {each for each, edge in found.items() if edge.found == "explicit"} == room
    assert all("WAR" in found[each].why for each in room)


@pytest.mark.parametrize(("rows", "a", "b"), [('"N"', 2, 3), ('"N"', 1, 5), ('"N"', 0, 1)])
def test_any_number_of_tokens(tmp_path, rows, a, b):
    exe = htp.bind(compiled(tmp_path, rows=rows, a=a, b=b), mode="sim")
    for count in (0, 1, 16, 50, 112):
        x = np.random.default_rng(count).standard_normal((count, 64)).astype("f4")
        y = np.full_like(x, np.nan)
        report = exe.run(x, y)
        np.testing.assert_array_equal(y, x * x)
        assert report.diagnostics == ()


DATA = """
from htp import In, Out, Tensor, Tile, f32, tile
from htp_dialect_csp import Channel, Recv, Send, network, process


@process
def deal(x: In[Tensor[f32, "N"]], up: Send[f32], down: Send[f32]) -> None:
    for i in range(x.shape[0]):
        v = tile.item(x[i])
        if v > 0.0:
            up.send(v)
        else:
            down.send(v)


@process
def pair(up: Recv[f32], down: Recv[f32], y: Out[Tensor[f32, "M"]]) -> None:
    k = 0
    for v in up:
        y[k] = v + down.recv()
        k += 1


@network
def pairs(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "M"]]) -> None:
    up = Channel[f32](capacity=2)
    down = Channel[f32](capacity=2)
    deal(x, up, down)
    pair(up, down, y)


@process
def load(x: In[Tensor[f32, 64, 64]], summed: Send[Tile[f32, 16, 64]], kept: Send[Tile[f32, 16, 64]]) -> None:
    for i in range(0, 64, 16):
        summed.send(x[i:i + 16, :])
        kept.send(x[i:i + 16, :])


@process
def add_up(blocks: Recv[Tile[f32, 16, 64]], total: Send[f32]) -> None:
    found = 0.0
    for t in blocks:
        found += tile.item(tile.sum(t))
    total.send(found)


@process
def divide(kept: Recv[Tile[f32, 16, 64]], total: Recv[f32], y: Out[Tensor[f32, 64, 64]]) -> None:
    by = total.recv()
    for i in range(0, 64, 16):
        y[i:i + 16, :] = kept.recv() / by


@network
def shares(x: In[Tensor[f32, 64, 64]], y: Out[Tensor[f32, 64, 64]]) -> None:
    summed = Channel[Tile[f32, 16, 64]](capacity=2)
    kept = Channel[Tile[f32, 16, 64]](capacity=4)
    total = Channel[f32](capacity=1)
    load(x, summed, kept)
    add_up(summed, total)
    divide(kept, total, y)
"""


def of_data(folder, name):
    """A network of the text above, bound."""
    file = folder / "data.py"
    file.write_text(DATA)
    spec = importlib.util.spec_from_file_location("data", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package = htp.compile_program(getattr(module, name), target="pto:a2a3sim", out=str(folder / name))
    return htp.bind(package, mode="sim")


def test_where_tokens_go_may_depend_on_numbers(tmp_path):
    """A positive number is paired with one that is not; three positive ones in a row fill the channel of two."""
    exe = of_data(tmp_path, "pairs")
    y = np.empty(4, "f4")
    exe(np.array([1, -1, 2, -3, 3, 3, -1, -2], "f4"), y)
    np.testing.assert_array_equal(y, [0, -1, 2, 1])
    with pytest.raises(Refused) as caught:
        exe(np.array([1, 2, 3, 4, -1, -2, -3, -4], "f4"), y)
    assert caught.value.code == "csp.deadlock"


def test_numbers_may_come_from_what_tasks_have_computed(tmp_path):
    x = np.random.default_rng(0).random((64, 64), np.float32)
    y = np.empty_like(x)
    of_data(tmp_path, "shares")(x, y)
    np.testing.assert_allclose(y, x / x.sum(dtype="f8"), rtol=1e-6)


SELECT = """

@process
def merge(a: Recv[Block], b: Recv[Block], y: Out[Tensor[f32, 64, 64]]) -> None:
    i = 0
    while (found := select([a, b])) is not None:
        _, t = found
        y[i:i + 16, :] = t
        i += 16
"""


def test_select_is_refused_at_its_line(tmp_path):
    file = tmp_path / "merged.py"
    text = HEAD.format(rows=32, a=1, b=1) + SELECT.replace("is not None", "is not EOS") + (
        "\n\n@network\ndef merged(x: In[Tensor[f32, 32, 64]], z: In[Tensor[f32, 32, 64]],"
        " y: Out[Tensor[f32, 64, 64]]) -> None:\n"
        "    a = Channel[Block](capacity=1)\n    b = Channel[Block](capacity=1)\n"
        "    load(x, a)\n    load(z, b)\n    merge(a, b, y)\n"
    )  # fmt: skip
    file.write_text(text.replace("import Channel", "import EOS, Channel"))
    spec = importlib.util.spec_from_file_location("merged", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(Refused) as caught:
        htp.compile_program(module.merged, target="pto:a2a3sim", out=str(tmp_path / "package"))
    assert caught.value.code == "csp.timed"
    assert "select" in file.read_text().splitlines()[caught.value.diagnostic.span.line - 1]


ASSERTED = """
from htp import In, Out, Scalar, Tensor, Tile, f32, i32, tile
from htp_dialect_csp import Channel, Recv, Send, network, process

Block = Tile[f32, 16, 64]


@process
def load(x: In[Tensor[f32, "M", 64]], n: Scalar[i32], out: Send[Block]) -> None:
    assert x.shape[0] % 16 == 0, "whole blocks"
    for i in range(0, x.shape[0], 16):
        assert i < n
        assert tile.item(x[i, 0]) < 100.0
        out.send(x[i:i + 16, :] * 2.0)


@process
def store(inp: Recv[Block], n: Scalar[i32], y: Out[Tensor[f32, "M", 64]]) -> None:
    i = 0
    for t in inp:
        assert i != n
        y[i:i + 16, :] = t
        i += 16


@network
def doubled(x: In[Tensor[f32, "M", 64]], n: Scalar[i32], m: Scalar[i32], y: Out[Tensor[f32, "M", 64]]) -> None:
    c = Channel[Block](capacity=2)
    load(x, n, c)
    store(c, m, y)
"""


def test_assertions_of_processes_are_checked_and_say_what_they_say_there(tmp_path):
    file = tmp_path / "asserted.py"
    file.write_text(ASSERTED)
    spec = importlib.util.spec_from_file_location("asserted", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run = htp.bind(htp.compile_program(module.doubled, target="pto:a2a3sim", out=str(tmp_path / "package")))
    x = np.random.default_rng(1).standard_normal((48, 64)).astype(np.float32)
    y = np.zeros_like(x)
    run(x, 99, 99, y)
    np.testing.assert_array_equal(y, x * np.float32(2))
    x[32, 0] = 1000.0
    item = "tile.item(x[i, 0]) < 100.0"
    wrong = {(47, 99, 99): "whole blocks", (32, 16, 99): "i < n", (32, 99, 16): "i != n", (48, 99, 99): item}
    for (rows, n, m), said in wrong.items():
        with pytest.raises(Refused) as caught:
            run(x[:rows], n, m, np.zeros_like(x[:rows]))
        assert (caught.value.code, caught.value.diagnostic.message) == ("run.assertion-failed", said)


TAILS = """
from htp import In, Out, Tensor, Tile, f16, f32, i32, i64, tile
from htp_dialect_csp import Channel, Recv, Send, network, process

Block = Tile[f16, 64, 32]


@process
def halves(x: In[Tensor[f32, "M", 32]], out: Send[Block]) -> None:
    for i in range(0, x.shape[0], 64):
        out.send(x[i:i + 64, :].astype(f16))


@process
def weigh(w: Recv[Block], b: In[Tensor[f16, "K", 32]], y: Out[Tensor[f32, 32, 32]]) -> None:
    acc = tile.zeros((32, 32), f32)
    for i in range(0, b.shape[0], 64):
        acc += w.recv().T @ b[i:i + 64, :]
    y[:] = acc


@network
def weighed(x: In[Tensor[f32, "M", 32]], b: In[Tensor[f16, "K", 32]], y: Out[Tensor[f32, 32, 32]]) -> None:
    assert (x.shape[0] + 63) // 64 == (b.shape[0] + 63) // 64
    c = Channel[Block](capacity=2)
    halves(x, c)
    weigh(c, b, y)


@process
def places(x: In[Tensor[f32, "M", 32]], out: Send[i64]) -> None:
    for i in range(0, x.shape[0], 64):
        out.send(i)


@process
def all_but_last(at: Recv[i64], a: In[Tensor[f32, "M", 32]], b: In[Tensor[f32, "K", 32]],
                 y: Out[Tensor[f32, "K", 32]]) -> None:
    M = a.shape[0]
    assert M == b.shape[0]
    for i in at:
        assert 0 <= i <= M
        n = min(64, M - i)
        last = tile.iota((n, 1), dtype=i32, axis=0) == M - i - 1
        y[i:i + 64, :] = tile.where(last, 0.0, a[i:i + 64, :] + b[i:i + 64, :])


@network
def added(x: In[Tensor[f32, "M", 32]], b: In[Tensor[f32, "K", 32]], y: Out[Tensor[f32, "K", 32]]) -> None:
    c = Channel[i64](capacity=2)
    places(x, c)
    all_but_last(c, x, b, y)
"""


def of_tails(folder, name):
    """A network of the text above, bound."""
    file = folder / "tails.py"
    file.write_text(TAILS)
    spec = importlib.util.spec_from_file_location("tails", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return htp.bind(htp.compile_program(getattr(module, name), target="pto:a2a3sim", out=str(folder / name)))


def test_a_token_has_as_many_rows_as_it_is_multiplied_with_or_the_run_says_not(tmp_path):
    run = of_tails(tmp_path, "weighed")
    rng = np.random.default_rng(3)
    for rows in (0, 1, 64, 130):
        x, b = rng.standard_normal((rows, 32)).astype("f4"), rng.standard_normal((rows, 32)).astype("f2")
        y = np.full((32, 32), np.nan, "f4")
        run(x, b, y)
        np.testing.assert_allclose(y, x.astype("f2").astype("f8").T @ b.astype("f8"), atol=1e-4)
    with pytest.raises(Refused) as caught:
        run(np.ones((64, 32), "f4"), np.ones((60, 32), "f2"), np.empty((32, 32), "f4"))
    assert (caught.value.code, caught.value.diagnostic.span.line) == ("type.shape-mismatch", 18)


def test_a_process_may_compute_with_the_sizes_of_what_it_is_given(tmp_path):
    run = of_tails(tmp_path, "added")
    for rows in (0, 1, 64, 130):
        x, b = np.random.default_rng(rows).standard_normal((2, rows, 32)).astype("f4")
        y = np.full((rows, 32), np.nan, "f4")
        run(x, b, y)
        wanted = x + b
        wanted[-1:] = 0
        np.testing.assert_array_equal(y, wanted)


COUNTED = """
from htp import In, Out, Scalar, Tensor, Tile, f32, i32
from htp_dialect_csp import Channel, Recv, Send, network, process

Block = Tile[f32, 16, 32]


@process
def load(x: In[Tensor[f32, 48, 32]], n: Scalar[i32], out: Send[Block]) -> None:
    k = 1
    g = 0.5
    for i in range(32, -1, -16):
        t = x[i:i + 16, :]
        for j in range(n):
            t = t + k
            k = k + j
            if j > 1:
                g = -g
        out.send(t * g)
        k = k - 1


@process
def store(inp: Recv[Block], n: Scalar[i32], y: Out[Tensor[f32, 48, 32]]) -> None:
    i = 0
    s = 1.0
    m = n
    for t in inp:
        u = t
        while m > 0:
            u = u + s
            s = s * 0.5
            m = m - 1
        y[i:i + 16, :] = u * s + m
        i += 16
        m = n


@network
def counted(x: In[Tensor[f32, 48, 32]], n: Scalar[i32], y: Out[Tensor[f32, 48, 32]]) -> None:
    c = Channel[Block](capacity=2)
    load(x, n, c)
    store(c, n, y)
"""


def test_numbers_that_processes_change_are_what_they_are_where_tiles_need_them(tmp_path):
    """`u = u + s` is done with what `s` is there, not with what the next line makes of it."""
    file = tmp_path / "counted.py"
    file.write_text(COUNTED)
    spec = importlib.util.spec_from_file_location("counted", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run = htp.bind(htp.compile_program(module.counted, target="pto:a2a3sim", out=str(tmp_path / "package")))
    for n in range(5):
        x = np.random.default_rng(n).integers(-8, 8, (48, 32)).astype("f4") / 4
        y, wanted = np.empty_like(x), np.empty_like(x)
        module.counted(x, n, wanted)
        run(x, n, y)
        np.testing.assert_array_equal(y, wanted, err_msg=f"n = {n}")
