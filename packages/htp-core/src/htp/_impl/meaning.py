"""Running the body of an intrinsic on tiles, held to its signature on the way in and out.

Knows the reference run of one call; does not know syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from htp._impl.operands import not_a_tile, operand
from htp._impl.signatures import Unbound, choices, converted, is_size
from htp._impl.storage import make, snapshot
from htp.arguments import bind_dims
from htp.diagnostics import Refused
from htp.dims import const
from htp.types import DTypeForm, Param, ScalarForm, ScalarType, TileForm, TileType
from htp.values import Array, Number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp._impl.signatures import Attribute, Formal, Signature
    from htp.dims import Expr
    from htp.intrinsics import Intrinsic, P, R
    from htp.types import DType

    DTypes = dict[TypeVar, DType]


def run_body(intrinsic: Intrinsic[P, R], args: Sequence[object], kwargs: Mapping[str, object]) -> R:
    """What the body gives for these arguments.

    Raises:
        Refused: `run.argument-count`, `run.dtype-mismatch`, `run.shape-mismatch`, `run.dim-mismatch` or
            `type.not-a-tile` for an argument, `intrinsic.wrong-result` for the result.
    """
    signature = intrinsic.signature
    try:
        given = {each.name: each.default for each in signature.attributes if each.default is not None}
        given |= signature.bind(args, kwargs)
    except Unbound as problem:
        help = "pass one value for each parameter that has no default"
        raise Refused("run.argument-count", str(problem), notes=(str(signature),), help=help) from None
    dtypes: DTypes = {}
    tiles_first = sorted(signature.formals, key=_turn)
    values = {
        each.name: _value(signature, each, given[each.name], dtypes) for each in tiles_first if each.name in given
    }
    sizes = _sizes(signature, values)
    tiles = [values[each.name] for each in signature.operands]
    attributes = {each.name: values[each.name] for each in signature.attributes}
    body = intrinsic.python
    result = body(*tiles, **attributes)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    _check_result(signature, result, sizes, dtypes)
    return result


def _turn(formal: Formal) -> int:
    """Dtypes that are told come first, then tiles, whose dtypes variables are, then numbers of these dtypes."""
    return 0 if isinstance(formal.type, DTypeForm) else 1 if isinstance(formal.type, TileType | TileForm) else 2


def _value(signature: Signature, formal: Formal, value: object, dtypes: DTypes) -> object:
    if formal.is_attribute:
        found = _attribute(signature, formal, value)
        if isinstance(formal.type, DTypeForm) and isinstance(found, type):
            dtypes[formal.type.dtype] = found
        return found
    if isinstance(formal.type, ScalarType | ScalarForm):
        return _number(signature, formal, value, dtypes)
    if not isinstance(value, Array):
        raise not_a_tile(value, f"`{signature.name}`")
    _one_dtype(signature, formal, type(value), dtypes)
    return make(type(value), snapshot(value))


def _attribute(signature: Signature, formal: Formal, value: object) -> Attribute:
    found = converted(formal, value)
    if found is None:
        raise Refused(
            "run.dtype-mismatch",
            f"`{formal.name}` of `{signature.name}` is {value!r}",
            notes=(str(signature),),
            help="pass what the signature declares",
        )
    return found


def _number(signature: Signature, formal: Formal, value: object, dtypes: DTypes) -> Number:
    """Rounded to its dtype, then a Python number, as numbers are inside programs."""
    if isinstance(value, Array):
        _one_dtype(signature, formal, type(value), dtypes)
    form = formal.type
    dtype = dtypes[form.dtype] if isinstance(form, ScalarForm) else cast("ScalarType", form).dtype
    array = make(dtype, operand(value, dtype, f"`{formal.name}` of `{signature.name}`"))
    if array.shape:
        raise Refused(
            "run.shape-mismatch",
            f"`{formal.name}` of `{signature.name}` is a number, not a tile of shape {array.shape}",
            help="take one element: `tile.item(…)`",
        )
    return bool(array) if array.kind == "bool" else float(array) if array.kind == "float" else int(array)


def _one_dtype(signature: Signature, formal: Formal, dtype: DType, dtypes: DTypes) -> None:
    """Holds an argument's dtype to its parameter's; a variable is what its first argument is."""
    wanted = formal.type.dtype if isinstance(formal.type, TileType | TileForm | ScalarType | ScalarForm) else dtype
    allowed = choices(wanted)
    if isinstance(wanted, TypeVar):
        allowed = (dtypes[wanted],) if wanted in dtypes else allowed
        dtypes.setdefault(wanted, dtype)
    if dtype not in allowed:
        raise Refused(
            "run.dtype-mismatch",
            f"`{formal.name}` of `{signature.name}` is {dtype.name}, not {' or '.join(each.name for each in allowed)}",
            notes=(str(signature),),
            help=f"convert it: `.astype({allowed[0].name})`",
        )


def _sizes(signature: Signature, values: Mapping[str, object]) -> dict[str, int]:
    params: list[Param] = []
    shapes: list[tuple[int, ...]] = []
    constants = _constants(signature, values)
    for each in signature.operands:
        value = values[each.name]
        if not isinstance(each.type, TileType | TileForm) or not isinstance(value, Array):
            continue
        dims = tuple(size.substitute(constants) for size in each.type.dims)
        if len(dims) != value.ndim:
            raise Refused(
                "run.shape-mismatch",
                f"`{each.name}` of `{signature.name}` has shape {value.shape}, not {len(dims)} dimensions",
                notes=(str(signature),),
                help=f"pass a tile of {len(dims)} dimensions: `tile.reshape` and `tile.expand_dims` change how many",
            )
        params.append(Param(f"`{each.name}` of `{signature.name}`", "in", TileType(type(value), dims)))
        shapes.append(value.shape)
    return bind_dims(params, shapes) | {name: size.constant or 0 for name, size in constants.items()}


def _constants(signature: Signature, values: Mapping[str, object]) -> dict[str, Expr]:
    """Integers, attributes or not, which sizes may be made of."""
    whole = (each for each in signature.formals if each.type is int or is_size(each))
    found = {each.name: values.get(each.name, each.default) for each in whole}
    return {name: const(cast("int", value)) for name, value in found.items()}


def _check_result(signature: Signature, result: object, sizes: Mapping[str, int], dtypes: DTypes) -> None:
    form = signature.result
    dtype = dtypes[form.dtype] if isinstance(form, TileForm) else form.dtype
    shape = tuple(size.evaluate(sizes) for size in form.dims)
    if isinstance(result, Array) and type(result) is dtype and result.shape == shape:
        return
    shown = f"{type(result).name} of shape {result.shape}" if isinstance(result, Array) else type(result).__name__
    raise Refused(
        "intrinsic.wrong-result",
        f"the body of `{signature.name}` gives {shown}, and it declares {dtype.name} of shape {shape}",
        notes=(str(signature),),
        help="mend the body, or the type of the result",
    )
