"""Laws of quality: bytes moved, flags, and edges are as few as can be; what is expected is worked out by hand here."""

import itertools

import numpy as np
import pytest
from differential_programs import case
from pto_stages import example, stages
from routines import loaded, published
from standin_report import decode

import htp
from htp import In, Out, Tensor, f32, kernel, tile
from htp_backend_pto.checker import redundant, unordered
from htp_backend_pto.contract import Package
from htp_backend_pto.figures.records import Figures
from htp_backend_pto.figures.traffic import moved
from htp_backend_pto.steps import steps_in

EXAMPLES = ("softmax", "rmsnorm", "gemm_epilogue", "attention", "mlp", "paged_decode", "softmax_vocab")


@kernel
def gemm(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """Tiles of 32 x 64 of the result, 64 of K at a time."""
    M, K = a.shape
    N = b.shape[1]
    for i in range(0, M, 32):
        for j in range(0, N, 64):
            acc = tile.zeros((min(32, M - i), min(64, N - j)), f32)
            for k in range(0, K, 64):
                acc += a[i : i + 32, k : k + 64] @ b[k : k + 64, j : j + 64]
            c[i : i + 32, j : j + 64] = acc


def numbers(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("f4")


def built(definition, tmp_path, dims=None):
    path = tmp_path / "package"
    htp.compile_program(definition, target="pto:a2a3sim", dims=dims or {}, out=str(path))
    return htp.artifact.open_package(path)


def tasks_of(package, *arrays):
    """What every task read and wrote, as the stand-in counted it."""
    report = htp.bind(package, mode="sim").report(*arrays)
    assert report.diagnostics == ()
    return [(each.loaded, each.stored) for each in report.tasks]


def test_softmax_reads_and_writes_every_row_once(tmp_path):
    package = built(example("softmax.py", "softmax"), tmp_path, {"N": 128})
    x = numbers(130, 128)
    assert tasks_of(package, x, np.empty_like(x)) == [(rows * 128 * 4,) * 2 for rows in (64, 64, 2)]


def test_rmsnorm_reads_the_gain_once_for_each_tile_of_rows(tmp_path):
    package = built(example("rmsnorm.py", "rmsnorm"), tmp_path, {"N": 128})
    x = numbers(130, 128)
    found = tasks_of(package, x, numbers(128), np.empty_like(x))
    assert found == [((rows + 1) * 128 * 4, rows * 128 * 4) for rows in (64, 64, 2)]


def test_gemm_reads_its_rows_and_columns_once_for_each_tile_and_writes_it_once(tmp_path):
    package = built(gemm, tmp_path)
    M, K, N = 40, 130, 70
    found = tasks_of(package, numbers(M, K), numbers(K, N), np.empty((M, N), "f4"))
    assert found == [
        (4 * (m * K + K * n), 4 * m * n) for m, n in itertools.product((32, 8), (64, 6))
    ]  # fmt: skip


def test_formulas_give_what_a_run_counts(tmp_path):
    """Also where loops take two turns at a time, and where the last piece is smaller."""
    package = built(gemm, tmp_path)
    kernel_, zeros = package.record("contract/figures.json", Figures).kernels
    assert zeros.kernel.endswith("_zeros"), "what a product over nothing is, is written by a kernel of its own"
    amounts = {(each.array, each.direction): each.terms for each in kernel_.traffic}
    assert {key: [(term.amount, term.loops, term.when) for term in terms] for key, terms in amounts.items()} == {
        ("a", "in"): [("4 * K * m", (), ())],
        ("b", "in"): [("4 * K * n", (), ())],
        ("c", "out"): [("4 * m * n", (), ())],
    }  # fmt: skip
    for K in (1, 64, 65, 200):
        sizes = {"m": 7, "K": K, "n": 50}
        ((read, written),) = tasks_of(package, numbers(7, K), numbers(K, 50), np.empty((7, 50), "f4"))
        assert (read, written) == (
            sum(moved(amounts[each, "in"], sizes) for each in "ab"), moved(amounts["c", "out"], sizes)
        )  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_any_flag_or_barrier_a_kernel_is_wrong(name):
    chosen = case(name)
    found = stages(chosen.definition, chosen.dims, chosen.schedule, last="pto.sync")["pto.sync"]
    kernels = [each for each in found.functions if each.kind == "kernel"]
    assert kernels
    for each in kernels:
        assert unordered(each.body) == []
        assert redundant(each.body) == [], each.name


ROUTINES = {
    "read, then written over": """
@routine
def run(a: In[Tensor[f32, 12, 20]], b: InOut[Tensor[f32, 12, 20]], c: Out[Tensor[f32, 12, 20]]) -> None:
    copy(b, c)
    copy(a, b)
    double(c, b)
""",
    "many readers and a writer": """
@routine
def run(a: In[Tensor[f32, 12, 20]], b: InOut[Tensor[f32, 12, 20]], c: Out[Tensor[f32, 12, 20]]) -> None:
    t = empty((12, 20), f32)
    copy(a, t)
    for i in range(4):
        copy(t[i * 3:i * 3 + 3, :], c[i * 3:i * 3 + 3, :])
    double(a, t)
    add(t, b)
    for i in range(3):
        double(b[i * 4:i * 4 + 4, 0:10], t[i * 4:i * 4 + 4, 10:20])
    add(t, c)
""",
    "in and out, one behind the other": """
@routine
def run(a: In[Tensor[f32, 12, 20]], b: InOut[Tensor[f32, 12, 20]], c: Out[Tensor[f32, 12, 20]]) -> None:
    copy(a, c)
    for i in range(3):
        add(a[0:6, :], b[0:6, :])
        add(b[0:6, :], c[6:12, :])
        copy(a[6:12, :], b[0:6, :])
""",
}


def touched(task, directions):
    """For each argument of a task: its buffer, which elements it may touch, and whether it writes them."""
    for each, direction in zip(task.args, directions, strict=True):
        places = np.full(each.shape, each.offset, np.int64)
        for axis, (size, stride) in enumerate(zip(each.shape, each.strides, strict=True)):
            places += (np.arange(size) * stride).reshape([-1 if at == axis else 1 for at in range(len(each.shape))])
        yield each.buffer, frozenset(places.ravel().tolist()), direction != "in"


def conflicts(one, other):
    return any(
        buffer == other_buffer and (writes or other_writes) and elements & other_elements
        for buffer, elements, writes in one
        for other_buffer, other_elements, other_writes in other
    )


def closed(count, edges):
    """Which task comes after which, by paths of any length."""
    after = np.zeros((count, count), bool)
    for source, target in edges:
        after[source, target] = True
    for middle in range(count):
        after |= np.outer(after[:, middle], after[middle])
    return after


@pytest.mark.parametrize("name", ROUTINES)
def test_told_edges_are_the_reduction_without_those_that_the_runtime_finds(name, tmp_path_factory):
    _, package = published(ROUTINES[name], str(tmp_path_factory.getbasetemp()), f"law-{len(name)}")
    exe = loaded(package, "tensormap_and_ringbuffer")
    assert exe.report(numbers(12, 20), numbers(12, 20), np.empty((12, 20), "f4")).diagnostics == ()
    report = decode(exe._api.htp_pto_report(exe._session))  # with the arguments of tasks, which bindings do not need
    directions = {
        each.number: [tensor.direction for tensor in each.tensors]
        for each in package.record("contract/pto.json", Package).kernels
    }
    accesses = [
        list(touched(each, directions[each.func_ids[0]])) if each.func_ids else [] for each in report.tasks
    ]  # fmt: skip
    count = len(accesses)
    full = {(i, j) for j in range(count) for i in range(j) if conflicts(accesses[i], accesses[j])}
    reach = closed(count, full)
    reduced = {(i, j) for i, j in full if not any(reach[i, k] and reach[k, j] for k in range(i + 1, j))}
    found = {(each.source_task, each.target_task, each.source) for each in report.edges}
    derived = {(i, j) for i, j, source in found if source != "explicit"}
    told = {(i, j) for i, j, source in found if source == "explicit"}
    assert reduced
    assert told == reduced - derived
    assert (closed(count, derived | told) >= reach).all()


NOTHING = ("scratch", "reshape")
"""What takes no time: room that an instruction needs, and other names for the same bytes."""
MASK = 9
"""Numbers of rows and of columns, spread, the larger, what it differs by, as f32, compared, chosen."""
ONLINE = 16
"""One block of keys: load, rowmax; load, max; subtract, exp, store; subtract, exp, store; load, mul, rowsum, add,
store; and the store of the largest so far."""
LEAST = {
    ("softmax", "softmax_0"): 7,  # load, rowmax, subtract, exp, rowsum, divide, store
    ("rmsnorm", "rmsnorm_0"): 10,  # load, square, rowsum, divide, add, rsqrt, multiply; load, multiply, store
    ("attention", "attention_2"): ONLINE + MASK,
    ("attention", "attention_4"): 6,  # the sum, how it shrinks and the product: three loads, multiply, add, store
    ("flash_attention", "attend_1"): ONLINE + 2,  # scores are scaled, weights are rounded to f16
    ("fused_attention", "attend_all_2"): ONLINE + 2,
    ("fused_attention", "attend_all_4"): 6,
    ("llama_block", "attend_1"): ONLINE + 2,
}


@pytest.mark.parametrize("name", sorted({name for name, _ in LEAST}))
def test_kernels_have_as_many_instructions_as_one_would_write_by_hand(name):
    chosen = case(name)
    found = stages(chosen.definition, chosen.dims, chosen.schedule)["pto.select"]
    for (program, function), count in LEAST.items():
        if program == name:
            steps = [each.instruction.name for each in steps_in(found.function(function).body)]
            assert len([each for each in steps if each not in NOTHING]) <= count, (function, steps)
