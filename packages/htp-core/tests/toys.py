"""Made-up plugins for tests of composition: two backends, a dialect, an intrinsic set, and passes between them."""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from types import ModuleType

from htp._version import HTP_API
from htp.capabilities import (
    Capability,
    Captured,
    DialectUse,
    DirectiveUse,
    DTypeUse,
    IntrinsicUse,
    OpUse,
    Typed,
    Vectorized,
)
from htp.declarations import Backend, Dialect, HandlerSet, Lazy, Variant
from htp.diagnostics import Span
from htp.hooks import hookimpl
from htp.passes import Pass
from htp.plugins import Found
from htp.program import Program
from htp.session import Session
from htp.targets import Model

SOURCE = """\
from toy import mesh, process


@process
def halo(x, y):
    with mesh.window(3):
        y[:] = toy.exp(x[:]) + f64(1)
"""


@dataclass(frozen=True)
class ChannelGraph(Capability, owner="csp"):
    """Channels are known."""


@dataclass(frozen=True)
class Mapped(Capability, owner="big"):
    """Tiles are on cores."""


class Infer(Pass):
    """Types."""

    requires = (Captured(),)
    provides = (Typed(),)


class MapTiles(Pass):
    """Cores."""

    name = "big.map"
    requires = (ChannelGraph(), Typed())
    provides = (Mapped(),)


@dataclass(frozen=True)
class Rows(Pass):
    """Rows of lanes."""

    width: int = 8

    requires = (Typed(),)

    @property
    def contract(self):
        from htp.passes import Contract

        return Contract(requires=self.requires, provides=(Vectorized(width=self.width),))


class Streams(Pass):
    """Processes become something else that a target has to understand."""

    name = "csp.lower"
    eliminates = (DialectUse("csp"),)
    introduces = (DialectUse("streams"),)


class Wreck(Pass):
    """Destroys what was captured."""

    invalidates = (Captured(),)


def model():
    """A machine without figures."""
    return Model(name="toy")


TYPED = (Typed(),)
INFER = (Infer(),)


def backend(name, goal=TYPED, accepts=(), **more):
    """A backend with one target."""
    variant = Variant("", Lazy(f"{__name__}:model"))
    return Backend(name, goal, accepts, (variant,), f"{name}.package/1", Lazy("nowhere:emit"), **more)


SMALL = backend(
    "small",
    accepts=(DialectUse("tile"), OpUse("tile.*"), DTypeUse("f32"), DTypeUse("f16"), DTypeUse("i32")),
    directives=(("task_window", "enforced"), ("prefetch", "ignored"), ("work_steal", "rejected")),
)
BIG = backend(
    "big",
    accepts=(DialectUse("tile"), DialectUse("csp"), OpUse("*"), DTypeUse("*")),
    directives=(("work_steal", "enforced"), ("task_window", "enforced")),
)
MAPPED = backend("mapped", goal=(Mapped(),), accepts=(DialectUse("tile"),))
WIDE = backend("wide", goal=(Vectorized(width=16),), accepts=(DialectUse("tile"),))
HANDLERS = HandlerSet("big", "toy_handlers", ("toy.exp", "toy.log"))


def plugin(name, distribution, version="0.1.0", **contributions):
    """A plugin whose hooks return the given tuples, as its entry point would announce it."""
    module = ModuleType(f"toy_plugin_{name}")
    module.HTP_API = HTP_API
    for hook, items in contributions.items():
        def contribute(items=items):
            return items

        contribute.__name__ = hook
        contribute.__module__ = module.__name__
        setattr(module, hook, hookimpl(contribute))
    sys.modules[module.__name__] = module
    return Found(name, module.__name__, distribution, version, ("htp-core>=0.1",))


def broken(name, distribution, version="0.1.0"):
    """A plugin that cannot be imported."""
    return Found(name, f"nowhere_{name}", distribution, version, ("htp-core>=0.1",))


def session(*others, backends=(SMALL, BIG), passes=INFER, **contributions):
    """A session of one plugin with these backends and passes, and of other plugins."""
    own = plugin("toy", "htp-toy", "1.2.0", htp_backends=tuple(backends), htp_passes=tuple(passes), **contributions)
    return Session((own, *others))


def program(*uses, source=SOURCE):
    """A program that makes these uses: each is given with the line and columns of its place in the source."""
    file = "halo.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    placed = []
    for use, line, text in uses:
        column = source.splitlines()[line - 1].index(text) + 1
        span = Span(file=file, line=line, column=column, end_line=line, end_column=column + len(text))
        placed.append(type(use)(use.name, spans=(span,)))
    return Program("halo", (), facts=frozenset({Captured()}), uses=tuple(placed))


TILE = (DialectUse("tile"), 5, "def halo(x, y):")
CSP = (DialectUse("csp"), 4, "@process")
EXP = (IntrinsicUse("toy.exp"), 7, "toy.exp(x[:])")
F64 = (DTypeUse("f64"), 7, "f64(1)")
WINDOW = (DirectiveUse("task_widow"), 6, "mesh.window(3)")
STEAL = (DirectiveUse("work_steal"), 6, "mesh.window(3)")
DIALECT = Dialect("csp", "processes", ("toy_csp",))
