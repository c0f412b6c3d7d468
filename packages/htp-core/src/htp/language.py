"""The decorators: what turns a Python function into a kernel, a helper or a routine.

Knows signatures and the reference run; does not know how a program is captured or compiled.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar, overload

from htp.diagnostics import Refused, Span
from htp.types import Directed, Param, ScalarType, TensorType, TileType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from htp.program import Kind

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Definition(Generic[P, R]):
    """A decorated function; calling it with arrays runs its NumPy meaning."""

    def __init__(self, python: Callable[P, R], kind: Kind, annotations: Mapping[str, object]) -> None:
        self.python = python
        self.kind: Kind = kind
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
    return Definition(python, "kernel", _annotations(python, inspect.currentframe()))


def func(python: Callable[P, R]) -> Definition[P, R]:
    """Makes `python` a helper that is inlined into the kernels that call it."""
    return Definition(python, "func", {})


def routine(python: Callable[P, R]) -> Definition[P, R]:
    """Makes `python` a routine: host orchestration that is compiled into the artifact."""
    return Definition(python, "routine", _annotations(python, inspect.currentframe()))


def _annotations(python: Callable[..., object], decorator: FrameType | None) -> Mapping[str, object]:
    # Names that only annotations use are not in the closure, so the frame that decorates is asked for them.
    caller = decorator.f_back if decorator is not None else None
    scope = {**inspect.getclosurevars(python).nonlocals, **(caller.f_locals if caller is not None else {})}
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


def _place(python: Callable[..., object]) -> Span:
    code = python.__code__
    return Span(file=code.co_filename, line=code.co_firstlineno)


def _param(python: Callable[..., object], function_kind: Kind, name: str, annotations: Mapping[str, object]) -> Param:
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
    if isinstance(annotation, Directed):
        return Param(name, annotation.direction, annotation.type)
    if isinstance(annotation, ScalarType):
        return Param(name, "scalar", annotation)
    if isinstance(annotation, TensorType | TileType):
        problem, fix = f"parameter `{name}` has no direction", f"`{name}: In[{annotation}]`, or Out[…], InOut[…]"
    else:
        problem, fix = (
            f"parameter `{name}` has no tile type",
            f'`{name}: In[Tensor[f32, "M"]]` or `{name}: Scalar[i32]`',
        )
    raise Refused("capture.bad-annotation", problem, span=place, help=f"write {fix}")
