"""What a plugin contributes: frozen declarations that name their heavier parts and load them when needed.

Knows the shape of contributions; does not know which exist (`session`) or how plugins are found (`plugins`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar, cast, runtime_checkable

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from htp.artifact.manifest import Record
    from htp.artifact.read import Package
    from htp.capabilities import Capability, Use
    from htp.intrinsics import Handler, Intrinsic
    from htp.layout import LayoutFacet
    from htp.program import Program
    from htp.runs import Figure, RunReport
    from htp.targets import Model, Target

__all__ = [
    "Backend",
    "Binding",
    "CodeFile",
    "Conversion",
    "Demo",
    "Dialect",
    "Emission",
    "Emit",
    "Executable",
    "Figures",
    "HandlerSet",
    "Inscriber",
    "IntrinsicSet",
    "Lazy",
    "Load",
    "Mode",
    "Named",
    "Outcome",
    "PackageRecord",
    "Probe",
    "Toolchain",
    "Variant",
]

T = TypeVar("T")
Mode = Literal["emit", "sim", "device"]
Outcome = Literal["enforced", "lowered", "static", "ignored", "rejected"]


@dataclass(frozen=True)
class Lazy(Generic[T]):
    """An object named `module:name` that is imported when it is first needed."""

    path: str

    def load(self) -> T:
        """Imports the module and returns the object.

        Raises:
            Refused: `plugin.import-failed` when the module cannot be imported or lacks the name.
        """
        module, _, name = self.path.partition(":")
        try:
            found: object = importlib.import_module(module)
            for part in name.split(".") if name else ():
                found = getattr(found, part)
        except Refused:
            raise
        except Exception as error:
            raise Refused(
                "plugin.import-failed",
                f"`{self.path}` cannot be imported: {type(error).__name__}: {error}",
                help="see `htp plugins` for the plugin that names it",
            ) from error
        return cast("T", found)


@runtime_checkable
class Inscriber(Protocol):
    """A schedule: something that writes what it asks for into a captured program, as statements of its dialect."""

    def inscribe(self, program: Program) -> Program:
        """The program with the directives in it, each at the place of the schedule's line."""
        ...


class Named(Protocol):
    """Anything known by a name."""

    @property
    def name(self) -> str:
        """The name, unique among contributions of its kind."""
        ...


@dataclass(frozen=True)
class Dialect:
    """A language a program may be written in: the modules whose names belong to it, and what it stands for.

    `names` are callables of the first module that programs use in calls, as what a `for` goes over, and in `with`;
    `kinds` are the kinds of function it adds, each with a decorator of that name in the first module. A call of an
    attribute of the name `directives`, as `scheduled.tile(…)`, is a directive to the target. `constructs` are what
    functions of its kinds may contain beyond core's Python, named as in `ast`: `For` over anything, `Is`, `NamedExpr`,
    `Starred`. Functions of `recursive` kinds may name themselves; the dialect knows what that means.
    """

    name: str
    summary: str = ""
    modules: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    directives: str = ""
    constructs: tuple[str, ...] = ()
    recursive: tuple[str, ...] = ()


@dataclass(frozen=True)
class IntrinsicSet:
    """The intrinsics of one module, whose last part is the set's name; programs say `from package import name`.

    `intrinsics` are the names of the functions, `opaque` those of them that no target may expand
    (`@intrinsic(expandable=False)`). `bridges` are distributions that may contribute handlers though they own neither
    the set nor the backend.
    """

    name: str
    module: str
    intrinsics: tuple[str, ...]
    summary: str = ""
    bridges: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()

    @property
    def qualified(self) -> tuple[str, ...]:
        """The names by which programs, handlers and uses know the intrinsics: `foo.rowmax`."""
        return tuple(f"{self.name}.{each}" for each in self.intrinsics)

    def load(self, intrinsic: str) -> Intrinsic[..., object]:
        """The intrinsic of that plain or qualified name; imports the module.

        Raises:
            Refused: `plugin.import-failed` when the module cannot be imported or lacks it, `plugin.bad-item` when it is
                another thing than the set declares.
        """
        from htp.intrinsics import intrinsic_in

        return intrinsic_in(self, intrinsic.removeprefix(f"{self.name}."))


@dataclass(frozen=True)
class HandlerSet:
    """How one backend emits some intrinsics, named with their set: `@emits` functions of one module."""

    backend: str
    module: str
    intrinsics: tuple[str, ...]
    summary: str = ""

    @property
    def name(self) -> str:
        """Identifies the handlers: `htp_foo_cpu.handlers->cpu`."""
        return f"{self.module}->{self.backend}"

    def load(self, intrinsic: str) -> Handler:
        """The handler of the intrinsic of that qualified name; imports the module.

        Raises:
            Refused: `plugin.import-failed` when the module cannot be imported or has no handler of it.
        """
        from htp.intrinsics import handler_in

        return handler_in(self, intrinsic)


@dataclass(frozen=True)
class Variant:
    """One target of a backend; `model` loads a function that returns its architecture model.

    The variant with the empty name is what the backend's bare name means. `backend` is set only when a plugin
    offers a variant of a backend it does not own.
    """

    name: str
    model: Lazy[Callable[[], Model]]
    summary: str = ""
    backend: str = ""


@dataclass(frozen=True)
class Emission:
    """What a backend writes: sources and contract files by their path inside the package."""

    files: tuple[tuple[str, bytes], ...]
    contract: str
    contract_files: tuple[tuple[str, bytes], ...] = ()


Emit = Callable[["Program", "Target"], Emission]
Figures = Callable[["Package", "RunReport | None"], "tuple[Figure, ...]"]


@dataclass(frozen=True)
class PackageRecord:
    """A contract file that a backend's packages have, and the record that it is read as.

    `name` is that of its schema, as `htp schema` knows it: the contract's name, or a part of it.
    """

    name: str
    path: str
    record: Lazy[type[Record]]


@dataclass(frozen=True)
class Backend:
    """A family of targets: the facts it wants a program to have, the uses it accepts, and what it emits.

    `contract` names the layout of the emitted files and its major version, such as `cpu.package/1`. `passes` are
    names of passes that belong to every compilation for it, beside those its goal calls for; `milestones` are facts
    that must hold in this order on the way. `bridges` are distributions that may contribute handlers for it though they
    own neither it nor the intrinsics.

    What is neither accepted nor removed by a pass is refused. A backend that accepts no `DTypeUse` says nothing about
    dtypes and has them all; one that names some has only those. Intrinsics are accepted by their handlers beside what
    is listed. `records` are the contract files that have schemas: `htp schema` prints these, and `htp verify` reads the
    files. `figures(package, report)` says in tables what is known of a package, and of a run of it where there is one.
    Directives are accepted by `directives` alone, which says what becomes of each, by name or pattern: one
    that is `rejected`, or that is missing and that no pass removes, is refused, since nothing may be dropped in
    silence. Only a preference, `prefer.…`, may be missing: it is ignored, with a warning. `beside` has directives that
    something else becomes of where another one is there too: the name of the one, of the other, and the outcome.
    """

    name: str
    goal: tuple[Capability, ...]
    accepts: tuple[Use, ...]
    targets: tuple[Variant, ...]
    contract: str
    emit: Lazy[Emit]
    summary: str = ""
    passes: tuple[str, ...] = ()
    milestones: tuple[Capability, ...] = ()
    directives: tuple[tuple[str, Outcome], ...] = ()
    beside: tuple[tuple[str, str, Outcome], ...] = ()
    bridges: tuple[str, ...] = ()
    records: tuple[PackageRecord, ...] = ()
    figures: Lazy[Figures] | None = None


class Executable(Protocol):
    """A loaded package, ready to be called."""

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Runs the entry on arrays, positional or by name; Out arrays are written."""
        ...

    def run(self, *args: object, trace: bool = False, **kwargs: object) -> object:
        """Runs the entry and returns the report of the run."""
        ...


Load = Callable[["Package", str], Executable]
Probe = Callable[[str], str | None]


@dataclass(frozen=True)
class Toolchain:
    """Another way to build and load the packages of a binding, chosen by name; `probe` is asked as the binding's."""

    name: str
    load: Lazy[Load]
    probe: Lazy[Probe] | None = None
    summary: str = ""


@dataclass(frozen=True)
class Binding:
    """Builds and loads packages of one contract, in some modes.

    `load(package, mode)` returns an `Executable`. `probe(mode)` returns why the mode is unavailable on this machine,
    or `None` when it is available; it may also refuse the mode with a code that says how to mend it. `toolchains` are
    other ways to do both, for those who ask for one by name.
    """

    name: str
    contract: str
    modes: tuple[Mode, ...]
    load: Lazy[Load]
    probe: Lazy[Probe] | None = None
    summary: str = ""
    toolchains: tuple[Toolchain, ...] = ()

    def unavailable(self, mode: str) -> str | None:
        """Why `mode` cannot be used here, or `None` when it can.

        Raises:
            Refused: what the binding's probe refuses the mode with.
        """
        if mode not in self.modes:
            return f"binding `{self.name}` has no mode `{mode}`; it has {', '.join(self.modes)}"
        return self.probe.load()(mode) if self.probe is not None else None


@dataclass(frozen=True)
class Conversion:
    """A way from one facet kind to another; `convert(facet)` returns the facet, or raises `Refused` with the reason."""

    source: str
    target: str
    convert: Lazy[Callable[[LayoutFacet], LayoutFacet]]
    exactness: Literal["exact", "lossy", "checked"] = "exact"

    @property
    def name(self) -> str:
        """Identifies the conversion: `source->target`."""
        return f"{self.source}->{self.target}"


@dataclass(frozen=True)
class Demo:
    """A show of what a plugin does; `run()` returns what it found, as text, and reports progress on standard error."""

    name: str
    summary: str
    run: Lazy[Callable[[], str]]


@dataclass(frozen=True)
class CodeFile:
    """The diagnostic codes of one owner: a Markdown file inside a package, one section for each code."""

    owner: str
    package: str
    path: str

    @property
    def name(self) -> str:
        """The owner, which prefixes all its codes."""
        return self.owner

    def text(self) -> str:
        """The file's text."""
        from importlib.resources import files

        return files(self.package).joinpath(self.path).read_text(encoding="utf-8")
