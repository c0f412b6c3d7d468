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
from htp_backend_pto.lower.cluster.slots import slots_for

PIN = ("pto.cluster",)


def compiled(definition, folder, **named):
    return htp.compile_program(definition, target="pto:a2a3sim", out=str(folder / "package"), pins=PIN, **named)


def linear_inputs(rows, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((rows, 256)).astype("f2"), rng.standard_normal((256, 128)).astype("f2")
    return a, b, rng.standard_normal(128).astype("f4")


def linear_golden(a, b, bias):
    return np.maximum(a.astype("f8") @ b.astype("f8") + bias, 0)


def attention_inputs(heads, keys):
    rng = np.random.default_rng(keys)
    return [rng.standard_normal((heads, rows, 64)).astype("f2") for rows in (64, keys, keys)]


def attention_golden(q, k, v):
    scores = q.astype("f8") @ k.astype("f8").swapaxes(1, 2) * 0.125
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True) @ v.astype("f8")


@pytest.mark.parametrize(("capacity", "last"), [(1, nets.epilogue), (4, nets.counted_epilogue)])
def test_products_and_what_becomes_of_them(tmp_path, capacity, last):
    """Whole blocks and tails; the receiver may count, or take tokens until the stream ends."""
    exe = htp.bind(compiled(nets.linear(capacity, last), tmp_path), mode="sim")
    for rows in (0, 1, 64, 100, 700):
        inputs = linear_inputs(rows)
        y = np.full((rows, 128), np.nan, "f4")
        report = exe.run(*inputs, y)
        assert np.abs(y - linear_golden(*inputs)).max(initial=0) < 1e-4
        assert report.diagnostics == ()


def test_there_and_back_in_a_loop_of_tasks(tmp_path):
    package = compiled(nets.attention, tmp_path)
    exe = htp.bind(package, mode="sim")
    for keys in (64, 320):
        q, k, v = attention_inputs(2, keys)
        out = np.full(q.shape, np.nan, "f4")
        report = exe.run(q, k, v, out, trace=True)
        assert np.abs(out - attention_golden(q, k, v)).max() < 6e-4
        assert [each.kernel for each in report.graph.tasks] == ["attend_mix"] * 2
    with pytest.raises(Refused) as caught:
        exe(*attention_inputs(2, 65), np.empty((2, 64, 64), "f4"))
    assert caught.value.code == "run.assertion-failed"


def test_tokens_at_the_beginning_are_pushed_first(tmp_path):
    exe = htp.bind(compiled(nets.delayed, tmp_path), mode="sim")
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((256, 64)).astype("f4"), rng.standard_normal((64, 64)).astype("f2")
    y = np.full((256, 64), np.nan, "f4")
    exe(x, w, y)
    halves = np.concatenate([np.zeros((64, 64)), (x[64:] * 0.5).astype("f2").astype("f8")])
    assert np.abs(y - halves @ w.astype("f8")).max() < 1e-4


def test_every_stage_gives_the_same():
    session = current_session()
    program = captured(nets.linear(2), session, {}, None)
    target = session.target("pto:a2a3sim")
    plan = choose_plan(program, target, session, pins=PIN, forbids=(), written=None, strict=False)
    inputs, seen = linear_inputs(150), False
    for step in plan.passes:
        program = run_step(step, program).program
        seen = seen or step.name in PIN
        if seen and step.name.startswith("pto."):
            y = run(program, *inputs, np.full((150, 128), np.nan, "f4"))[-1]
            assert np.abs(y - linear_golden(*inputs)).max() < 1e-4, step.name
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
