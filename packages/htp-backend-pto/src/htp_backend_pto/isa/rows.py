"""How the table is written: operands as words, dtypes as words, and everything else where it is not the usual.

Knows the spelling of rows; does not know instructions.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from htp_backend_pto.isa.instructions import Instruction, Operand, Route

if TYPE_CHECKING:
    from htp_backend_pto.isa.instructions import Dtypes, Role

__all__ = ["row"]

ROLES: dict[str, Role] = {"": "src", "!": "inout", "~": "scratch", "#": "scalar", "@": "attribute"}
OPERAND = re.compile(r"(?P<role>[!~#@]?)(?P<name>\w+)(?::(?P<forms>[\w,]+))?$")


def row(
    name: str,
    cpp: str,
    operands: str,
    summary: str,
    *,
    dtypes: str,
    sim: str | None = None,
    variables: str = "",
    routes: str = "",
    call: str = "",
    notes: tuple[str, ...] = (),
) -> Instruction:
    """One row.

    `operands` are the parameters in order, each `name` or `name:forms`, with a mark in front: `!` for the old value of
    the result, `~` for scratch, `#` for a number, `@` for an attribute. `dst:forms` stands first where the result is
    not in rows. `dtypes` are those of `a2a3`, as `f32 f16` or `f16>f32 i8>i32`; `sim` are those of `a2a3sim` where they
    are others. `routes` are `PIPE dst tile tile; …`, in short `V` for tiles in the unified buffer.
    """
    found = tuple(_operand(each) for each in operands.split())
    if found[0].name != "dst":
        found = (Operand("dst", "dst", ("nd",)), *found)
    tiles = [each for each in found if each.role in ("dst", "src", "inout", "scratch")]
    plain = [each.name for each in found if each.role not in ("inout", "attribute")]
    return Instruction(
        name=name,
        cpp=cpp,
        routes=tuple(_route(each, len(tiles)) for each in (routes or "V").split(";")),
        operands=found,
        variables=tuple(variables.split()) or ("T",),
        dtypes=MappingProxyType({"a2a3sim": _dtypes(dtypes if sim is None else sim), "a2a3": _dtypes(dtypes)}),
        call=call or f"{cpp}({', '.join(f'{{{each}}}' for each in plain)})",
        summary=summary,
        notes=notes,
    )


def _operand(text: str) -> Operand:
    matched = OPERAND.match(text)
    if matched is None:
        raise ValueError(f"an operand is no word with a mark: {text}")
    role = "dst" if matched["name"] == "dst" else ROLES[matched["role"]]
    forms = tuple(matched["forms"].split(",")) if matched["forms"] else ("nd",)
    return Operand(matched["name"], role, () if role in ("scalar", "attribute") else forms)


def _route(text: str, tiles: int) -> Route:
    pipe, *spaces = text.split()
    return Route(tuple(spaces) if spaces else ("ub",) * tiles, pipe)  # type: ignore[arg-type]  # pyright: ignore


def _dtypes(text: str) -> tuple[Dtypes, ...]:
    return tuple(tuple(each.split(">")) for each in text.split())
