"""The decorators: what turns a Python function into a kernel, a helper or a routine.

Knows signatures and the reference run; does not know how a program is captured or compiled.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar, overload

from htp.diagnostics import Refused, Span
from htp.program import CORE_KINDS
from htp.types import Param, TensorType, TileType, param_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Definition(Generic[P, R]):
    """A decorated function; calling it with arrays runs its NumPy meaning.

    `kind` is the decorator's word: `kernel`, `func`, `routine`, or a word of `dialect`, which the module `home` lends.
    """

    def __init__(
        self,
        python: Callable[P, R],
        kind: str,
        annotations: Mapping[str, object],
        *,
        dialect: str = "",
        home: str = "",
    ) -> None:
        self.python = python
        self.kind = kind
        self.dialect = dialect
        self.home = home
        self.name = python.__name__
        self.__name__ = python.__name__
        self.__doc__ = python.__doc__
        self.__module__ = python.__module__
        self.__wrapped__ = python
        self.params = tuple(_param(python, kind, name, annotations) for name in inspect.signature(python).parameters)

    @property
    def place(self) -> Span:
        """Where the function is defined."""
        code = self.python.__code__
        return Span(file=code.co_filename, line=code.co_firstlineno)

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: object, **kwargs: object) -> R: ...
    def __call__(self, *args: object, **kwargs: object) -> R:
        """Runs the NumPy meaning; kernels and routines write their `Out` and `InOut` arrays and return None."""
        if self.kind == "func":
            call: Callable[..., R] = self.python
            return call(*args, **kwargs)
        from htp.reference import run_reference

        return run_reference(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def kernel(python: Callable[P, R]) -> Definition[P, R]:
    """Makes `python` a kernel: device-level code for one task.

    Raises:
        Refused: `capture.bad-annotation` when a parameter has no tile type.
    """
    return Definition(python, "kernel", annotations_of(python, caller_frame()))


def func(python: Callable[P, R]) -> Definition[P, R]:
    """Makes `python` a helper that is inlined into the kernels that call it."""
    return Definition(python, "func", {})


def routine(python: Callable[P, R]) -> Definition[P, R]:
    """Makes `python` a routine: host orchestration that is compiled into the artifact."""
    return Definition(python, "routine", annotations_of(python, caller_frame()))


def decorator(kind: str, dialect: str) -> Callable[[Callable[P, R]], Definition[P, R]]:
    """The decorator that makes functions of a kind which a dialect adds; it stands under that name in its module.

    Raises:
        Refused: `capture.name-taken` when core has a decorator of that name.
    """
    if kind in CORE_KINDS:
        raise Refused(
            "capture.name-taken",
            f"dialect `{dialect}` cannot add the kind `{kind}`: it is core's",
            help="choose another word",
        )

    maker = caller_frame()
    home = str(maker.f_globals.get("__name__", "")) if maker is not None else ""

    def decorate(python: Callable[P, R]) -> Definition[P, R]:
        return Definition(python, kind, annotations_of(python, caller_frame()), dialect=dialect, home=home)

    decorate.__name__ = kind
    decorate.__doc__ = f"Makes `python` a {kind} of the dialect `{dialect}`."
    return decorate


def caller_frame() -> FrameType | None:
    """The frame that called the function which asks."""
    own = inspect.currentframe()
    asking = own.f_back if own is not None else None
    return asking.f_back if asking is not None else None


def annotations_of(python: Callable[..., object], caller: FrameType | None) -> Mapping[str, object]:
    """The annotations of a function as values; `caller` is the frame in which it is decorated.

    Raises:
        Refused: `capture.bad-annotation`.
    """
    # Names that only annotations use are not in the closure, so the frame that decorates is asked for them.
    scope = {**_nonlocals(python), **(caller.f_locals if caller is not None else {})}
    try:
        return inspect.get_annotations(python, locals=scope, eval_str=True)
    except Refused as refusal:
        raise refusal.at(_place(python)) from None
    except Exception as error:
        raise Refused(
            "capture.bad-annotation",
            f"the annotations of `{python.__name__}` cannot be evaluated: {error}",
            span=_place(python),
            help='write types as in `a: In[Tensor[f32, "M", 128]]`',
        ) from None


def _nonlocals(python: Callable[..., object]) -> dict[str, object]:
    """The variables of enclosing functions that a function speaks of, as far as they are assigned by now."""
    cells = zip(python.__code__.co_freevars, python.__closure__ or (), strict=True)
    found: dict[str, object] = {}
    for name, cell in cells:
        with suppress(ValueError):  # a function that names itself, or one that is defined behind it
            found[name] = cell.cell_contents
    return found


def _place(python: Callable[..., object]) -> Span:
    code = python.__code__
    return Span(file=code.co_filename, line=code.co_firstlineno)


def _param(python: Callable[..., object], function_kind: str, name: str, annotations: Mapping[str, object]) -> Param:
    place = _place(python)
    kind = inspect.signature(python).parameters[name].kind
    if kind not in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY):
        raise Refused(
            "capture.unsupported-syntax",
            f"`{python.__name__}` takes a variable number of arguments (`{name}`)",
            span=place,
            help="name every parameter",
        )
    if function_kind == "func":
        return Param(name, "in", None)
    annotation = annotations.get(name)
    if (found := param_of(name, annotation)) is not None:
        return found
    if isinstance(annotation, TensorType | TileType):
        problem, fix = f"parameter `{name}` has no direction", f"`{name}: In[{annotation}]`, or Out[…], InOut[…]"
    else:
        problem, fix = (
            f"parameter `{name}` has no tile type",
            f'`{name}: In[Tensor[f32, "M"]]` or `{name}: Scalar[i32]`',
        )
    raise Refused("capture.bad-annotation", problem, span=place, help=f"write {fix}")
