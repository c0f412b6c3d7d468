"""What combinations are made of: texts that are compiled, plugins made for one case, packages that were altered."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pytest

import htp
from htp.artifact.publish import publish_package
from htp.diagnostics import Refused
from htp.plugins import Found, discover
from htp.session import Session, current_session, use_session
from htp.tools.load import load_definition, load_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = "from htp import In, InOut, Out, Tensor, f16, f32, f64, kernel, tile\n"
PLUGIN = """
from htp.capabilities import Captured, DialectUse, DTypeUse, Inlined, Loops, Normalized, OpUse, Simplified, Typed
from htp.capabilities import Vectorized
from htp.declarations import Backend, Dialect, Lazy, Variant
from htp.hooks import hookimpl
from htp.passes import Pass

HTP_API = 1
"""
COPY = """
@kernel
def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x[:]
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
