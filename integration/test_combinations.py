"""Every combination that cannot work is refused with its code, at the user's line, and its mended form is accepted."""

from __future__ import annotations

import importlib.metadata
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from combinations import COMBINATIONS, CPU

import htp
from htp.artifact.manifest import Contract
from htp.artifact.publish import publish_package
from htp.cli import main
from htp.diagnostics import Refused, render
from htp.layout import Envelope, open_envelope
from htp.plugins import Found, discover
from htp.session import Session, current_session, use_session
from htp.tools.load import load_definition, load_module

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "from htp import In, InOut, Out, Tensor, f16, f32, f64, kernel, tile\n"
PLUGIN = """
from htp.capabilities import Captured, DialectUse, DTypeUse, Inlined, Loops, Normalized, OpUse, Simplified, Typed
from htp.capabilities import Vectorized
from htp.declarations import Backend, Dialect, Lazy, Variant
from htp.hooks import hookimpl
from htp.passes import Pass

HTP_API = 1
"""

@dataclass(frozen=True)
class Case:
    """A refused combination and its mended form; `says` stands in the refusal, `line` is the user's line it shows."""

    code: str
    wrong: Callable[[Path], object]
    right: Callable[[Path], object]
    says: tuple[str, ...]
    line: str = ""


def source(text: str, *, target: str = "cpu", **options: object) -> Callable[[Path], object]:
    """Compiles the kernel `f` of a file with this text."""

    def compile_it(folder: Path) -> object:
        path = folder / "user.py"
        path.write_text(HEAD + textwrap.dedent(text))
        return htp.compile_program(load_definition(f"{path}:f"), target=target, out=folder / "package", **options)

    return compile_it


def scheduled(text: str, *, target: str = "cpu") -> Callable[[Path], object]:
    """Compiles the workload `f` of a file with this text, with its schedule `s` if it has one."""

    def compile_it(folder: Path) -> object:
        path = folder / "user.py"
        path.write_text(HEAD + "from htp_dialect_wsp import P, schedule, workload\n" + textwrap.dedent(text))
        module = load_module(path)
        schedule = getattr(module, "s", None)
        return htp.compile_program(module.f, schedule=schedule, target=target, out=folder / "package")

    return compile_it


def uninstalled(name: str, action: Callable[[Path], object]) -> Callable[[Path], object]:
    """Does something as if a plugin were not installed, whose module is that of the distribution."""

    def act(folder: Path) -> object:
        # The session of all other tests reads its pages now, or it would find the module gone.
        assert current_session().codes
        found = {each.name: each for each in discover()}
        module = found.pop(name).value.partition(".")[0]
        with pytest.MonkeyPatch.context() as patch, use_session(Session(found.values())):
            patch.setitem(sys.modules, module, None)
            return action(folder)

    return act


def plugin(folder: Path, name: str, body: str) -> Found:
    """A plugin in a module of its own, as its entry point announces it."""
    module = f"combination_{folder.name.replace('-', '_')}_{name}"
    (folder / f"{module}.py").write_text(PLUGIN + textwrap.dedent(body))
    sys.path.insert(0, str(folder))
    return Found(name, module, f"htp-{name}", "0.1.0", ("htp-core>=0.1,<1",))


def among(action: Callable[[Path], object], **bodies: str) -> Callable[[Path], object]:
    """Does something in a session in which these plugins are installed too."""

    def act(folder: Path) -> object:
        with use_session(Session([*discover(), *(plugin(folder, name, body) for name, body in bodies.items())])):
            return action(folder)

    return act


def loaded(name: str, **bodies: str) -> Callable[[Path], object]:
    """Loads plugins and refuses what plugin `name` was put in quarantine for."""

    def load(folder: Path) -> object:
        found = [plugin(folder, each, body) for each, body in bodies.items()]
        state = {each.name: each for each in Session([*discover(), *found]).plugins}[name]
        if state.problem is not None:
            raise Refused.of(state.problem)
        return state

    return load


def copy_with(**changes: object) -> Callable[[Path], object]:
    """Seals a package again with another manifest, and binds it."""

    def act(folder: Path) -> object:
        package = source(COPY)(folder)
        files = {each.path: (package.path / each.path).read_bytes() for each in package.manifest.files}
        manifest = msgspec.structs.replace(package.manifest, **changes)
        return htp.bind(publish_package(folder / "other", files, manifest))

    return act


def tampered(append: bytes) -> Callable[[Path], object]:
    """Appends bytes to a source file of a package, and binds it."""

    def act(folder: Path) -> object:
        package = source(COPY)(folder)
        path = next((package.path / "codegen" / "cpu").glob("*.cpp"))
        path.write_bytes(path.read_bytes() + append)
        return htp.bind(package.path)

    return act


def without_compiler(mode: str | None) -> Callable[[Path], object]:
    """Compiles, then binds where `HTP_CXX` names no compiler; with no mode, looks at the package only."""

    def act(folder: Path) -> object:
        package = source(COPY)(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTP_CXX", "no-such-compiler")
            patch.setenv("HTP_CACHE_DIR", str(folder / "cache"))
            return htp.bind(package, mode=mode) if mode else package.stage_text(package.stages[-1].id)

    return act


COPY = """
@kernel
def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:]
"""
WITHOUT_F64 = """
def model():
    from htp.targets import Model
    return Model(name="small")

def emit(program, target):
    from htp.declarations import Emission
    return Emission((("codegen/small/program.txt", program.text().encode()),), "small.package/1")

@hookimpl
def htp_backends():
    variants = (Variant("", Lazy(f"{__name__}:model")),)
    accepts = (DialectUse("tile"), OpUse("*"), DTypeUse("f32"))
    return (Backend("small", (Typed(),), accepts, variants, "small.package/1", Lazy(f"{__name__}:emit")),)
"""
DESTROYS = """
class Flatten(Pass):
    '''Unrolls what has been vectorized; nothing that was known of its loops holds any longer.'''
    name = "flatten.all"
    requires = (Vectorized(),)
    invalidates = (Captured(), Inlined(), Typed(), Normalized(), Simplified(), Loops())

@hookimpl
def htp_passes():
    return (Flatten(),)
"""
HALO = """
@hookimpl
def htp_dialects():
    return (Dialect("halo"),)
"""

RACE = """
    @kernel
    def add(x: In[Tensor[f32, 8]], total: InOut[Tensor[f32, 8]]) -> None:
        total[:] = total[:] + x[:]


    @workload
    def f(x: In[Tensor[f32, 32]], total: InOut[Tensor[f32, 8]]) -> None:
        for i in P(range(0, 32, 8)):
            add(x[i:i + 8], total)
"""
SKEWED = """
    @kernel
    def step(before: In[Tensor[f32, 1, 1]], now: Out[Tensor[f32, 1, 1]]) -> None:
        now[:] = before[:] + 1.0


    @workload
    def f(x: InOut[Tensor[f32, 8, 8]]) -> None:
        for i in P.seq(range(1, 8)):
            for j in P.seq(range(0, 7)):
                step(x[i - 1:i, j + 1:j + 2], x[i:i + 1, j:j + 1])


    @schedule(f)
    def s(s) -> None:
        i, j = s.loop("i"), s.loop("j")
"""

STREAM = """
from htp_dialect_csp import Channel, Recv, Send, network, process


@process
def load(x: In[Tensor[f32, 4]], out: Send[f32]) -> None:
    for i in range(4):
        out.send(tile.item(x[i]))


@process
def store(inp: Recv[f32], y: Out[Tensor[f32, 4]]) -> None:
    for i in range(4):
        y[i] = inp.recv()


@network
def f(x: In[Tensor[f32, 4]], y: Out[Tensor[f32, 4]]) -> None:
    a = Channel[f32](capacity=1)
    load(x, a)
    store(a, y)
"""
MERGED = """
from htp_dialect_csp import EOS, Channel, Recv, Send, network, process, select


@process
def load(x: In[Tensor[f32, 2]], out: Send[f32]) -> None:
    for i in range(2):
        out.send(tile.item(x[i]))


@process
def merge(a: Recv[f32], b: Recv[f32], y: InOut[Tensor[f32, 4]]) -> None:
    for k in range(2):
        y[2 * k] = a.recv()
        y[2 * k + 1] = b.recv()


@network
def f(x: In[Tensor[f32, 2]], z: In[Tensor[f32, 2]], y: InOut[Tensor[f32, 4]]) -> None:
    a = Channel[f32](capacity=1)
    b = Channel[f32](capacity=1)
    load(x, a)
    load(z, b)
    merge(a, b, y)
"""
SELECTED = MERGED.replace(
    """    for k in range(2):
        y[2 * k] = a.recv()
        y[2 * k + 1] = b.recv()
""",
    """    for k in range(4):
        found = select([a, b])
        if found is not EOS:
            _, value = found
            y[k] = value
""",
)
TWO_SENDERS = STREAM + "    load(x, a)\n"
TURNS = """
from htp_dialect_csp import Channel, Recv, Send, network, process


@process
def spread(x: In[Tensor[f32, 8]], left: Send[f32], right: Send[f32]) -> None:
    for i in range(4):
        left.send(tile.item(x[i]))
    for i in range(4):
        right.send(tile.item(x[i + 4]))


@process
def add(left: Recv[f32], right: Recv[f32], y: Out[Tensor[f32, 4]]) -> None:
    for i in range(4):
        y[i] = left.recv() + right.recv()


@network
def f(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 4]]) -> None:
    left = Channel[f32](capacity=2)
    right = Channel[f32](capacity=2)
    spread(x, left, right)
    add(left, right, y)
"""
WINDOW = """
    @kernel
    def double(x: In[Tensor[f32, 8, 64]], y: Out[Tensor[f32, 8, 64]]) -> None:
        y[:] = x[:] * 2.0


    @workload
    def f(x: In[Tensor[f32, 32, 64]], y: Out[Tensor[f32, 32, 64]]) -> None:
        for i in P(range(0, 32, 8)):
            double(x[i:i + 8, :], y[i:i + 8, :])


    @schedule(f)
    def s(s) -> None:
        s.task_window(3)
"""
LARGE = """
    @kernel
    def f(x: In[Tensor[f32, "M", 512]], y: Out[Tensor[f32, "M", 512]]) -> None:
        for i in range(0, x.shape[0], 64):
            rows = x[i:i + 64, :]
            y[i:i + 64, :] = rows / tile.sum(rows, axis=1, keepdims=True)
"""
MEMORIES = """
    from htp import Tile
    from htp_backend_pto import pto
    from htp_backend_pto.layouts import l1, ub


    @kernel
    def f(a: In[Tensor[f16, 16, 100]], b: In[Tensor[f16, 100, 16]], c: Out[Tensor[f32, 16, 16]]) -> None:
        left: Tile[f16, 16, 100, l1(16, 112)] = pto.load(a)
        c[:] = pto.store(pto.matmul(pto.mov(left), pto.mov(pto.load(b))))
"""
ROWS = """
    from htp import Tile
    from htp_backend_pto import pto
    from htp_backend_pto.layouts import ub


    @kernel
    def f(x: In[Tensor[f16, 16, 100]], y: Out[Tensor[f16, 16, 100]]) -> None:
        rows: Tile[f16, 16, 100, ub(16, 112)] = pto.load(x)
        y[:] = pto.store(rows)
"""

CASES: dict[int, Case] = {
    3: Case(
        "plan.no-provider",
        uninstalled("csp", source(STREAM)),
        source(STREAM),
        ("`htp_dialect_csp`", "pip install htp-dialect-csp"),
        line="from htp_dialect_csp import Channel",
    ),
    7: Case(
        "pto.ub-overflow",
        source(LARGE, target="pto:a2a3"),
        source(LARGE.replace("64", "32"), target="pto:a2a3"),
        ("`rows`", "131072 bytes", "take 32 rows at a time instead of 64"),
        line="y[i:i + 64, :] = rows /",
    ),
    9: Case(
        "plan.no-dtype",
        among(source(COPY.replace("f32", "f64"), target="small"), small=WITHOUT_F64),
        among(source(COPY, target="small"), small=WITHOUT_F64),
        ("`f64`", "`small`"),
        line="def f(",
    ),
    15: Case(
        "pto.window",
        scheduled(WINDOW.replace("(3)", "(2)"), target="pto:a2a3"),
        scheduled(WINDOW, target="pto:a2a3"),
        ("smallest window holds 3 tasks", "ask for 3 or more"),
        line="s.task_window(2)",
    ),
    18: Case(
        "wsp.parallel-race",
        scheduled(RACE),
        scheduled(RACE.replace("P(range", "P.seq(range")),
        ("(i=0) and (i=8)", "both write total[0:8]"),
        "for i in P(",
    ),
    19: Case(
        "wsp.reorder",
        scheduled(SKEWED + "        s.reorder(j, i)\n"),
        scheduled(SKEWED + "        s.tile(i, 2, tail='mask')\n"),
        ("(1, -1)",),
        "s.reorder(j, i)",
    ),
    20: Case(
        "plan.no-order",
        among(source(COPY, pins=("flatten.all",)), flatten=DESTROYS),
        among(source(COPY), flatten=DESTROYS),
        ("flatten.all", "destroys"),
    ),
    21: Case(
        "plugin.duplicate-id",
        loaded("one", one=HALO, two=HALO),
        loaded("one", one=HALO, two=HALO.replace("halo", "ring")),
        ("`one`", "`two`", "`halo`"),
    ),
    22: Case(
        "plugin.wrong-api",
        loaded("old", old="HTP_API = 0"),
        loaded("old", old=""),
        ("plugin API 0", "htp-core"),
    ),
    23: Case(
        "bind.contract-version",
        copy_with(contract=Contract(name="cpu.package", version=2)),
        copy_with(),
        ("cpu.package/2", "cpu.package/1", "compile the program again"),
    ),
    24: Case("artifact.altered-file", tampered(b"// harmless\n"), tampered(b""), ("codegen/cpu/",)),
    25: Case(
        "type.dtype-mismatch",
        source("""
            @kernel
            def f(x: In[Tensor[f16, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
                z[:] = x[:] + y[:]
        """),
        source("""
            @kernel
            def f(x: In[Tensor[f16, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
                z[:] = x[:].astype(f32) + y[:]
        """),
        ("f16", "f32", ".astype("),
        line="z[:] = x[:] + y[:]",
    ),
    26: Case(
        "type.shape-mismatch",
        source("""
            @kernel
            def f(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "M", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
                c[:] = a[:, :] @ b[:, :]
        """),
        source("""
            @kernel
            def f(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
                c[:] = a[:, :] @ b[:, :]
        """),
        ("K", "M"),
        line="c[:] = a[:, :] @ b[:, :]",
    ),
    27: Case(
        "type.out-partly-written",
        source("""
            @kernel
            def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
                N = x.shape[0]
                y[1:N] = x[1:N]
        """),
        source("""
            @kernel
            def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
                N = x.shape[0]
                y[0:N] = x[0:N]
        """),
        ("`y`", "starts at 1", "InOut"),
        line="y[1:N] = x[1:N]",
    ),
    5: Case(
        "csp.timed",
        source(SELECTED, target="pto:a2a3sim"),
        source(MERGED, target="pto:a2a3sim"),
        ("`select` depends on the time", "'merge' becomes tasks", "`a.recv()`, `b.recv()`; or compile for `cpu`"),
        line="found = select([a, b])",
    ),
    28: Case(
        "csp.endpoint-shared",
        source(TWO_SENDERS),
        source(STREAM),
        ("channel 'a' has two senders: 'load'", "Use two channels and a select"),
        line="load(x, a)",
    ),
    29: Case(
        "csp.count",
        source(STREAM.replace("        y[i] = inp.recv()", "        y[i] = inp.recv() + inp.recv()")),
        source(STREAM),
        ("'load' sends 4 tokens, 'store' receives 8", "4 tokens would be missing"),
        line="y[i] = inp.recv() + inp.recv()",
    ),
    30: Case(
        "csp.deadlock",
        source(TURNS),
        source(TURNS.replace("left = Channel[f32](capacity=2)", "left = Channel[f32](capacity=3)")),
        ("capacity of 'left' is 2, 3 is needed for 'add' to make progress", "give `left` capacity=3 or more"),
        line="left.send(tile.item(x[i]))",
    ),
    31: Case(
        "pto.wrong-memory",
        source(MEMORIES.replace("pto.mov(left)", "left"), target="pto:a2a3"),
        source(MEMORIES, target="pto:a2a3"),
        ("`pto.matmul`", "L0A", "l1(16, 112)", "pto.mov(left)"),
        line="pto.matmul(left,",
    ),
    32: Case(
        "pto.bad-tile",
        source(ROWS.replace("ub(16, 112)", "ub(16, 100)"), target="pto:a2a3"),
        source(ROWS, target="pto:a2a3"),
        ("200 bytes", "32 bytes", "pad it to 112 elements"),
        line="ub(16, 100)",
    ),
    33: Case(
        "capture.unsupported-syntax",
        source("""
            @kernel
            def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
                y[:] = [each for each in x]
        """),
        source(COPY),
        ("comprehension",),
        line="y[:] = [each for each in x]",
    ),
    34: Case(
        "layout.unknown-facet",
        lambda _: open_envelope(Envelope(kind="axe", version=1, role="memory", data={}), Session().facets),
        lambda _: open_envelope(Envelope(kind="strided", version=1, role="memory", data={}), Session().facets),
        ("axe", "pip install htp-layout-axe"),
    ),
    35: Case(
        "cpu.no-compiler",
        without_compiler("device"),
        without_compiler(None),
        ("no-such-compiler",),
    ),
}


@pytest.mark.parametrize("number", sorted(CASES))
def test_the_combination_is_refused_and_its_mended_form_accepted(number: int, tmp_path: Path) -> None:
    case = CASES[number]
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.mkdir()
    right.mkdir()
    with pytest.raises(Refused) as refused:
        case.wrong(wrong)
    found = refused.value.diagnostic
    text = render(found)
    assert found.code == case.code, text
    assert all(each in text for each in case.says), text
    assert len(text.splitlines()) <= 15, text
    assert found.help, f"no way to mend it is shown: {text}"
    if case.line:
        assert found.span is not None, text
        shown = Path(found.span.file).read_text().splitlines()[found.span.line - 1]
        assert case.line in shown, text
    case.right(right)


def test_a_window_of_the_runtime_never_aborts(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        scheduled(WINDOW.replace("(3)", '(8, mode="abort")'), target="pto:a2a3")(tmp_path)
    assert refused.value.code == "pto.window"
    assert "cannot abort" in render(refused.value.diagnostic)


def test_a_device_without_its_toolchain_is_refused_with_what_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASCEND_HOME_PATH", raising=False)
    package = source(ROWS, target="pto:a2a3")(tmp_path)
    with pytest.raises(Refused) as refused:
        htp.bind(package, mode="device")
    text = render(refused.value.diagnostic)
    assert refused.value.code == "pto.no-device"
    assert all(each in text for each in ("ASCEND_HOME_PATH", 'mode="sim"'))
    assert main(["run", str(tmp_path / "package"), "--mode", "device"]) == 4


def test_every_combination_whose_packages_are_here_has_a_case() -> None:
    installed = {each.name for each in importlib.metadata.distributions()}
    due = {each.number for each in COMBINATIONS if set(each.packages) <= installed}
    assert CPU in installed
    assert sorted(due - set(CASES)) == []
    assert sorted(set(CASES) - {each.number for each in COMBINATIONS}) == []


def test_a_missing_toolchain_ends_the_command_with_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source(COPY)(tmp_path)
    monkeypatch.setenv("HTP_CXX", "no-such-compiler")
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))
    assert main(["run", str(tmp_path / "package")]) == 4
    assert main(["verify", str(tmp_path / "package"), "--level", "2"]) == 0
