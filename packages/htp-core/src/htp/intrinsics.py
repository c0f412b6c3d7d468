"""Intrinsics: functions whose body is their meaning, and the handlers that emit them for a backend.

Knows declarations; does not know which sets are installed (`session`), nor how calls are typed or expanded.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, ParamSpec, Protocol, cast, overload
from typing import TypeVar as DTypeVar

from htp._impl.signatures import Attribute, Signature, attribute_text, signature_of
from htp.declarations import Lazy
from htp.diagnostics import Refused, Span
from htp.language import annotations_of, caller_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.declarations import HandlerSet, IntrinsicSet
    from htp.types import TileType

__all__ = [
    "Attribute",
    "DTypeVar",
    "Emitter",
    "Handler",
    "Intrinsic",
    "attribute_text",
    "emits",
    "handler_in",
    "intrinsic",
    "intrinsic_in",
]

P = ParamSpec("P")
R = DTypeVar("R", covariant=True)

HANDLERS = "__htp_handlers__"
"""Where `emits` leaves the handlers of a module, so that all of them may be called `_`."""


class Intrinsic(Generic[P, R]):
    """A declared operation; calling it with tiles runs its body, which is what it means.

    `unit` names the part of a machine that it is for. `expandable` says whether a target without a handler may use the
    body instead; `effects` whether it does more than give its result.
    """

    def __init__(
        self, python: Callable[P, R], signature: Signature, unit: str, expandable: bool, effects: bool
    ) -> None:
        self.python = python
        self.signature = signature
        self.unit = unit
        self.expandable = expandable
        self.effects = effects
        self.module = home_of(python)
        self.__name__ = python.__name__
        self.__doc__ = python.__doc__
        self.__module__ = python.__module__
        self.__wrapped__ = python

    @property
    def name(self) -> str:
        """The set and the function: `foo.rowmax`."""
        return self.signature.name

    @property
    def place(self) -> Span:
        """Where it is declared."""
        return _place(self.python)

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: object, **kwargs: object) -> R: ...
    def __call__(self, *args: object, **kwargs: object) -> R:
        """Runs the body on tiles.

        Raises:
            Refused: `run.*` or `type.not-a-tile` when an argument does not fit, `intrinsic.wrong-result` when the
                result does not.
        """
        from htp._impl.meaning import run_body

        return run_body(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<intrinsic {self.name}>"


@overload
def intrinsic(python: Callable[P, R], /) -> Intrinsic[P, R]: ...
@overload
def intrinsic(
    *, unit: str = "", expandable: bool = True, effects: bool = False
) -> Callable[[Callable[P, R]], Intrinsic[P, R]]: ...
def intrinsic(
    python: Callable[P, R] | None = None, /, *, unit: str = "", expandable: bool = True, effects: bool = False
) -> Intrinsic[P, R] | Callable[[Callable[P, R]], Intrinsic[P, R]]:
    """Declares a function as an intrinsic of the set that its module is.

    A private module belongs to the set of its package: those in `foo._vector` are intrinsics of `foo`.

    Parameters are tiles and numbers, `x: Tile[T, "M", "N"]` and `a: Scalar[f32]`; those behind a `*` are attributes
    (int, float, bool, str), known when a program is compiled; `dtype: type[T]` tells a dtype, and integers, attributes
    or not, may tell sizes. The result is a tile.

    Raises:
        Refused: `intrinsic.bad-signature`, `capture.bad-annotation`.
    """
    caller = caller_frame()

    def declared(function: Callable[P, R]) -> Intrinsic[P, R]:
        name = f"{home_of(function).rpartition('.')[2]}.{function.__name__}"
        annotations = annotations_of(function, caller)
        signature = signature_of(function, name, annotations, _place(function))
        return Intrinsic(function, signature, unit, expandable, effects)

    return declared if python is None else declared(python)


def home_of(python: Callable[..., object]) -> str:
    """The module that is the set of an intrinsic: the one it is declared in, or that one's public package."""
    home = python.__module__
    while "." in home and home.rpartition(".")[2].startswith("_"):
        home = home.rpartition(".")[0]
    return home


class Emitter(Protocol):
    """What a handler may ask about the call it emits; operands and the result go by the names it was given."""

    def tile_type(self, name: str) -> TileType:
        """Dtype and dims of an operand or of the result."""
        ...

    def dims(self, name: str) -> tuple[str, ...]:
        """Its valid sizes, as expressions of the target's language."""
        ...

    def strides(self, name: str) -> tuple[str, ...]:
        """Steps from one element to the next along each dimension, counted in elements."""
        ...

    def scratch_like(self, name: str) -> str:
        """The name of a further tile of the same type, whose elements are not yet anything."""
        ...

    def attribute(self, name: str) -> Attribute:
        """The value of an attribute."""
        ...

    def helper(self, text: str) -> None:
        """Adds text of the target's language in front of what the handlers of a program write, once for equal texts."""
        ...


@dataclass(frozen=True)
class Handler:
    """How one backend emits one intrinsic: `emit(cx, dst, *operands)` returns text of the target's language."""

    intrinsic: str
    backend: str
    emit: Callable[..., str]

    @property
    def place(self) -> Span:
        """Where it is defined."""
        return _place(self.emit)


def emits(intrinsic: Intrinsic[..., object], *, backend: str) -> Callable[[Callable[..., str]], Handler]:
    """Makes a function the handler of `intrinsic` for `backend`.

    It takes an `Emitter`, the name of the result, and one name for each tile and number that the intrinsic takes.

    Raises:
        Refused: `intrinsic.bad-handler` when it takes other parameters, or is the second one in its module.
    """

    def made(function: Callable[..., str]) -> Handler:
        handler = Handler(intrinsic.name, backend, function)
        wanted = ["cx", "dst", *(each.name for each in intrinsic.signature.operands)]
        if len(inspect.signature(function).parameters) != len(wanted):
            raise Refused(
                "intrinsic.bad-handler",
                f"a handler of `{intrinsic.name}` takes ({', '.join(wanted)})",
                span=handler.place,
                help="one name for each tile and number; ask `cx.attribute(name)` for attributes",
            )
        known: dict[tuple[str, str], Handler] = function.__globals__.setdefault(HANDLERS, {})
        if known.setdefault((intrinsic.name, backend), handler) is not handler:
            raise Refused(
                "intrinsic.bad-handler",
                f"`{function.__module__}` has two handlers of `{intrinsic.name}` for `{backend}`",
                span=handler.place,
                help="keep one of them",
            )
        return handler

    return made


def handler_in(declared: HandlerSet, name: str) -> Handler:
    """The handler of the intrinsic `name` among those of a module.

    Raises:
        Refused: `plugin.import-failed`.
    """
    module = Lazy[object](declared.module).load()
    handlers: dict[tuple[str, str], Handler] = getattr(module, HANDLERS, {})
    found = handlers.get((name, declared.backend))
    if found is None:
        raise Refused(
            "plugin.import-failed",
            f"`{declared.module}` has no handler of `{name}` for `{declared.backend}`",
            help=f'write one with `@emits(…, backend="{declared.backend}")`, or leave `{name}` out of the HandlerSet',
        )
    return found


def intrinsic_in(declared: IntrinsicSet, name: str) -> Intrinsic[..., object]:
    """The intrinsic `name` of a set's module.

    Raises:
        Refused: `plugin.import-failed`, `plugin.bad-item`.
    """
    loaded = Lazy[object](f"{declared.module}:{name}").load()
    found = cast("Intrinsic[..., object]", loaded) if isinstance(loaded, Intrinsic) else None
    if found is None or found.name != f"{declared.name}.{name}":
        raise Refused("plugin.bad-item", f"`{declared.module}:{name}` is not the intrinsic `{declared.name}.{name}`")
    if found.expandable is (name in declared.opaque):
        said, told = (
            ("may", "names it among `opaque`") if found.expandable else ("may not", "does not name it `opaque`")
        )
        raise Refused("plugin.bad-item", f"`{found.name}` {said} be expanded, and its IntrinsicSet {told}")
    return found


def _place(python: Callable[..., object]) -> Span:
    code = python.__code__
    return Span(file=code.co_filename, line=code.co_firstlineno)
