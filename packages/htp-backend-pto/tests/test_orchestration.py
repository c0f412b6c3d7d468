"""What orchestration is printed for a routine: arguments and tags, buffers, scopes, guards, checks, and refusals."""

import numpy as np
import pytest
from routines import emitted, loaded, program_of, published

from htp import Refused
from htp_backend_pto.contract import Graph, Package
from htp_backend_pto.emission.orchestration import orchestration_source
from htp_backend_pto.emission.orchestration_tasks import KernelNumber
from htp_backend_pto.emission.window import ring_of
from htp_backend_pto.profile import CURRENT

NUMBERS = [KernelNumber(name, "aiv", number) for number, name in enumerate(("copy", "double", "add"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tmp_path_factory.mktemp("orchestration"))


@pytest.fixture
def printed(folder):
    """Prints the statements of a routine, without head and foot."""

    def of(text):
        return orchestration_source(program_of(text, folder), NUMBERS, CURRENT)

    return of


def lines(source, word):
    """The lines with a word, without the places behind them and lines that are comments."""
    every = (line.strip().split("  //")[0] for line in source.text.splitlines())
    return [line for line in every if word in line and not line.startswith(("//", "#"))]


TILES = """
@routine
def run(a: In[Tensor[f32, "M", "N"]], b: Out[Tensor[f32, "M", "N"]]) -> None:
    M = a.shape[0]
    N = a.shape[1]
    for i in range(0, M, 16):
        copy(a[i:min(M, i + 16), :], b[i:min(M, i + 16), :])
"""


def test_disjoint_tiles_are_plain_tasks(printed):
    """Nothing is followed, the tails are the sizes of views, and every turn has a scope of its own."""
    source = printed(TILES)
    assert source.followed == ()
    assert source.headers == ("htp_host.hpp",)
    assert source.fullest.tasks == 1
    assert lines(source, "for (") == ["for (int64_t i = 0; i < M; i += 16) PTO2_SCOPE() {"]
    assert lines(source, "htp::part(a") == ["const ChipTensor a_1 = htp::part(a, {htp::min(16, M - i), N}, {i, 0});"]
    assert lines(source, "add_") == ["copy_1.add_input(a_1);", "copy_1.add_output(b_1);"]
    assert lines(source, "if (") == ["if (M == 0 || N == 0) return;"]


def test_a_buffer_is_made_by_the_task_that_writes_it(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]]) -> None:
            t = empty((16, 32), f32)
            double(a, t)
            copy(t, b)
    """)
    assert lines(source, "t_new") == [
        "const TensorCreateInfo t_new = htp::fresh({16, 32}, DataType::FLOAT32);",
        "double_1.add_output(t_new);",
    ]
    assert lines(source, "const ChipTensor t ") == ["const ChipTensor t = double_1_out.get_ref(0);"]
    assert source.followed == ()


def test_a_buffer_that_is_written_in_parts_is_allocated_ahead(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]]) -> None:
            t = empty((16, 32), f32)
            for i in range(0, 16, 8):
                double(a[i:i + 8, :], t[i:i + 8, :])
            copy(t, b)
    """)
    assert lines(source, "htp::buffer") == ["const ChipTensor t = htp::buffer({16, 32}, DataType::FLOAT32);"]
    assert source.followed == ("t",)


def test_readers_before_a_writer_are_followed(printed):
    """The array that is read and then overwritten, and the one that connects the tasks."""
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]], c: Out[Tensor[f32, 16, 32]]) -> None:
            copy(a, b)
            double(b, c)
            copy(a, b)
    """)
    assert source.followed == ("b",)
    assert lines(source, "tasks.reads") == ["tasks.reads(b_uses, {{0, 16}, {0, 32}});"]
    assert lines(source, "tasks.inout") == ["tasks.inout(copy_1, b_uses, b);", "tasks.inout(copy_3, b_uses, b);"]
    assert lines(source, "tasks.input") == ["tasks.input(double_2, b_uses, b);"]


def test_an_accumulator_is_left_to_the_runtime(printed):
    """All turns use one part, one after the other: every edge is one that the runtime finds."""
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, "K", 32]], b: Out[Tensor[f32, 1, 32]]) -> None:
            K = a.shape[0]
            copy(a[0:1, :], b)
            for k in range(1, K):
                add(a[k:k + 1, :], b)
    """)
    assert source.followed == ()
    assert lines(source, "add_output") == ["copy_1.add_output(b);"]
    assert lines(source, "add_inout") == ["add_2.add_inout(b);"]


def test_an_index_is_folded_into_the_next_axis(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, "B", 8, 4, 16]], b: Out[Tensor[f32, 8, 16]]) -> None:
            B = a.shape[0]
            copy(a[B - 1, :, 2, :], b)
    """)
    assert lines(source, "htp::part") == [
        "const ChipTensor a_1 = htp::part(htp::folded(a, {8 * B, 64}), {8, 16}, {8 * B - 8, 32});"
    ]
    assert lines(source, "htp::within") == ["if (!htp::within(B - 1, B, 0)) return;"]
    assert [(each.what, each.code) for each in source.checks] == [("index", "run.index-out-of-range")]


def test_numbers_that_no_kernel_sees_are_no_tensors(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]], counts: In[Tensor[i32, 4]]) -> None:
            starts = empty((5,), i64)
            starts[0] = 0
            for r in range(4):
                count: i64 = counts[r]
                require(count >= 0, "a count is negative", "user.py:1", "wsp.axis-data")
                starts[r + 1] = starts[r] + count
            if starts[4] > 3:
                copy(a, b)
            else:
                double(a, b)
    """)
    assert lines(source, "starts(") == ["htp::Numbers<int64_t> starts(5);"]
    assert "const int64_t count = htp::item<int32_t>(counts, {r});" in source.text
    assert "if (!(count >= 0)) return htp::fail(0);" in source.text
    assert not source.reads_results


def test_reading_a_result_needs_the_runtime_that_waits(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]]) -> None:
            copy(a, b)
            value = b[0, 0]
            if value > 0.0:
                add(a, b)
    """)
    assert source.reads_results


def test_scalars_that_only_place_tasks_are_left_out(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]]) -> None:
            open_tasks(workers=4, steal=False)
            order: i64 = 0
            for i in range(0, 16, 8):
                task(worker=order % 4, at=(i,))
                order = order + 1
                copy(a[i:i + 8, :], b[i:i + 8, :])
            close_tasks()
    """)
    assert "order" not in source.text.split("run_entry")[1]


def test_words_that_order_tasks(printed):
    source = printed("""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]], c: Out[Tensor[f32, 16, 32]]) -> None:
            open_tasks()
            task(tag=3)
            copy(a, b)
            task(after=(3,), stream=1)
            copy(a, c)
            close_tasks()
    """)
    assert lines(source, "tasks.") == [
        "tasks.open();",
        "tasks.tag(3);",
        "tasks.order(copy_1);",
        "tasks.ran(copy_1_out);",
        "tasks.after(3);",
        "tasks.stream(1);",
        "tasks.order(copy_2);",
        "tasks.ran(copy_2_out);",
    ]


@pytest.mark.parametrize(
    ("window", "ring"), [(2, 0), (3, 4), (7, 8), (8, 8), (63, 64), (64, 64), (100, 64), (16383, 16384)]
)
def test_a_window_is_the_largest_ring_that_holds_no_more(window, ring):
    """A ring of 2^n places holds 2^n - 1 tasks, and the smallest one has 4 places."""
    assert ring_of(window, 4) == ring


def windowed(count, setting):
    calls = "\n".join(f"    copy(a[{row}:{row + 1}, :], b[{row}:{row + 1}, :])" for row in range(count))
    return f"""
@routine
def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]]) -> None:
    open_tasks({setting})
{calls}
    close_tasks()
"""


@pytest.mark.parametrize(
    ("count", "setting", "said"),
    [
        (1, "window=2", "the runtime's smallest window holds 3 tasks"),
        (4, "window=4", "up to 4 tasks of the program lie in one scope, where 3 have room"),
        (1, 'window=64, full="abort"', "cannot abort"),
        (1, 'window=64, unit="bytes"', "counts tasks, not bytes"),
    ],
)
def test_windows_that_cannot_be_kept(folder, count, setting, said):
    with pytest.raises(Refused) as caught:
        emitted(windowed(count, setting), folder)
    assert caught.value.code == "pto.window"
    assert said in caught.value.diagnostic.message
    assert caught.value.diagnostic.span is not None


def test_a_window_reaches_the_contract(folder):
    package = published(windowed(3, "window=9"), folder, "windowed")[1]
    contract = package.record("contract/pto.json", Package)
    assert (contract.window, contract.scope) == (8, 3)


def test_bytes_are_stable(folder):
    assert emitted(TILES, folder)[1] == emitted(TILES, folder)[1]


def test_the_contract_says_what_to_build(folder):
    package = published(TILES, folder, "tiles")[1]
    contract = package.record("contract/pto.json", Package)
    copy = contract.kernels[0]
    assert (copy.number, copy.name, copy.core, copy.file) == (0, "copy", "aiv", "codegen/pto/kernels/aiv/copy.cpp")
    assert [(each.name, each.direction, each.dims) for each in copy.tensors] == [
        ("x", "in", ("m", "n")),
        ("y", "out", ("m", "n")),
    ]
    assert contract.versions.runtime == "6ebaf77156313aaeb5c9457c57b16c45b84ae7e8"
    assert contract.versions.isa == "cd4a3d3f7a1a27fcfe536f617e9bca3008929664"
    assert {each.space for each in contract.memory} == {"ub"}
    graph = package.record("contract/graph.json", Graph)
    assert [(each.kernel, [array.tag for array in each.arrays]) for each in graph.calls] == [
        ("copy", ["INPUT", "OUTPUT_EXISTING"])
    ]
    assert not graph.exact


@pytest.mark.parametrize("runtime", ["tensormap_and_ringbuffer", "host_build_graph"])
def test_empty_parts_never_reach_the_device(folder, runtime):
    """A routine that is given arrays without rows, or without columns, runs no task."""
    exe = loaded(published(TILES, folder, f"empty-{runtime}")[1], runtime)
    for shape in ((0, 5), (5, 0), (0, 0)):
        report = exe.report(np.ones(shape, "f4"), np.ones(shape, "f4"))
        assert (report.status, report.tasks) == ("ok", ())


def test_a_failed_check_is_the_users(folder):
    exe = loaded(
        published(
            """
        @routine
        def run(a: In[Tensor[f32, 4, 8, 8]], n: Scalar[i32], b: Out[Tensor[f32, 8, 8]]) -> None:
            copy(a[n, :, :], b)
    """,
            folder,
            "index",
        )[1]
    )
    a, b = np.arange(256, dtype="f4").reshape(4, 8, 8), np.empty((8, 8), "f4")
    exe(a, 2, b)
    np.testing.assert_array_equal(b, a[2])
    with pytest.raises(Refused) as caught:
        exe(a, 4, b)
    assert caught.value.code == "run.index-out-of-range"
    assert "4" in caught.value.diagnostic.message
    assert caught.value.diagnostic.span.file == "user.py"


def test_a_barrier_is_a_task_that_joins(folder):
    exe = loaded(
        published(
            """
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]], c: Out[Tensor[f32, 16, 32]]) -> None:
            open_tasks()
            for i in range(16):
                copy(a[i:i + 1, :], b[i:i + 1, :])
            barrier()
            copy(a, c)
            close_tasks()
    """,
            folder,
            "barrier",
        )[1]
    )
    a, b, c = np.ones((16, 32), "f4"), np.zeros((16, 32), "f4"), np.zeros((16, 32), "f4")
    report = exe.report(a, b, c)
    assert [each.kind for each in report.tasks[16:]] == ["dummy", "aiv"]
    assert {(each.from_, each.to) for each in report.edges} == {*((i, 16) for i in range(16)), (16, 17)}


def test_tasks_of_a_stream_and_behind_a_tag_are_in_order(folder):
    """Tasks that share nothing: two streams of two, one task in none, and one behind those that have tag 7."""
    tasks = [(1, 7), (2, 8), (1, 7), (2, 8), (-1, 8)]
    calls = [
        f"task(stream={stream}, tag={tag})\n            copy(a[{row}:{row + 1}, :], b[{row}:{row + 1}, :])"
        for row, (stream, tag) in enumerate(tasks)
    ]
    body = "\n            ".join([*calls, "task(after=(7,))", "copy(a[5:6, :], b[5:6, :])"])
    text = f"""
        @routine
        def run(a: In[Tensor[f32, 16, 32]], b: Out[Tensor[f32, 16, 32]]) -> None:
            open_tasks()
            {body}
            copy(a[6:16, :], b[6:16, :])
            close_tasks()
    """
    a, b = np.ones((16, 32), "f4"), np.zeros((16, 32), "f4")
    report = loaded(published(text, folder, "streams")[1]).report(a, b)
    assert {(each.from_, each.to, each.source) for each in report.edges} == {
        (0, 2, "explicit"), (1, 3, "explicit"), (2, 5, "explicit"),
    }  # fmt: skip
    np.testing.assert_array_equal(b, a)


def test_more_predecessors_than_the_runtime_takes_are_joined(folder):
    """100 writers of one array: its reader is told of them through tasks that do nothing, in both runtimes."""
    text = """
        @routine
        def run(a: In[Tensor[f32, 100, 8]], b: Out[Tensor[f32, 100, 8]], c: Out[Tensor[f32, 100, 8]]) -> None:
            for i in range(100):
                double(a[i:i + 1, :], b[i:i + 1, :])
            copy(b, c)
            double(a[0:1, :], b[0:1, :])
    """
    package = published(text, folder, "many")[1]
    a = np.arange(800, dtype="f4").reshape(100, 8)
    for runtime in ("tensormap_and_ringbuffer", "host_build_graph"):
        b, c = np.empty_like(a), np.empty_like(a)
        report = loaded(package, runtime).report(a, b, c)
        assert report.status == "ok"
        assert report.diagnostics == ()
        np.testing.assert_array_equal(c, 2 * a)
        fanin = {}
        for each in report.edges:
            fanin.setdefault(each.to, set()).add(each.from_)
        assert max(map(len, fanin.values())) <= 64
        assert sum(each.kind == "dummy" for each in report.tasks) == 3
