"""Arrays to try a program on: sizes, seeded values, edge cases and poison, all made from its parameters.

Knows declared types; does not know what the program computes.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from htp.arguments import declared_type
from htp.diagnostics import Refused
from htp.types import ScalarType, numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from htp.types import DType, Param

    Vector = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    Generator = np.random.Generator

Fill = Literal["random", "index", "zeros", "nan", "inf", "extreme", "denormal"]
TAILS = (1, 15, 16, 17, 33, 65)
_LADDER = (1, 16, 64, 128, 256)
_WORK = 20_000
"""Largest product of all named sizes of a case: late stages run element by element in Python."""


@dataclass(frozen=True)
class Case:
    """A way to make inputs: sizes of the named dimensions and what the arrays hold."""

    name: str
    dims: Mapping[str, int]
    fill: Fill = "random"
    seed: int = 0


def dim_names(params: Sequence[Param]) -> tuple[str, ...]:
    """The named dimensions of a signature, in order of first appearance."""
    names: dict[str, None] = {}
    for param in params:
        declared = declared_type(param)
        if not isinstance(declared, ScalarType):
            for dim in declared.dims:
                names.update(dict.fromkeys(sorted(dim.symbols)))
    return tuple(names)


def number_names(params: Sequence[Param]) -> tuple[str, ...]:
    """The whole-number parameters that no dimension is called after."""
    dims = dim_names(params)
    return tuple(
        param.name
        for param in params
        if param.direction == "scalar" and declared_type(param).dtype.kind in ("int", "uint") and param.name not in dims
    )


def choose_dims(
    params: Sequence[Param],
    seed: int,
    *,
    fixed: Mapping[str, int] | None = None,
    divisors: Mapping[str, int] | None = None,
    multiple: int = 1,
) -> dict[str, int]:
    """Small sizes for the named dimensions: `fixed` ones as given, others multiples of their divisor and of `multiple`.

    `fixed` may name whole-number parameters too.

    Raises:
        Refused: `run.dim-mismatch` when `fixed` names something else or breaks a divisor.
    """
    import numpy as np

    names = dim_names(params)
    given = dict(fixed or {})
    numbers = number_names(params)
    unknown = sorted(set(given) - {*names, *numbers})
    if unknown:
        known = ", ".join((*names, *numbers)) or "none"
        raise Refused(
            "run.dim-mismatch", f"the program has no dimension {unknown[0]!r}", help=f"give a size for one of: {known}"
        )
    random = np.random.default_rng([seed, 1])
    sizes = {name: given[name] for name in numbers if name in given}
    largest = min(65, int(_WORK ** (1 / max(1, len(names)))))
    for name in names:
        step = max((divisors or {}).get(name, 1), multiple)
        drawn = int(random.integers(1, max(2, largest // step + 1))) * step
        sizes[name] = given.get(name, drawn)
        if sizes[name] % (divisors or {}).get(name, 1) or sizes[name] < 0:
            raise Refused(
                "run.dim-mismatch",
                f"{name} = {sizes[name]} is not a multiple of {step}",
                help=f"give a multiple, as {name}={step}",
            )
    return sizes


def ladder(params: Sequence[Param], seed: int, fixed: Mapping[str, int] | None = None) -> list[Case]:
    """Ordinary cases to try in turn until the program accepts one: odd sizes first, then rounder ones, then indices.

    The last ones have one size for all dimensions and whole numbers that are not `fixed`: programs assert such things.
    """
    fills = cast("tuple[Fill, ...]", ("random", "index"))
    names = (*dim_names(params), *number_names(params))
    given = dict(fixed or {})
    alike = [*dict.fromkeys(given.values()), *_LADDER[1:]]
    cases = [
        Case(f"seed-{seed}", choose_dims(params, seed, fixed=fixed, multiple=multiple), fill, seed)
        for fill in fills
        for multiple in _LADDER
    ]
    return cases + [
        Case(f"seed-{seed}", {**dict.fromkeys(names, size), **given}, fill, seed)
        for fill in fills
        for size in alike
        if size ** len(dim_names(params)) <= _WORK
    ]


def edge_cases(params: Sequence[Param], works: Case, *, fixed: Mapping[str, int] | None = None) -> list[Case]:
    """Tails around multiples of 16, empty arrays and special values, starting from a case that `works`.

    A program may refuse some of them (an `assert` on shapes, say); then they do not apply to it.
    """
    names = [name for name in dim_names(params) if name not in (fixed or {})]
    sizes = [(size, dict.fromkeys(names, size)) for size in TAILS] if names else []
    cases: list[Case] = []
    for position, (size, dims) in enumerate(sizes):
        kept = [names[(2 * position + each) % len(names)] for each in range(2)]
        dims = _affordable({**works.dims, **dims}, kept, fixed or {})
        cases.append(Case(f"tail-{size}", dims, works.fill, works.seed + size))
    for position, name in enumerate(names):
        size = TAILS[(position * 2 + 3) % len(TAILS)]
        dims = _affordable({**works.dims, name: size}, [name], fixed or {})
        cases.append(Case(f"tail-{name}-{size}", dims, works.fill, works.seed + 100 + position))
        cases.append(Case(f"empty-{name}", {**works.dims, name: 0}, works.fill, works.seed))
    if any(param.direction != "out" and declared_type(param).dtype.kind == "float" for param in params):
        fills = cast("tuple[Fill, ...]", ("zeros", "nan", "inf", "extreme", "denormal"))
        cases += [Case(f"values-{fill}", works.dims, fill, works.seed + 7) for fill in fills]
    return cases


def _affordable(dims: Mapping[str, int], kept: Sequence[str], fixed: Mapping[str, int]) -> dict[str, int]:
    """The sizes, with all but the `kept` and the `fixed` ones at most 3 when together they are too much work."""
    if math.prod(dims.values()) <= _WORK:
        return dict(dims)
    return {name: size if name in kept or name in fixed else min(size, 3) for name, size in dims.items()}


def make_inputs(params: Sequence[Param], case: Case) -> dict[str, Vector]:
    """One array per parameter; those that are only written hold poison.

    Equal cases give equal bytes.

    Raises:
        Refused: `run.out-of-memory` where there is no room for them.
    """
    try:
        return _made(params, case)
    except (MemoryError, ValueError) as error:  # NumPy says of some sizes that they are no array at all
        what = f"the inputs for {', '.join(f'{name}={size}' for name, size in case.dims.items())} have no room"
        raise Refused("run.out-of-memory", what, notes=(str(error),), help="give smaller sizes") from None


def _made(params: Sequence[Param], case: Case) -> dict[str, Vector]:
    import numpy as np

    arrays: dict[str, Vector] = {}
    special = next((p.name for p in params if p.direction != "out" and declared_type(p).dtype.kind == "float"), "")
    bound = max(1, min((size for size in case.dims.values() if size > 0), default=4))
    for index, param in enumerate(params):
        random = np.random.default_rng([case.seed, 2, index])
        dtype = numpy_dtype(declared_type(param).dtype)
        shape = shape_of(param, case.dims)
        if param.direction == "out":
            arrays[param.name] = poison(np.empty(shape, dtype))
            continue
        values = _values(random, param, shape, dtype, case.fill, bound)
        if param.direction == "scalar" and param.name in case.dims and param.name not in dim_names(params):
            values = cast("Vector", np.asarray(case.dims[param.name]).astype(dtype))
        if param.name == special and param.direction != "scalar":
            _special(values, case.fill, random)
        arrays[param.name] = values
    return arrays


def shape_of(param: Param, dims: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an array parameter for these sizes."""
    declared = declared_type(param)
    if isinstance(declared, ScalarType):
        return ()
    return tuple(max(0, dim.evaluate(dims)) for dim in declared.dims)


def _values(
    random: Generator, param: Param, shape: tuple[int, ...], dtype: np.dtype[np.generic], fill: Fill, bound: int
) -> Vector:
    """Normal floats, small integers (below every size for `index`), fair booleans."""
    import numpy as np

    kind = declared_type(param).dtype.kind
    if fill == "zeros":
        return np.zeros(shape, dtype)
    if kind == "bool":
        return cast("Vector", random.integers(0, 2, shape).astype(dtype))
    if kind in ("int", "uint"):
        low = 0 if kind == "uint" or fill == "index" else -100
        high = bound if fill == "index" else 101
        if param.direction == "scalar":
            low, high = 1, min(high, 8) + 1 if fill != "index" else 2
        return cast("Vector", np.asarray(random.integers(low, high, shape)).astype(dtype))
    drawn = np.asarray(random.standard_normal(shape))
    if fill == "denormal":
        tiny = float(_finfo(dtype).smallest_subnormal)
        return cast("Vector", (np.round(drawn * 3) * tiny).astype(dtype))
    return cast("Vector", drawn.astype(dtype))


def _special(values: Vector, fill: Fill, random: Generator) -> None:
    """Puts one special value into one array.

    One is enough to see whether it spreads as it must; several would make sums depend on their order.
    """
    if values.size == 0 or fill not in ("nan", "inf", "extreme"):
        return
    info = _finfo(values.dtype)
    number = {"nan": float("nan"), "inf": float("inf"), "extreme": float(info.max)}[fill]
    position = int(random.integers(values.size))
    if fill == "inf" and str(values.dtype) == "float8_e4m3fn":  # has no infinity
        number = float(info.max)
    values.reshape(-1)[position : position + 1] = number


def _finfo(dtype: np.dtype[np.generic]) -> np.finfo[np.floating]:
    import ml_dtypes

    return cast("np.finfo[np.floating]", ml_dtypes.finfo(dtype))


def poison(array: Vector, *, pattern: int = 0) -> Vector:
    """Fills an array with values no program should leave behind; patterns 0 and 1 differ in every element.

    Floats get NaN (pattern 0) or the bytes 0x5A, integers the bytes 0xA5 or 0x5A, booleans true or false.
    """
    import numpy as np

    if array.dtype.kind == "b":
        array[...] = pattern == 0
    elif pattern == 0 and array.dtype.kind in "fV":
        array[...] = float("nan")
    else:
        array.reshape(-1).view(np.uint8)[...] = 0x5A if pattern else 0xA5
    return array


def unwritten(one: Vector, other: Vector) -> Mask:
    """Where two runs left what `poison` puts there, 1 in one and 0 in the other; it is not told of booleans."""
    import numpy as np

    if one.dtype.kind == "b" or one.dtype != other.dtype or one.shape != other.shape or not one.size:
        return np.zeros(one.shape, np.bool_)
    marks = [poison(np.empty(1, one.dtype), pattern=pattern).tobytes() for pattern in (1, 0)]
    kept = [
        np.ascontiguousarray(array).reshape(-1).view(f"V{array.dtype.itemsize}") == np.void(mark)
        for array, mark in zip((one, other), marks, strict=True)
    ]
    return cast("Mask", (kept[0] & kept[1]).reshape(one.shape))


def fingerprint(array: Vector) -> str:
    """SHA-256 of the elements in row order."""
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def parse_dims(text: str) -> dict[str, int]:
    """`M=64,N=32` as a mapping.

    Raises:
        Refused: `cli.bad-dims`.
    """
    sizes: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, size = (piece.strip() for piece in part.partition("="))
        if not name.isidentifier() or not size.isdecimal() or len(size) > 12:
            raise Refused("cli.bad-dims", f"{part!r} is not a size", help="write sizes as M=64,N=32")
        if name in sizes and sizes[name] != int(size):
            raise Refused("cli.bad-dims", f"{name} is said to be {sizes[name]} and {size}", help="give one size for it")
        sizes[name] = int(size)
    return sizes


def save_arrays(path: object, arrays: Mapping[str, Vector]) -> None:
    """Writes arrays to an `.npz` file; dtypes NumPy does not know are kept as raw bytes."""
    import numpy as np

    # The header of a file has no name for a dtype that is not NumPy's own: what it says of float8_e5m2 cannot be read.
    stored = {
        name: array.view(f"V{array.dtype.itemsize}") if array.dtype.isbuiltin == 2 else array
        for name, array in arrays.items()
    }
    np.savez(cast("str", path), allow_pickle=False, **stored)  # type: ignore[arg-type]


def load_arrays(path: object, dtypes: Mapping[str, DType] | None = None) -> dict[str, Vector]:
    """Arrays of an `.npz` file, in the `dtypes` they are known to have.

    Raises:
        Refused: `replay.bad-arrays`.
    """
    import zipfile
    import zlib

    import numpy as np

    try:
        with np.load(cast("str", path), allow_pickle=False) as stored:
            arrays = {name: cast("Vector", stored[name]) for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not an .npz file of arrays"
        raise Refused("replay.bad-arrays", f"{path} cannot be read: {reason}") from error
    for name, declared in (dtypes or {}).items():
        array, dtype = arrays.get(name), numpy_dtype(declared)
        if array is not None and array.dtype.kind == "V" and array.dtype.itemsize == dtype.itemsize:
            arrays[name] = array.view(dtype)
    return arrays
