"""What a call of an intrinsic is, but for its arguments: the types of its tiles and numbers, and its attributes.

Knows signatures; does not know handlers.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import const
from htp.types import DTypeForm, ScalarForm, ScalarType, TileForm, TileType, dtype_named
from htp_backend_cpu.literals import constant_of
from htp_backend_cpu.scope import ArrayName, Kind, not_register_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.intrinsics import Attribute, Intrinsic
    from htp.types import DType
    from htp_backend_cpu.scope import Scope


@dataclass(frozen=True)
class Form:
    """What calls of one intrinsic may differ in, but for their arguments."""

    result: TileType
    operands: tuple[tuple[str, TileType | ScalarType], ...]
    attributes: tuple[tuple[str, Attribute], ...]


def form_of(intrinsic: Intrinsic[..., object], given: Mapping[str, ast.expr], scope: Scope) -> Form:
    """What the call is a form of: dtypes are those of the tiles in memory, attributes are constants."""
    signature = intrinsic.signature
    tiles = [(each.name, each.type) for each in signature.operands if isinstance(each.type, TileForm)]
    dtypes = {type_.dtype: _dtype(given[name], scope) for name, type_ in tiles}
    attributes = {each.name: _attribute(each.type, given.get(each.name), each.default) for each in signature.attributes}
    for each in signature.attributes:
        if isinstance(each.type, DTypeForm) and isinstance(dtype := attributes[each.name], type):
            dtypes[each.type.dtype] = dtype
    sizes = {name: const(value) for name, value in attributes.items() if type(value) is int}

    def tile(type_: object) -> TileType:
        if not isinstance(type_, TileType | TileForm):
            raise Bug(f"`{intrinsic.name}` has {type_} where a tile belongs")
        dims = tuple(each.substitute(sizes) for each in type_.dims)
        return TileType(dtypes[type_.dtype] if isinstance(type_, TileForm) else type_.dtype, dims)

    def operand(type_: object) -> TileType | ScalarType:
        if isinstance(type_, ScalarForm):
            return ScalarType(dtypes[type_.dtype])
        return type_ if isinstance(type_, ScalarType) else tile(type_)

    operands = tuple((each.name, operand(each.type)) for each in signature.operands)
    return Form(tile(signature.result), operands, tuple(attributes.items()))


def _attribute(type_: object, given: ast.expr | None, default: Attribute | None) -> Attribute:
    value = default if given is None else _constant(given)
    if value is None:
        raise Bug("an attribute has no value")
    return float(value) if type_ is float and not isinstance(value, type) else value


def _dtype(node: ast.expr, scope: Scope) -> DType:
    name = node.value if isinstance(node, ast.Subscript) else node
    meaning = scope.find(name.id) if isinstance(name, ast.Name) else None
    found = dtype_named(meaning.dtype) if isinstance(meaning, ArrayName | Kind) else None
    return found or not_register_form(node, "not a slice of memory")


def _constant(node: ast.expr) -> Attribute:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name) and (dtype := dtype_named(node.id)) is not None:
        return dtype
    number = constant_of(node)
    return number if number is not None else not_register_form(node, "an attribute is a constant")


