"""The boundary between Python values and a compiled program: what may be passed for each parameter.

Knows arrays, buffers and declared types; does not know who is called. Nothing is ever copied or converted in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Bug, Diagnostic, Refused
from htp.types import Array, ScalarType, numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from htp.dims import Expr
    from htp.types import Param, TensorType, TileType

    Vector = np.ndarray[tuple[int, ...], np.dtype[np.generic]]

_HOST_DEVICES = (1, 3, 11)  # kDLCPU, kDLCUDAHost, kDLROCMHost: dlpack.h, DLDeviceType


@dataclass
class _Dims:
    """Sizes found so far, with the argument and axis that said so first."""

    sizes: dict[str, int] = field(default_factory=dict[str, int])
    places: dict[str, str] = field(default_factory=dict[str, str])


def check_arguments(
    params: Sequence[Param], args: Sequence[object], kwargs: Mapping[str, object]
) -> tuple[list[Vector], dict[str, int]]:
    """One array per parameter, in order and without copying, and the size of every named dimension.

    Arrays, DLPack exporters on the host, `__array_interface__` and buffers are accepted; scalars become 0-d arrays.

    Raises:
        Refused: a `run.*` code; every argument that does not fit is among its diagnostics.
    """
    values = _by_parameter(params, args, kwargs)
    arrays: list[Vector] = []
    problems: list[Diagnostic] = []
    for param, value in zip(params, values, strict=True):
        try:
            arrays.append(_argument(param, value))
        except Refused as refused:
            problems += refused.diagnostics
    if problems:
        raise Refused.of(*problems)
    sizes = bind_dims(params, [array.shape for array in arrays])
    _check_overlap(params, arrays)
    return arrays, sizes


def declared_type(param: Param) -> TensorType | TileType | ScalarType:
    """The type of a parameter that can be called from Python; only helpers have parameters without one."""
    if param.type is None:
        raise Bug(f"parameter {param.name!r} has no type, so it cannot be at the boundary")
    return param.type


def _by_parameter(params: Sequence[Param], args: Sequence[object], kwargs: Mapping[str, object]) -> list[object]:
    """The value for each parameter, by position and then by name."""
    names = [param.name for param in params]
    takes = f"it takes {len(names)}: {', '.join(names)}" if names else "it takes none"
    every = "pass one value for each parameter, by position or by name" if names else "pass nothing"
    if len(args) > len(names):
        raise Refused("run.argument-count", f"{len(args)} arguments were given by position", notes=(takes,), help=every)
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise Refused("run.argument-count", f"there is no parameter {name!r}", notes=(takes,), help=every)
        if name in given:
            said = f"{name!r} was given by position and by name"
            raise Refused("run.argument-count", said, notes=(takes,), help=every)
        given[name] = value
    missing = [name for name in names if name not in given]
    if missing:
        raise Refused("run.argument-count", f"no value for {', '.join(missing)}", notes=(takes,), help=every)
    return [given[name] for name in names]


def _argument(param: Param, value: object) -> Vector:
    declared = declared_type(param)
    if isinstance(declared, ScalarType):
        return _scalar(param, declared, value)
    array = as_array(param.name, value)
    expected = numpy_dtype(declared.dtype)
    if array.dtype != expected:
        raise Refused(
            "run.dtype-mismatch",
            f"{param.name} has dtype {array.dtype}, the program declares {param.type}",
            help=f"pass {param.name}.astype({_dtype_text(expected)}), or declare another dtype",
        )
    rank = len(declared.dims)
    if array.ndim != rank:
        raise Refused(
            "run.shape-mismatch",
            f"{param.name} has {array.ndim} dimensions {array.shape}, the program declares {param.type}",
            help=f"pass an array of {rank} dimensions, as {param.name}.reshape(…) gives, or declare another type",
        )
    if not array.flags.c_contiguous:
        raise Refused(
            "run.not-contiguous",
            f"{param.name} does not lie in memory row after row (strides {array.strides} bytes)",
            help=f"pass numpy.ascontiguousarray({param.name}); HTP does not copy in silence",
        )
    if not array.flags.aligned:
        raise Refused(
            "run.not-contiguous",
            f"{param.name} is misaligned: its address is no multiple of {array.dtype.alignment} bytes",
            help=f"pass {param.name}.copy(), which is aligned; HTP does not copy in silence",
        )
    if param.direction in ("out", "inout") and not array.flags.writeable:
        raise Refused(
            "run.read-only",
            f"{param.name} is read-only, but the program writes it",
            help=f"pass a writable array, such as {param.name}.copy()",
        )
    return array


def _scalar(param: Param, declared: ScalarType, value: object) -> Vector:
    """A number as a 0-d array of the declared dtype; integers must fit and floats are not cut to integers."""
    import numpy as np

    dtype = numpy_dtype(declared.dtype)
    number = np.asarray(value)
    if number.ndim != 0 or number.dtype.kind not in "biufV":
        raise Refused(
            "run.dtype-mismatch",
            f"{param.name} is {type(value).__name__}, the program declares {param.type}",
            help="pass one number, of Python or of NumPy",
        )
    kind = declared.dtype.kind
    source = {"b": "bool", "i": "int", "u": "int"}.get(number.dtype.kind, "float")
    wanted = "int" if kind == "uint" else kind
    fits = source == wanted or (wanted == "float" and source == "int")
    if number.dtype != dtype and fits and wanted == "int":
        limits = np.iinfo(cast("np.dtype[np.integer]", dtype))
        fits = limits.min <= int(number) <= limits.max
    if not fits:
        one = {"bool": "True or False", "float": "a float or an integer"}.get(wanted, f"an integer that fits {dtype}")
        raise Refused("run.dtype-mismatch", f"{param.name} is {value!r}, which is no {param.type}", help=f"pass {one}")
    return cast("Vector", number.astype(dtype))


def as_array(name: str, value: object) -> Vector:
    """A value as an array over the same memory.

    Raises:
        Refused: `run.not-an-array`, `run.wrong-device`, `run.dtype-mismatch`.
    """
    import numpy as np

    if isinstance(value, np.ndarray):
        return cast("Vector", value)
    if isinstance(value, Array):
        return np.asarray(value)
    if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
        return _from_dlpack(name, value)
    if hasattr(value, "__array_interface__"):
        return cast("Vector", np.asarray(value))
    try:
        view = memoryview(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except TypeError:
        raise Refused(
            "run.not-an-array",
            f"{name} is {type(value).__name__}, which has no memory that could be used as an array",
            help=f"pass numpy.asarray({name}, dtype=…)",
        ) from None
    return cast("Vector", np.asarray(view))


def _from_dlpack(name: str, value: object) -> Vector:
    import numpy as np

    kind, number = cast("tuple[int, int]", value.__dlpack_device__())  # type: ignore[attr-defined]
    if int(kind) not in _HOST_DEVICES:
        raise Refused(
            "run.wrong-device",
            f"{name} lies on device {int(kind)}:{number} (DLPack), this program runs on the host",
            help=f"copy it first, for example {name}.cpu()",
        )
    try:
        return cast("Vector", np.from_dlpack(value))  # type: ignore[arg-type]  # pyright: ignore
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise Refused(
            "run.dtype-mismatch" if "dtype" in str(error).lower() else "run.not-an-array",
            f"{name} cannot be used without copying: {error}",
            help="for bf16 and fp8 pass a numpy array with an ml_dtypes dtype",
        ) from error


def bind_dims(params: Sequence[Param], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """The size of every named dimension, from shapes of the declared rank.

    Raises:
        Refused: `run.shape-mismatch`, `run.dim-mismatch`.
    """
    found = _Dims()
    derived: list[tuple[str, Expr, int]] = []
    for param, shape in zip(params, shapes, strict=True):
        declared = declared_type(param)
        if isinstance(declared, ScalarType):
            continue
        for axis, (dim, size) in enumerate(zip(declared.dims, shape, strict=True)):
            place = f"axis {axis} of {param.name}"
            if dim.constant is not None:
                _check_constant(param.name, declared, shape, dim.constant, size)
            elif len(dim.symbols) == 1 and str(dim) in dim.symbols:
                _bind(found, str(dim), size, place)
            else:
                derived.append((place, dim, size))
    for place, dim, size in derived:
        _solve(found, place, dim, size)
    for place, dim, size in derived:
        _check_derived(found, place, dim, size)
    return found.sizes


def _check_constant(name: str, type: TensorType | TileType, shape: tuple[int, ...], expected: int, size: int) -> None:
    if size != expected:
        raise Refused(
            "run.shape-mismatch",
            f"{name} has shape {shape}, the program declares {type}",
            help="pass an array of the declared sizes, or declare other ones",
        )


def _bind(found: _Dims, name: str, size: int, place: str) -> None:
    known = found.sizes.setdefault(name, size)
    if known != size:
        raise Refused(
            "run.dim-mismatch",
            f"{name} is {known} by {found.places[name]} but {size} by {place}; they must agree",
            help="pass arrays that agree there, or give the two sizes different names in the signature",
        )
    found.places.setdefault(name, place)


def _solve(found: _Dims, place: str, dim: Expr, size: int) -> None:
    """Finds the one symbol that nothing else fixes, when `dim` is linear in it."""
    unknown = sorted(dim.symbols - found.sizes.keys())
    if len(unknown) != 1:
        return
    name = unknown[0]
    at_zero, at_one = (dim.evaluate({**found.sizes, name: value}) for value in (0, 1))
    slope = at_one - at_zero
    if slope == 0 or (size - at_zero) % slope:
        return
    value = (size - at_zero) // slope
    if value >= 0 and dim.evaluate({**found.sizes, name: value}) == size:
        _bind(found, name, value, f"{place}, which is {dim},")


def _check_derived(found: _Dims, place: str, dim: Expr, size: int) -> None:
    unknown = sorted(dim.symbols - found.sizes.keys())
    if unknown:
        raise Refused(
            "run.dim-mismatch",
            f"{place} is {size}, from which {unknown[0]} in {dim} cannot be told",
            help=f"pass a size that {dim} can be, or declare {unknown[0]} as an axis of its own",
        )
    expected = dim.evaluate(found.sizes)
    if expected != size:
        known = ", ".join(f"{name} is {found.sizes[name]} by {found.places[name]}" for name in sorted(dim.symbols))
        raise Refused(
            "run.dim-mismatch",
            f"{place} is {size}, but {dim} is {expected}",
            notes=(known,),
            help=f"pass an array that has {expected} there",
        )


def _check_overlap(params: Sequence[Param], arrays: Sequence[Vector]) -> None:
    """No array that is written may share memory with another argument (contiguous arrays: their bounds tell)."""
    import numpy as np

    for index, param in enumerate(params):
        if param.direction not in ("out", "inout"):
            continue
        for other, second in enumerate(params):
            clash = other != index and (other > index or second.direction in ("in", "scalar"))
            if clash and np.may_share_memory(arrays[index], arrays[other]):
                raise Refused(
                    "run.aliased-arguments",
                    f"{param.name} is written and shares memory with {second.name}",
                    help=f"pass a separate array for {param.name}",
                )


def _dtype_text(dtype: object) -> str:
    name = str(dtype)
    return f"ml_dtypes.{name}" if "bfloat" in name or "float8" in name else f"numpy.{name}"
