"""Networks in one task for a cluster: results against NumPy on the stand-in, slots, contract, and what is refused."""

import ast
import copy
import inspect
from pathlib import Path

import cluster_networks as nets
import numpy as np
import pytest
from pto_stages import run

import htp
from htp import Refused
from htp.compilation import captured, choose_plan
from htp.passes import run_step
from htp.session import current_session
from htp_backend_pto.checker import unordered
from htp_backend_pto.contract import Graph, Package
from htp_backend_pto.figures.records import Figures
from htp_backend_pto.lower.cluster.slots import slots_for

PIN = ("pto.cluster",)
cluster = nets.cluster


def compiled(definition, folder, **named):
    return htp.compile_program(definition, target="pto:a2a3sim", out=str(folder / "package"), pins=PIN, **named)


@pytest.mark.parametrize(("capacity", "last"), [(1, nets.epilogue), (4, nets.counted_epilogue)])
def test_products_and_what_becomes_of_them(tmp_path, capacity, last):
    """Whole blocks and tails; the receiver may count, or take tokens until the stream ends."""
    exe = htp.bind(compiled(nets.linear(capacity, last), tmp_path), mode="sim")
    for rows in (0, 1, 64, 67, 100, 700):  # of the last 3, one core has 2
        inputs = cluster.inputs(rows=rows)
        y = np.full((rows, 128), np.nan, "f4")
        report = exe.run(*inputs, y)
        assert np.abs(y - cluster.golden(*inputs)).max(initial=0) < cluster.TOLERANCE
        assert report.diagnostics == ()


def test_there_and_back_as_tasks_of_single_cores(tmp_path):
    """Without the pin: a step reads a channel that only a step behind it, of an earlier turn, has written."""
    exe = htp.bind(htp.compile_program(nets.attention, target="pto:a2a3sim", out=str(tmp_path / "package")), mode="sim")
    q, k, v = cluster.attention_inputs()
    out = np.full(q.shape, np.nan, "f4")
    assert exe.run(q, k, v, out).diagnostics == ()
    assert np.abs(out - cluster.attention_golden(q, k, v)).max() < cluster.ATTENTION_TOLERANCE


def test_there_and_back_in_a_loop_of_tasks(tmp_path):
    package = compiled(nets.attention, tmp_path)
    exe = htp.bind(package, mode="sim")
    for keys in (64, 320):
        q, k, v = cluster.attention_inputs(keys=keys)
        out = np.full(q.shape, np.nan, "f4")
        report = exe.run(q, k, v, out, trace=True)
        assert np.abs(out - cluster.attention_golden(q, k, v)).max() < cluster.ATTENTION_TOLERANCE
        assert [each.kernel for each in report.graph.tasks] == ["attend_mix"] * 2
    with pytest.raises(Refused) as caught:
        exe(*cluster.attention_inputs(keys=65), np.empty((2, 64, 64), "f4"))
    assert caught.value.code == "run.assertion-failed"


def test_tokens_at_the_beginning_are_pushed_first(tmp_path):
    exe = htp.bind(compiled(nets.delayed, tmp_path), mode="sim")
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((256, 64)).astype("f4"), rng.standard_normal((64, 64)).astype("f2")
    y = np.full((256, 64), np.nan, "f4")
    exe(x, w, y)
    halves = np.concatenate([np.zeros((64, 64)), (x[64:] * 0.5).astype("f2").astype("f8")])
    assert np.abs(y - halves @ w.astype("f8")).max() < 1e-4


def layer(M, K, N):
    """Arguments of a product with bias, and what it becomes."""
    rng = np.random.default_rng([M, K, N])
    a, b = (rng.standard_normal(shape).astype("f2") for shape in ((M, K), (K, N)))
    bias = rng.standard_normal(N).astype("f4")
    return (a, b, bias), cluster.golden(a, b, bias)


def test_a_call_says_how_large_tokens_are(tmp_path):
    exe = htp.bind(compiled(nets.pieces, tmp_path), mode="sim")
    for rows in (64, 130):
        inputs, expected = layer(rows, 256, 128)
        y = np.full(expected.shape, np.nan, "f4")
        report = exe.run(*inputs, y, trace=True)
        assert np.abs(y - expected).max() < cluster.TOLERANCE
        assert [each.kernel for each in report.graph.tasks] == ["piece_mix"] * -(-rows // 64)


def test_tails_along_columns_and_sums_of_nothing(tmp_path):
    exe = htp.bind(compiled(nets.by_blocks, tmp_path), mode="sim")
    for sizes in ((100, 200, 300), (65, 130, 129), (1, 1, 1), (0, 64, 128), (70, 0, 200)):
        inputs, expected = layer(*sizes)
        y = np.full(expected.shape, np.nan, "f4")
        report = exe.run(*inputs, y, trace=True)
        assert np.abs(y - expected).max(initial=0) < cluster.TOLERANCE
        assert report.diagnostics == ()
    assert {each.kernel for each in report.graph.tasks} == {"block_epilogue_zeros"}
    inputs, expected = layer(70, 40, 100)  # columns are no whole boxes of the cube core
    y = np.full(expected.shape, np.nan, "f4")
    htp.bind(compiled(nets.by_blocks, tmp_path, dims={"N": 100}), mode="sim")(*inputs, y)
    assert np.abs(y - expected).max() < cluster.TOLERANCE


def test_tokens_that_come_back_have_columns_that_only_a_size_says(tmp_path):
    """What is asserted of a token is checked before the task runs; that it has room in the channel is known."""
    exe = htp.bind(compiled(nets.narrow, tmp_path), mode="sim")
    rng = np.random.default_rng(0)
    for rows, columns in ((0, 96), (1, 96), (37, 33), (32, 128)):
        a, b, v = (rng.standard_normal(each).astype("f2") / 8 for each in ((rows, 64), (64, columns), (columns, 32)))
        y = np.full((rows, 32), np.nan, "f4")
        assert exe.run(a, b, v, y).diagnostics == ()
        weights = np.maximum(a.astype("f4") @ b.astype("f4"), 0).astype("f2")
        assert np.abs(y - weights.astype("f4") @ v.astype("f4")).max(initial=0) < cluster.TOLERANCE
    with pytest.raises(Refused) as caught:
        exe.run(np.zeros((16, 64), "f2"), np.zeros((64, 96), "f2"), np.zeros((95, 32), "f2"), np.zeros((16, 32), "f4"))
    assert caught.value.code == "run.assertion-failed"


def test_tokens_whose_rows_belong_together_are_computed_by_both_cores(tmp_path):
    """And sent by both, in slots that are wider than they are."""
    package = compiled(nets.joined_rows, tmp_path)
    exe = htp.bind(package, mode="sim")
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((128, 100)).astype("f4"), rng.standard_normal((100, 64)).astype("f2")
    y = np.full((128, 64), np.nan, "f4")
    assert exe.run(x, w, y).diagnostics == ()
    halves = np.concatenate([(each - each.max(axis=0)).astype("f2").astype("f8") for each in np.split(x, 2)])
    assert np.abs(y - halves @ w.astype("f8")).max() < 1e-4


def test_what_both_vector_cores_do_stands_in_the_report(tmp_path):
    def note(definition, **named):
        package = compiled(definition, tmp_path, **named)
        (found,) = (each.note for each in package.record("contract/figures.json", Figures).kernels if each.note)
        return found, package.read(f"codegen/pto/kernels/mix/{definition.__name__}_mix.cpp").decode()

    halves = "each of the two vector cores of a cluster takes half of the rows of every token"
    found, text = note(nets.attend)
    assert found == halves
    assert "htp::pop_part(scores, s, 32 * core, core);" in text
    assert "htp::push_part(weights, " in text
    found, text = note(nets.linear(2))
    assert found == halves
    assert "if (core < htp::min(64, M - i" in text
    found, text = note(nets.joined_rows)
    alone = "one of the two vector cores of a cluster does all that is stored, since in `"
    line = next(at for at, each in enumerate(inspect.getsource(nets).splitlines(), 1) if "tile.max(t, axis=0" in each)
    assert found == f"{alone}pto.colmax(t)` (line {line}): it takes rows together"
    assert "htp::push_part(halves, t3, 0, core);" in text
    assert note(nets.by_blocks)[0].endswith("rows of `y` are no multiple of 64 bytes")
    assert note(nets.by_blocks, dims={"N": 256})[0] == halves


def test_every_stage_gives_the_same():
    session = current_session()
    program = captured(nets.linear(2), session, {}, None)
    target = session.target("pto:a2a3sim")
    plan = choose_plan(program, target, session, pins=PIN, forbids=(), written=None, strict=False)
    inputs, seen = cluster.inputs(rows=150), False
    for step in plan.passes:
        program = run_step(step, program).program
        seen = seen or step.name in PIN
        if seen and step.name.startswith("pto."):
            y = run(program, *inputs, np.full((150, 128), np.nan, "f4"))[-1]
            assert np.abs(y - cluster.golden(*inputs)).max() < cluster.TOLERANCE, step.name
    assert seen


def lowered(definition):
    """The program behind the last pass."""
    session = current_session()
    program = captured(definition, session, {}, None)
    plan = choose_plan(
        program, session.target("pto:a2a3sim"), session, pins=PIN, forbids=(), written=None, strict=False
    )
    for step in plan.passes:
        program = run_step(step, program).program
    return program


@pytest.mark.parametrize(
    ("kernel", "flag", "late", "early"),
    [
        ("products", "wait_flag('M', 'FIX', ", "`send(out, t3)` on FIX does not wait for", "pto.matmul"),
        ("epilogue", "wait_flag('V', 'MTE2', ", "128)` on MTE2 does not wait for", "pto.colexpandadd"),
        ("epilogue", "wait_flag('MTE2', 'V', ", "pto.colexpandadd(t, t1)` on V does not wait for", "= token("),
    ],
)
def test_sends_and_receives_are_ordered_as_other_instructions(kernel, flag, late, early):
    body = lowered(nets.linear(2)).function(kernel).body
    assert unordered(body) == []

    class Removing(ast.NodeTransformer):
        def visit_Expr(self, node):
            return None if ast.unparse(node).startswith(flag) else node

    left = [Removing().visit(copy.deepcopy(each)) for each in body]
    found = unordered([each for each in left if each is not None])
    assert any(early in text.partition(late)[2] for text, _ in found), found


def test_tasks_are_what_networks_become_unless_it_is_pinned():
    for definition in (nets.linear(2), nets.attend):
        assert "pto.cluster" not in [each.name for each in htp.plan(definition, target="pto:a2a3sim").passes]
        pinned = [each.name for each in htp.plan(definition, target="pto:a2a3sim", pins=PIN).passes]
        assert "pto.cluster" in pinned
        assert "csp.tasks" not in pinned


def test_slots_hold_as_many_tokens_as_the_channel():
    """Sends that wait as pto-isa's do never find more than that many tokens unread when they are held up."""
    wanted = {1: 1, 2: 3, 3: 3, 4: 6, 5: 8, 6: 10, 7: 12, 9: 16}
    assert {each: slots_for(each) for each in wanted} == wanted
    for capacity in range(1, 10):
        assert held(slots_for(capacity)) >= capacity


def held(slots):
    """The fewest tokens in a ring at which its producer is held up: free slots are told in batches of a period."""
    period = slots if slots <= 2 else slots // 2
    found = []
    for popped in range(40):
        told, waited, pushed = popped // period, 0, 0
        while True:
            if pushed >= slots and pushed % period == 0:
                if waited == told:
                    break
                waited += 1
            pushed += 1
        found.append(pushed - popped)
    return min(found)


def test_the_package_has_one_kernel_for_both_units(tmp_path):
    package = compiled(nets.linear(2), tmp_path, dims={"M": 200})
    contract = package.record("contract/pto.json", Package)
    (kernel,) = contract.kernels
    assert (kernel.core, kernel.file) == ("mix", "codegen/pto/kernels/mix/linear_mix.cpp")
    assert kernel.parts == ((0, "aic"), (1, "aiv"))
    assert [each.name for each in kernel.tensors] == ["a", "b", "bias", "y", "sums_slots"]
    assert kernel.tensors[-1].dims == (3 * 64, 128)
    text = package.read(kernel.file).decode()
    assert "using sums_pipe = TPipe<0, Direction::DIR_C2V, 32768, 3, 1>;" in text
    assert {each.space for each in contract.memory} == {"ub", "l1", "l0a", "l0b", "l0c"}
    graph = package.record("contract/graph.json", Graph)
    assert [each.kernel for each in graph.tasks] == ["linear_mix"]
    assert "rt_submit_task(MixedKernels{kernel_linear_mix," in package.read(contract.orchestration).decode()


@pytest.mark.parametrize(
    ("definition", "code", "line"),
    [
        (nets.linear(0), "pto.tpipe-slots", "sums = Channel[Block](capacity=capacity)"),
        (nets.linear(10), "pto.tpipe-slots", "sums = Channel[Block](capacity=capacity)"),
        (nets.no_products, "pto.no-cluster", ""),
        (nets.scaled, "pto.no-cluster", "out.send((a[i : i + 64, :] @ b) * 2.0)"),
        (nets.some, "pto.no-cluster", "if tile.item(chosen[i]) > 0.0:"),
        (nets.selected, "pto.no-cluster", "while (found := select([one, other])) is not EOS:"),
        (nets.asserting, "pto.no-cluster", "assert i < 1024"),
        (nets.by_number, "pto.no-cluster", "y[i : i + 64, :] = ends[i // 64 % 2].recv()"),
        (nets.tried, "pto.no-cluster", "if inp.peek() is not EOS:"),
    ],
)
def test_what_no_cluster_does_is_refused_at_its_line(tmp_path, definition, code, line):
    with pytest.raises(Refused) as caught:
        compiled(definition, tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert line in Path(inspect.getfile(nets)).read_text().splitlines()[found.span.line - 1]
    assert found.help
