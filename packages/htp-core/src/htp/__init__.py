"""HTP: tile programs written once in Python, compiled for many targets.

The public face; everything is loaded when it is first used, so that importing `htp` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from htp._version import __version__
from htp.diagnostics import Bug, Diagnostic, Refused, Span

if TYPE_CHECKING:
    from htp import loops, tile
    from htp.artifact import Package
    from htp.bindings import Executable, RunReport
    from htp.compilation import bind, compile_program, plan
    from htp.language import Definition, func, kernel, routine
    from htp.loops import empty
    from htp.planner import Plan
    from htp.program import Program
    from htp.strides import strided
    from htp.tasks import work
    from htp.tools.stage import run_stage
    from htp.types import (
        In,
        InOut,
        Out,
        Recv,
        Scalar,
        Send,
        Slot,
        Tensor,
        Tile,
        bf16,
        bool_,
        f8e4m3,
        f8e5m2,
        f16,
        f32,
        f64,
        i8,
        i16,
        i32,
        i64,
        u8,
        u16,
        u32,
        u64,
    )

_HOMES = {
    "htp.artifact": ("Package",),
    "htp.bindings": ("Executable", "RunReport"),
    "htp.compilation": ("bind", "compile_program", "plan"),
    "htp.language": ("Definition", "func", "kernel", "routine"),
    "htp.loops": ("empty",),
    "htp.planner": ("Plan",),
    "htp.program": ("Program",),
    "htp.strides": ("strided",),
    "htp.tasks": ("work",),
    "htp.tools.stage": ("run_stage",),
    "htp.types": (
        "In", "InOut", "Out", "Recv", "Scalar", "Send", "Slot", "Tensor", "Tile",
        "bf16", "bool_", "f8e4m3", "f8e5m2", "f16", "f32", "f64",
        "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("loops", "tile")

__all__ = [
    "Bug",
    "Definition",
    "Diagnostic",
    "Executable",
    "In",
    "InOut",
    "Out",
    "Package",
    "Plan",
    "Program",
    "Recv",
    "Refused",
    "RunReport",
    "Scalar",
    "Send",
    "Slot",
    "Span",
    "Tensor",
    "Tile",
    "__version__",
    "bf16",
    "bind",
    "bool_",
    "compile_program",
    "empty",
    "f8e4m3",
    "f8e5m2",
    "f16",
    "f32",
    "f64",
    "func",
    "i8",
    "i16",
    "i32",
    "i64",
    "kernel",
    "loops",
    "plan",
    "routine",
    "run_stage",
    "strided",
    "tile",
    "u8",
    "u16",
    "u32",
    "u64",
    "work",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"htp.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'htp' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
