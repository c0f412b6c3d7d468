"""The reference run: what calling a kernel or routine with arrays does.

Knows how arguments become typed regions; the operations themselves are `htp.tile`.
"""

from __future__ import annotations

import linecache
import os.path
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from htp.arguments import bind_dims, check_arguments, declared_type
from htp.diagnostics import Refused, Span
from htp.places import user_line
from htp.types import ScalarType
from htp.values import Array, live, wrap_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp.language import Definition

    Declare = Callable[[Definition[..., object], tuple[object, ...], Mapping[str, object]], None]

P = ParamSpec("P")
R = TypeVar("R")


DECLARE: ContextVar[Declare | None] = ContextVar("DECLARE", default=None)
"""What becomes of a call of a kernel while a network is open; kernels run at once while it is unset."""


def run_reference(definition: Definition[P, R], args: tuple[object, ...], kwargs: Mapping[str, object]) -> R:
    """Runs `definition` under NumPy meaning on arrays, or on the values and regions of a calling program.

    Raises:
        Refused: `run.*` when an argument does not fit its parameter.
    """
    declare = DECLARE.get()
    if declare is not None and definition.kind == "kernel":
        return cast("R", declare(definition, args, kwargs))
    if definition.kind == "kernel" and any(each.is_end for each in definition.params):
        raise Refused(
            "type.bad-network",
            f"`{definition.name}` is a process, and no network is open here",
            span=user_line(),
            help="call it between `open_network()` and `close_network()`",
        )
    values = prepared(definition, args, kwargs)
    if definition.kind == "routine":  # what it opens and an error leaves open ends with it
        return copy_context().run(run_prepared, definition, values)
    return run_prepared(definition, values)


def prepared(
    definition: Definition[P, R], args: tuple[object, ...], kwargs: Mapping[str, object], *, later: bool = False
) -> list[object]:
    """What each parameter is inside the function; for an end of a channel what was passed, which is not looked at.

    A function that runs `later` sees what slices of regions hold then.

    Raises:
        Refused: `run.*` when an argument does not fit its parameter.
    """
    names = [each.name for each in definition.params]
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    complete = len(given) == len(names) == len(args) + len(kwargs)
    ends = any(each.is_end for each in definition.params)
    if complete and (ends or any(isinstance(each, Array) for each in given.values())):
        values = [given[name] for name in names]
    else:
        arrays = check_arguments(definition.params, args, kwargs)[0]
        scalars = [isinstance(each.type, ScalarType) for each in definition.params]
        values = [each.item() if scalar else each for each, scalar in zip(arrays, scalars, strict=True)]
    if later:
        values = [live(each) if isinstance(each, Array) else each for each in values]
    wrapped: list[object] = []
    for param, value in zip(definition.params, values, strict=True):
        declared = declared_type(param)
        if param.is_end:
            wrapped.append(value)
            continue
        array = wrap_argument(value, declared, writable=param.direction != "in")
        wrapped.append(python_number(array) if isinstance(declared, ScalarType) else array)
    sized = [(each, value) for each, value in zip(definition.params, wrapped, strict=True) if not each.is_end]
    shapes = [value.shape if isinstance(value, Array) else () for _, value in sized]
    bind_dims([each for each, _ in sized], shapes)
    return wrapped


def run_prepared(definition: Definition[P, R], values: list[object]) -> R:
    """Runs the body of `definition` on what `prepared` gave.

    Raises:
        Refused: what the body is refused with, at the user's line.
    """
    try:
        return definition.python(*values)  # type: ignore[arg-type]
    except Refused as refusal:
        raise refusal.at(_user_line(refusal)) from None
    except ZeroDivisionError as error:
        raise Refused("run.assertion-failed", f"{error}", span=_user_line(error)) from None
    except MemoryError as error:
        raise out_of_memory(str(error)) from None
    except AssertionError as error:
        raise _assertion_failed(error) from None


def out_of_memory(what: str) -> Refused:
    """The refusal of a run that needs more memory than there is."""
    return Refused("run.out-of-memory", f"not enough memory: {what}", help="use smaller tiles or smaller sizes")


def window_full(task: int, kernel: str, window: int, span: Span | None) -> Refused:
    """The refusal of a run whose task window, which aborts when it is full, has no room for a task."""
    return Refused(
        "run.window-full",
        f"task {task}, `{kernel}`, finds the window of {window} full",
        span=span,
        help="make the window larger, or let submission stall when it is full",
    )


def _assertion_failed(error: AssertionError) -> Refused:
    """The refusal of a run whose `assert` does not hold, at the line of the assertion."""
    place = _user_line(error)
    written = linecache.getline(place.file, place.line).strip() if place is not None else ""
    return Refused("run.assertion-failed", _said(written) or str(error), span=place)


def _said(line: str) -> str:
    """What a line asserts; empty for another line, or for a part of a statement."""
    import ast

    from htp.lowering.build import asserted

    try:
        parsed = ast.parse(line).body
    except SyntaxError:
        return ""
    return asserted(parsed[0]) if parsed and isinstance(parsed[0], ast.Assert) else ""


def _user_line(error: BaseException) -> Span | None:
    """The innermost line outside of HTP that an error came through."""
    own = os.path.dirname(__file__)
    found: Span | None = None
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(own):
            found = Span(file=file, line=trace.tb_lineno)
        trace = trace.tb_next
    return found


def python_number(array: Array) -> int | float | bool:
    """The element of an array of rank 0; inside a program scalars are Python numbers, which adapt to the tiles."""
    kind = array.kind
    return bool(array) if kind == "bool" else float(array) if kind == "float" else int(array)
