"""Kernels that do nothing but call one intrinsic, for every choice of dtypes that its signature allows.

Knows how a call is written; does not know what comes of it.
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING, TypeVar, cast

from htp._impl.signatures import choices
from htp.dims import const
from htp.testing.programs import defined
from htp.types import ScalarForm, TileForm, TileType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp._impl.signatures import Attribute, Formal
    from htp.dims import Expr
    from htp.intrinsics import Intrinsic
    from htp.testing.programs import AnyDefinition
    from htp.types import DType

__all__ = ["assignments", "kernel_calling"]

MOST = 16
"""Choices of dtypes that are tried, where an intrinsic has several variables."""

DTypes = dict[TypeVar, "DType"]


def assignments(intrinsic: Intrinsic[..., object]) -> Iterator[DTypes]:
    """Every choice of dtypes for the variables of a signature."""
    forms = [each.type for each in intrinsic.signature.formals]
    variables = list(dict.fromkeys(each.dtype for each in forms if isinstance(each, TileForm | ScalarForm)))
    every = product(*(choices(each) for each in variables))
    yield from (dict(zip(variables, chosen, strict=True)) for chosen in islice(every, MOST))


def kernel_calling(
    intrinsic: Intrinsic[..., object], dtypes: DTypes, attributes: Mapping[str, Attribute]
) -> AnyDefinition:
    """A kernel over tensors of the operands' types that writes the result of one call."""
    signature = intrinsic.signature
    known = {each.name: attributes.get(each.name, each.default) for each in signature.attributes if each.type is int}
    sizes = {name: const(cast("int", value)) for name, value in known.items()}
    params: list[str] = []
    arguments: list[str] = []
    for at, each in enumerate(signature.operands):
        param, argument = _operand(f"p{at}", each, dtypes, sizes)
        params.append(param)
        arguments.append(argument)
    arguments += [f"{name}={value!r}" for name, value in attributes.items()]
    package, _, home = intrinsic.module.rpartition(".")
    call = f"{home}.{intrinsic.__name__}({', '.join(arguments)})"
    result = _tensor(signature.result, dtypes, sizes)
    rank = len(signature.result.dims)
    params.append(f"r: Out[{result}]")
    written = f"r[{', '.join(':' * rank)}] = {call}" if rank else f"r[:] = tile.reshape({call}, (1,))"
    name = f"call_{intrinsic.__name__}"
    head = f"from {package} import {home}\n\n\n@kernel\ndef {name}({', '.join(params)}) -> None:"
    told = " ".join(each.name for each in dtypes.values())
    return defined(f"{head}\n    {written}", name, f"<{signature.name} {told}>")


def _operand(name: str, formal: Formal, dtypes: DTypes, sizes: Mapping[str, Expr]) -> tuple[str, str]:
    """A parameter of the kernel, and the argument made of it; a tile without axes is one element."""
    if not isinstance(formal.type, TileType | TileForm):
        form = cast("ScalarForm", formal.type)
        return f"{name}: Scalar[{_dtype(form.dtype, dtypes)}]", name
    rank = len(formal.type.dims)
    argument = f"{name}[{', '.join(':' * rank)}]" if rank else f"tile.reshape({name}[:], ())"
    return f"{name}: In[{_tensor(formal.type, dtypes, sizes)}]", argument


def _tensor(form: TileType | TileForm, dtypes: DTypes, sizes: Mapping[str, Expr]) -> str:
    dims = [each.substitute(sizes) for each in form.dims] or [const(1)]
    shown = [str(each) if each.constant is not None else f'"{each}"' for each in dims]
    return f"Tensor[{', '.join((_dtype(form.dtype, dtypes), *shown))}]"


def _dtype(dtype: DType | TypeVar, dtypes: DTypes) -> str:
    return dtypes[dtype].name if isinstance(dtype, TypeVar) else dtype.name
