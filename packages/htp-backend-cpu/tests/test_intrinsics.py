"""Intrinsics with handlers: what they compute, how they are lowered, and how broken handlers are refused."""

import ast
import sys
import types

import numpy as np
import pytest
from htp_trial import trial
from htp_trial.plugin import NAMES
from lowered import HEAD

import htp
from htp import In, InOut, Out, Refused, Scalar, Tensor, f16, f32, i32, kernel, tile
from htp.capture import parse_program
from htp.plugins import Found, discover
from htp.session import Session, use_session
from htp_backend_cpu.lower.loops import LowerToLoops
from htp_backend_cpu.lower.parallel import Parallelize
from htp_backend_cpu.lower.vectorize import Vectorize

REQUIRES = ("htp-core>=0.1,<1",)


def session_of(*modules):
    """The installed plugins and those in modules, as installed distributions would bring them."""
    names = [each.partition("_")[2].partition(".")[0] for each in modules]
    brought = [
        Found(name, module, f"htp-{name}", "0.1.0", REQUIRES) for name, module in zip(names, modules, strict=True)
    ]
    session = Session([*discover(), *brought]).start()
    assert not session.quarantined
    return session


@pytest.fixture(scope="module")
def session():
    with use_session(session_of("htp_trial.plugin")) as found:
        yield found


@pytest.fixture(scope="module")
def compiled(session, tmp_path_factory):
    """Compiles a kernel once: its package and what calls it."""
    known = {}

    def compile_once(definition):
        if definition not in known:
            package = htp.compile_program(definition, target="cpu", out=tmp_path_factory.mktemp("package") / "p")
            known[definition] = package, htp.bind(package)
        return known[definition]

    return compile_once


def source(package):
    """The emitted C++."""
    (file,) = (each.path for each in package.files if each.path.endswith(f"{package.manifest.entry}.cpp"))
    return package.read(file).decode()


def poisoned(shape, dtype):
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[:] = 0xA5
    return array


# programs ----------------------------------------------------------------------------------------------------------


@kernel
def peaks(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """A slice of a parameter, a computed tile, and the result used in elementwise code and a reduction."""
    for i in range(0, x.shape[0], 4):
        top = trial.rowmax(x[i : i + 4, :])
        low = trial.rowmax(-x[i : i + 4, :])
        span = tile.sum(top + low, axis=0, keepdims=True)
        y[i : i + 4, :] = (x[i : i + 4, :] - top) * span


def peaks_in_numpy(x):
    y = np.empty_like(x)
    for i in range(0, len(x), 4):
        part = x[i : i + 4].astype(np.float64)
        top, low = part.max(axis=1, keepdims=True), (-part).max(axis=1, keepdims=True)
        y[i : i + 4] = (part - top) * (top + low).sum()
    return y


@kernel
def columns(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "N", "M"]]) -> None:
    """Strided operands and results: a transposed slice, columns, and a result stored where it belongs."""
    for j in range(0, x.shape[1], 8):
        y[j : j + 8, :] = trial.doubled(trial.doubled(x[:, j : j + 8].T))


@kernel
def lines(x: In[Tensor[f32, "M", "N"]], a: Scalar[f32], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Scalars and attributes; each row is cut out of a matrix."""
    for i in range(x.shape[0]):
        if i % 2 == 0:
            y[i, :] = trial.scaled(x[i, :], a * 2.0, flip=True)
        else:
            y[i, :] = trial.scaled(x[i, :], 3, bias=-1.25) + trial.scaled(x[i, :], a)


@kernel
def halves(
    x: In[Tensor[f16, "N"]],
    k: In[Tensor[i32, "M", "K"]],
    y: Out[Tensor[f16, "N"]],
    z: Out[Tensor[i32, "M", 1]],
) -> None:
    """Other dtypes through the same intrinsics."""
    y[:] = trial.scaled(x[:], 3.0) + x[:]
    z[:, :] = trial.rowmax(k[:, :] * 2) + 1


@kernel
def broadcast(v: In[Tensor[f32, "N"]], x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """A row that is broadcast over the rows of the operand."""
    y[:, :] = trial.doubled(tile.broadcast_to(v[:], x.shape)) + trial.doubled(x[:, :] + v[:])


@kernel
def ordered(x: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]]) -> None:
    """Scratch memory, and operands that overlap the target: what is read is the old value."""
    y[:, :] = trial.ranked(y[:, :] + x[:, :])
    y[:, :] = trial.ranked(y[:, :])


@kernel
def nearest(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "N", "K"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Two tiles of different shapes, whose tails differ."""
    for i in range(0, a.shape[0], 16):
        for j in range(0, b.shape[0], 8):
            y[i : i + 16, j : j + 8] = trial.reach(a[i : i + 16, :], b[j : j + 8, :])


@kernel
def centred(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], z: Out[Tensor[f32, "M"]]) -> None:
    """Tiles without axes as results and operands."""
    for i in range(x.shape[0]):
        s = trial.total(x[i, :]) / x.shape[1]
        y[i, :] = trial.behind(s, x[i, :])
        z[i] = trial.total(y[i, :] * y[i, :])


@kernel
def rolling(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N - 2"]], z: Out[Tensor[f32, "N - 3"]]) -> None:
    """A result whose size depends on an attribute."""
    y[:] = trial.windows(x[:], size=3)
    z[:] = trial.windows(x[:] * x[:], size=4)


@kernel
def carried(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """A tile that a loop carries through an intrinsic, and one that a branch may replace."""
    t = tile.zeros(x.shape, f32)
    for k in range(5):
        t = trial.squashed(trial.squashed(t + x[:, :], how="hard"))
        t = trial.doubled(t)
        if k == 3:
            t = trial.squashed(t * 4.0, how="hard")
    y[:, :] = t


@kernel
def counts(k: In[Tensor[i32, "M", "N"]], y: Out[Tensor[i32, "M", "N"]]) -> None:
    """Integers as numbers, in a branch that asks for a result."""
    for i in range(k.shape[0]):
        if tile.item(trial.rowmax(k[i : i + 1, :])) > 0:
            y[i, :] = trial.scaled(k[i, :], i + 1, bias=2.0)
        else:
            y[i, :] = 0


@kernel
def tops(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """The largest of every row, in every column."""
    y[:, :] = tile.broadcast_to(trial.rowmax(x[:, :]), x.shape)


@kernel
def counted(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """An intrinsic without a body that targets may use instead."""
    y[:] = trial.opaque(x[:] + 1.0)


def rolled(x, size):
    return np.lib.stride_tricks.sliding_window_view(x, size).sum(axis=1)


def carried_in_numpy(x):
    t = np.zeros_like(x, dtype=np.float64)
    for k in range(5):
        t = 2 * np.tanh(np.clip(t + x, -1, 1))
        if k == 3:
            t = np.clip(4 * t, -1, 1)
    return t


def scaled_lines(x, a):
    y = np.empty_like(x)
    y[::2] = x[::2, ::-1] * (a * 2) + 0.5
    y[1::2] = (x[1::2] * 3 - 1.25) + (x[1::2] * a + 0.5)
    return y


def sizes(*each):
    """Shapes of the inputs, round by round."""
    return [tuple(shape if isinstance(shape, tuple) else (shape,) for shape in shapes) for shapes in each]


MATRICES = sizes(((10, 7),), ((4, 16),), ((1, 1),), ((9, 33),))
CASES = {
    "peaks": (peaks, MATRICES, lambda x: [peaks_in_numpy(x)]),
    "columns": (columns, [*MATRICES, ((0, 5),), ((5, 0),)], lambda x: [4 * x.T]),
    "lines": (lines, [*MATRICES, ((0, 5),), ((5, 0),)], lambda x: [scaled_lines(x, 1.5)]),
    "broadcast": (
        broadcast,
        sizes((7, (10, 7)), (1, (3, 1)), (16, (0, 16)), (40, (2, 40))),
        lambda v, x: [2 * v + 2 * (x + v)],
    ),
    "nearest": (
        nearest,
        sizes(((20, 5), (11, 5)), ((1, 1), (1, 1)), ((0, 3), (4, 3)), ((33, 17), (8, 17))),
        lambda a, b: [(a[:, None] + b[None]).max(axis=2)],
    ),
    "centred": (
        centred,
        [*MATRICES, ((0, 5),), ((700, 64),)],
        lambda x: [x - x.mean(axis=1, keepdims=True), ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)],
    ),
    "rolling": (rolling, sizes((4,), (17,), (50,)), lambda x: [rolled(x, 3), rolled(x * x, 4)]),
    "carried": (carried, [*MATRICES, ((0, 5),), ((5, 0),)], lambda x: [carried_in_numpy(x)]),
    "counted": (counted, sizes((0,), (1,), (40,)), lambda x: [x + 1]),
}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def rounds(name, rng):
    definition, shapes, expected = CASES[name]
    for each in shapes:
        given = [rng.normal(size=shape).astype(np.float32) for shape in each]
        wanted = expected(*(array.astype(np.float64) for array in given))
        scalars = [1.5] if name == "lines" else []
        outputs = [poisoned(array.shape, np.float32) for array in wanted]
        yield definition, [*given, *scalars], outputs, wanted


@pytest.mark.parametrize("name", CASES)
def test_native_code_gives_what_numpy_gives(name, compiled, rng):
    for definition, given, outputs, wanted in rounds(name, rng):
        compiled(definition)[1](*given, *outputs)
        for found, array in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(found, array, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_every_stage_runs_and_keeps_the_meaning(name, compiled, rng):
    package, _ = compiled(CASES[name][0])
    for stage in package.stages:
        entry = entry_of(package, stage)
        for _, given, outputs, wanted in rounds(name, rng):
            entry(*given, *outputs)
            for found, array in zip(outputs, wanted, strict=True):
                np.testing.assert_allclose(found, array, rtol=2e-5, atol=2e-5, err_msg=stage.id)


def entry_of(package, stage):
    """The entry of a stage, made from its text."""
    names = {"__name__": "stage"}
    text = package.read(stage.program).decode()
    exec(compile(text, stage.program, "exec", dont_inherit=True), names)
    return names[package.manifest.entry]


def test_other_dtypes_round_as_numpy_does(compiled, rng):
    x, k = rng.normal(size=21).astype(np.float16), rng.integers(-(2**31), 2**31, (5, 9)).astype(np.int32)
    results = []
    for call in (compiled(halves)[1], halves):
        y, z = poisoned(21, np.float16), poisoned((5, 1), np.int32)
        call(x, k, y, z)
        np.testing.assert_array_equal(y, (x * np.float16(3) + np.float16(0.5)) + x)
        np.testing.assert_array_equal(z, (k * np.int32(2)).max(axis=1, keepdims=True) + np.int32(1))
        results.append(y)
    np.testing.assert_array_equal(*results)


@kernel
def ramps(n: Scalar[i32], x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[i32, "N"]]) -> None:
    N = x.shape[0]
    y[:] = trial.ramp(2.5, N, dtype=f32) + x
    z[:] = trial.ramp(n, N, dtype=i32)


def test_dtypes_and_sizes_that_are_arguments(compiled):
    for size in (0, 1, 21):
        x, y, z = np.ones(size, np.float32), np.zeros(size, np.float32), np.zeros(size, np.int32)
        compiled(ramps)[1](7, x, y, z)
        np.testing.assert_array_equal(y, np.arange(size) + np.float32(3.5))
        np.testing.assert_array_equal(z, np.arange(size) + 7)
    assert "trial.ramp(dtype=i32)" in source(compiled(ramps)[0])


def test_integers_and_branches(compiled, rng):
    k = rng.integers(-9, 4, (12, 5)).astype(np.int32)
    y = poisoned(k.shape, np.int32)
    compiled(counts)[1](k, y)
    scaled = k * np.arange(1, 13)[:, None] + 2
    np.testing.assert_array_equal(y, np.where(k.max(axis=1, keepdims=True) > 0, scaled, 0))


def test_what_is_overwritten_is_read_before(compiled, rng):
    x, y = rng.normal(size=(6, 19)).astype(np.float32), rng.normal(size=(6, 19)).astype(np.float32)
    expected = np.sort(x + y, axis=1)
    compiled(ordered)[1](x, y)
    np.testing.assert_array_equal(y, expected)


def test_extreme_values_pass_through(compiled):
    x = np.array([[np.nan, 1, 2], [-np.inf, -np.inf, -np.inf], [np.inf, 3, -0.0], [3e38, -3e38, 1e-45]], np.float32)
    y = poisoned(x.shape, np.float32)
    compiled(tops)[1](x, y)
    np.testing.assert_array_equal(y, np.broadcast_to(x.max(axis=1, keepdims=True), x.shape))


def test_stage_texts_are_the_programs_they_came_from(compiled):
    package, _ = compiled(lines)
    for stage in package.stages:
        program = parse_program(package.read(stage.program).decode(), stage.program)
        again = parse_program(program.text(), stage.program)
        assert again.canonical == program.canonical
        assert "trial.scaled(" in program.text()


# lowering ----------------------------------------------------------------------------------------------------------


SIGNATURE = """def f(a: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    M = a.shape[0]
    N = a.shape[1]
"""


def lowered(text, *passes):
    """The body of a program with the trial set behind the passes."""
    head = HEAD.replace("\n\n\n@", "\nfrom htp_trial import trial\n\n\n@")
    program = parse_program(head + SIGNATURE + text, "user.py")
    for each in passes:
        program = each.apply(program)
    return ast.unparse(ast.Module(list(program.main.body[2:]), []))


def test_calls_take_slices_as_large_as_the_values(session):
    before = """    for i in range(0, M, 4):
        t1: Tile[f32, 'min(4, M - i)', 'N'] = a[i:i + min(4, M - i), :]
        t2: Tile[f32, 'min(4, M - i)', 1] = trial.rowmax(t1)
        t3: Tile[f32, 'min(4, M - i)', 'N'] = t1 - t2
        t4: Tile[f32, 'min(4, M - i)', 'N'] = trial.doubled(t3)
        y[i:i + min(4, M - i), :] = t4
"""
    expected = """for i in parallel(range(0, M, 4)):
    t2: Tile[f32, 4, 1] = alloc((4, 1), f32, space='stack')
    t3: Tile[f32, 4, 'N'] = alloc((4, N), f32, space='scratch')
    t2[:min(4, M - i), :1] = trial.rowmax(a[i:min(M, i + 4), :N])
    for r in range(min(4, M - i)):
        for c in range(N):
            t3[r, c] = a[i + r, c] - t2[r, 0]
    y[i:min(M, i + 4), :N] = trial.doubled(t3[:min(4, M - i), :N])"""
    assert lowered(before, Parallelize(), LowerToLoops()) == expected


def test_a_loop_over_calls_is_not_run_in_lanes(session):
    before = """    for i in range(M):
        t1: Tile[f32, 'N'] = a[i, :]
        t2: Tile[f32] = trial.total(t1)
        y[i, 0] = t2
"""
    expected = """for i in range(M):
    p: i64 = checked(0, N, 'user.py:13')
    y[i, p] = trial.total(a[i, :N])"""
    assert lowered(before, LowerToLoops(), Vectorize()) == expected


def test_a_single_element_lies_in_memory(session):
    before = """    t1: Tile[f32, 1, 1] = tile.full((1, 1), 0.5, f32)
    t2: Tile[f32, 1, 1] = tile.exp(t1)
    t3: Tile[f32, 1, 1] = trial.doubled(t2)
    t4: Tile[f32, 'M', 'N'] = tile.broadcast_to(t3, (M, N))
    y[:, :] = t4
"""
    text = lowered(before, LowerToLoops())
    assert "t2[0, 0] = t2_value" in text
    assert "t3[:1, :1] = trial.doubled(t2[:1, :1])" in text
    assert "= t3[0, 0]" in text


EFFECTS = """    for i in range(M):
        t1: Tile[f32, 'N'] = a[i, :]
        t2: Tile[f32, 'N'] = trial.{name}(t1)
        y[i, :] = t1
"""


def test_intrinsics_with_effects_stay_and_keep_their_order(session):
    text = lowered(EFFECTS.format(name="noted"), Parallelize(), LowerToLoops())
    assert "trial.noted(a[i, :N])" in text
    assert "for i in range(M)" in text
    text = lowered(EFFECTS.format(name="opaque"), Parallelize(), LowerToLoops())
    assert "trial.opaque" not in text
    assert "for i in parallel(range(M))" in text


def test_a_value_read_before_a_store_is_copied(session):
    before = """    t1: Tile[f32, 'M', 'N'] = y[:, :]
    t2: Tile[f32, 'M', 'N'] = a[:, :]
    y[:, :] = t2
    t3: Tile[f32, 'M', 'N'] = trial.doubled(t1)
    y[:, :] = t3
"""
    text = lowered(before, LowerToLoops())
    assert "trial.doubled(t1[:M, :N])" in text
    assert text.index("t1[r, c] = y[r, c]") < text.index("y[r, c] = a[r, c]")


# emission ----------------------------------------------------------------------------------------------------------


def test_equal_forms_share_a_function_and_others_do_not(compiled):
    text = source(compiled(lines)[0])
    assert text.count("void trial_scaled") == 3
    text = source(compiled(columns)[0])
    assert text.count("void trial_doubled") == 1
    assert text.count("handlers::trial_doubled(ctx") == 2
    assert text.count("inline T twice(") == 1


def test_helpers_stand_in_front_and_includes_at_the_top(compiled):
    lines_ = source(compiled(carried)[0]).splitlines()
    assert lines_[1:3] == ['#include "htp_regions.hpp"', "#include <cmath>"]
    assert lines_.count("// std::tanh, or a clip.") == 1
    assert lines_.index("// std::tanh, or a clip.") < lines_.index("    const f32* const x = x_region.data;")


def test_the_source_map_names_the_handler_of_a_line(compiled):
    import msgspec

    package, _ = compiled(counted)
    rows = msgspec.json.decode(package.read("contract/source_map.json"))["lines"]
    found = [each for each in rows if each["handler"]]
    assert {each["handler"] for each in found} == {"trial.opaque (htp-trial 0.1.0)"}
    assert {each["function"] for each in found} == {"handlers::trial_opaque"}
    assert all(each["origin"].startswith("test_intrinsics.py:") for each in found)


# broken handlers ---------------------------------------------------------------------------------------------------


SETS = """from htp.declarations import IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1


@hookimpl
def htp_intrinsics():
    return (IntrinsicSet("trial", "htp_trial.trial", {names}, opaque=("opaque",), bridges=("htp-wrong",)),)
"""
HANDLERS = """from htp.declarations import HandlerSet
from htp.hooks import hookimpl

HTP_API = 1


@hookimpl
def htp_handlers():
    return (HandlerSet("cpu", "wrong_handlers", ("trial.doubled",)),)
"""
EMITS = """from htp.intrinsics import emits
from htp_trial import trial


@emits(trial.doubled, backend="cpu")
def _(cx, dst, x):
    (m, n), (i, j), (a, b) = cx.dims(x), cx.strides(x), cx.strides(dst)
    for_all = f"for (i64 r = 0; r < {m}; ++r) for (i64 c = 0; c < {n}; ++c)"
    element = f"{x}[r * {i} + c * {j}]"
    target = f"{dst}[r * {a} + c * {b}]"
"""


@pytest.fixture
def with_handler(monkeypatch):
    """A session in which `trial.doubled` has the handler whose last statements are given."""

    def made(statements):
        handler = EMITS + "".join(f"    {line}\n" for line in statements.splitlines())
        texts = {"htp_sets": SETS.format(names=NAMES), "htp_wrong": HANDLERS, "wrong_handlers": handler}
        for name, text in texts.items():
            module = types.ModuleType(name)
            exec(compile(text, f"<{name}>", "exec"), module.__dict__)
            monkeypatch.setitem(sys.modules, name, module)
        return session_of("htp_sets", "htp_wrong")

    return made


@kernel
def twice(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Two calls of one intrinsic."""
    t = x[:, :] - 1.0
    y[:, :] = trial.doubled(trial.doubled(t))


LINE = twice.python.__code__.co_firstlineno + 4


def test_the_result_is_what_the_handler_computes(with_handler, tmp_path):
    with use_session(with_handler("return f'{for_all} {target} = {element} + {element} + 1;'")):
        package = htp.compile_program(twice, target="cpu", out=tmp_path / "p")
        x, y = np.array([[1.0, 2.0, 3.0]], np.float32), np.zeros((1, 3), np.float32)
        htp.bind(package)(x, y)
    np.testing.assert_array_equal(y, [[3.0, 7.0, 11.0]])
    assert "+ 1;" in source(package)


FAILING = {
    "raises": ("1 / 0", "raised ZeroDivisionError: division by zero"),
    "is_silent": ("pass", "gave NoneType, not text"),
    "says_nothing": ("return '  '", "gave empty text"),
    "leaves_a_brace_open": ("return f'{for_all} {{ {target} = 1;'", "gave text whose braces do not match"),
    "closes_its_function": ("return '} void other() {'", "gave text whose braces do not match"),
    "helper_is_no_text": ("cx.helper(3)\nreturn ';'", "gave int, not text"),
    "helper_without_end": ("cx.helper('namespace more {')\nreturn 'more();'", "gave text whose braces do not match"),
    "asks_for_another_tile": (
        "cx.dims('z')",
        "raised LookupError: `z` is no tile of this call; its tiles are `dst`, `x`",
    ),
    "asks_for_another_attribute": (
        "return cx.attribute('how')",
        "raised LookupError: the intrinsic has no attribute `how`",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_handler_that_fails_is_refused(name, with_handler, tmp_path):
    statement, problem = FAILING[name]
    with use_session(with_handler(statement)), pytest.raises(Refused) as found:
        htp.compile_program(twice, target="cpu", out=tmp_path / "p")
    diagnostic = found.value.diagnostic
    assert (diagnostic.code, diagnostic.message) == (
        "cpu.bad-handler",
        f"the handler of `trial.doubled` for the CPU {problem}",
    )
    assert diagnostic.span.line == LINE
    assert diagnostic.labels[0].text == "the handler, of htp-wrong 0.1.0"
    assert diagnostic.help[1] == "HTP_DISABLE_PLUGINS=htp-wrong compiles what `trial.doubled` means"


def test_without_its_plugin_the_meaning_is_compiled(with_handler, monkeypatch, tmp_path):
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "htp-wrong")
    with use_session(with_handler("1 / 0")):
        package = htp.compile_program(twice, target="cpu", out=tmp_path / "p")
        x, y = np.array([[1.0, 2.0, 3.0]], np.float32), np.zeros((1, 3), np.float32)
        htp.bind(package)(x, y)
    np.testing.assert_array_equal(y, [[0.0, 4.0, 8.0]])
    assert "handlers::" not in source(package)


UNCOMPILABLE = {
    "unknown_name": "return 'no_such_name(dst);'",
    "wrong_types": "return 'x = dst; sort_row(dst, 3);'",
    "bad_helper": "cx.helper('inline int oops( {{ return 1; }}')\nreturn f'{for_all} {target} = 1;'",
    "missing_header": "cx.helper('#include <no/such/header>')\nreturn f'{for_all} {target} = 1;'",
}


@pytest.mark.parametrize("name", UNCOMPILABLE)
def test_text_that_does_not_compile_is_blamed_on_its_handler(name, with_handler, tmp_path):
    with use_session(with_handler(UNCOMPILABLE[name])):
        package = htp.compile_program(twice, target="cpu", out=tmp_path / "p")
        with pytest.raises(Refused) as found:
            htp.bind(package)
    diagnostic = found.value.diagnostic
    assert diagnostic.code == "cpu.bad-handler"
    assert diagnostic.message == (
        "the handler of trial.doubled (htp-wrong 0.1.0) for the CPU wrote C++ that does not compile"
    )
    assert diagnostic.span.place.startswith(f"test_intrinsics.py:{LINE}:")
    assert diagnostic.notes[1].startswith("twice.cpp:")
    assert (package.path / "logs" / "build.txt").exists()
