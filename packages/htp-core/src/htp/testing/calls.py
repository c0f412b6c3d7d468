"""Kernels that do nothing but call one intrinsic, for every choice of dtypes that its signature allows.

Knows how a call is written; does not know what comes of it.
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, TypeVar, cast

from htp._impl.signatures import choices, is_size
from htp.dims import const
from htp.intrinsics import attribute_text
from htp.testing.programs import defined
from htp.types import DTypeForm, ScalarForm, TileForm, TileType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp._impl.signatures import Attribute, Formal, Signature
    from htp.dims import Expr
    from htp.intrinsics import Intrinsic
    from htp.testing.programs import AnyDefinition
    from htp.types import DType

__all__ = ["DTypes", "assignments", "kernel_calling"]

MOST = 16
"""Choices of dtypes that are tried, where an intrinsic has several variables."""

DTypes = dict[TypeVar, "DType"]


def assignments(intrinsic: Intrinsic[..., object]) -> Iterator[DTypes]:
    """Every choice of dtypes for the variables of a signature."""
    forms = [each.type for each in intrinsic.signature.formals]
    variables = list(dict.fromkeys(each.dtype for each in forms if isinstance(each, TileForm | ScalarForm | DTypeForm)))
    every = product(*(choices(each) for each in variables))
    yield from (dict(zip(variables, chosen, strict=True)) for chosen in islice(every, MOST))


def kernel_calling(
    intrinsic: Intrinsic[..., object], dtypes: DTypes, attributes: Mapping[str, Attribute], *, strided: bool = False
) -> AnyDefinition:
    """A kernel over tensors of the operands' types that writes the result of one call.

    With `strided`, operands and result are parts of larger tensors: inner columns, or one column of three.
    """
    signature = intrinsic.signature
    known = {each.name: attributes.get(each.name, each.default) for each in signature.attributes if each.type is int}
    sizes = {name: const(cast("int", value)) for name, value in known.items()}
    params: list[str] = []
    arguments: list[str] = []
    for at, each in enumerate(signature.operands):
        if is_size(each):
            arguments.append(_size(each.name, signature, strided))
            continue
        param, argument = _operand(f"p{at}", each, dtypes, sizes, strided)
        params.append(param)
        arguments.append(argument)
    told = {each.name: dtypes[each.type.dtype] for each in signature.attributes if isinstance(each.type, DTypeForm)}
    arguments += [f"{name}={attribute_text(value)}" for name, value in {**attributes, **told}.items()]
    package, _, home = intrinsic.module.rpartition(".")
    call = f"{home}.{intrinsic.__name__}({', '.join(arguments)})"
    result, part = _tensor(signature.result, dtypes, sizes, strided)
    rank = len(signature.result.dims)
    params.append(f"r: {'InOut' if strided else 'Out'}[{result}]")
    written = f"r[{part}] = {call}" if rank else f"r[:] = tile.reshape({call}, (1,))"
    if strided:
        # A size is read off a dimension that it is alone; those of the larger tensors are sums.
        symbols = {name for each in _dims(signature, sizes) for name in each.symbols}
        params += [f'size_{name}: In[Tensor[i8, "{name}"]]' for name in sorted(symbols)]
    name = f"call_{intrinsic.__name__}"
    head = f"from {package} import {home}\n\n\n@kernel\ndef {name}({', '.join(params)}) -> None:"
    shown = " ".join(each.name for each in dtypes.values())
    return defined(f"{head}\n    {written}", name, f"<{signature.name} {shown}{' strided' if strided else ''}>")


def _size(name: str, signature: Signature, strided: bool) -> str:
    """A number that tells a size of the result; others are zero."""
    places = [at for at, each in enumerate(signature.result.dims) if str(each) == name]
    if not places:
        return "0"
    return f"size_{name}.shape[0]" if strided else f"r.shape[{places[0]}]"


def _dims(signature: Signature, sizes: Mapping[str, Expr]) -> Iterator[Expr]:
    """The dimensions of all tiles of a signature."""
    for form in (*(each.type for each in signature.operands), signature.result):
        if isinstance(form, TileType | TileForm):
            yield from (each.substitute(sizes) for each in form.dims)


def _operand(name: str, formal: Formal, dtypes: DTypes, sizes: Mapping[str, Expr], strided: bool) -> tuple[str, str]:
    """A parameter of the kernel, and the argument made of it; a tile without axes is one element."""
    if not isinstance(formal.type, TileType | TileForm):
        form = cast("ScalarForm", formal.type)
        return f"{name}: Scalar[{_dtype(form.dtype, dtypes)}]", name
    tensor, part = _tensor(formal.type, dtypes, sizes, strided)
    argument = f"{name}[{part}]" if formal.type.dims else f"tile.reshape({name}[:], ())"
    return f"{name}: In[{tensor}]", argument


def _tensor(form: TileType | TileForm, dtypes: DTypes, sizes: Mapping[str, Expr], strided: bool) -> tuple[str, str]:
    """The tensor that holds a tile, and which part of it the tile is."""
    dims = [each.substitute(sizes) for each in form.dims]
    part = [":"] * len(dims)
    if strided and len(dims) == 1:
        dims, part = [*dims, const(3)], [":", "1"]
    elif strided and dims:
        dims, part = [*dims[:-1], dims[-1] + const(3)], [*part[:-1], "1:-2"]
    shown = [str(each) if each.constant is not None else f'"{each}"' for each in dims or [const(1)]]
    return f"Tensor[{', '.join((_dtype(form.dtype, dtypes), *shown))}]", ", ".join(part)


def _dtype(dtype: DType | TypeVar, dtypes: DTypes) -> str:
    return dtypes[dtype].name if isinstance(dtype, TypeVar) else dtype.name
