"""What a call of a package passes: arrays that are checked and not copied, and numbers as 64 bits.

Knows parameters and slots; does not know who runs the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.arguments import check_arguments
from htp.diagnostics import Refused
from htp.dims import const, parse
from htp.types import Param, ScalarType, Slot, TensorType, dtype_named
from htp_backend_pto.profile import SCALARS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from htp.types import Array, DType
    from htp_backend_pto.contract import Package, Parameter

    Vector = np.ndarray[tuple[int, ...], np.dtype[np.generic]]

__all__ = ["Call", "Face", "bits_of"]

FORMATS = {
    "float": "<f4", "int64_t": "<i8", "int32_t": "<i4", "int16_t": "<i2", "int8_t": "i1",
    "uint64_t": "<u8", "uint32_t": "<u4", "uint16_t": "<u2", "uint8_t": "u1", "bool": "?",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """The arguments of one run: arrays with their parameters, and the bits of scalars and slots, in their order."""

    arrays: tuple[tuple[Parameter, Vector], ...]
    scalars: tuple[tuple[str, int], ...]

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of an array."""
        return next(array.shape for parameter, array in self.arrays if parameter.name == name)


class Face:
    """The entry of a package as Python calls it."""

    def __init__(self, contract: Package) -> None:
        self.contract = contract
        self.params = tuple(_param(each) for each in contract.parameters)
        self.slots: dict[str, Slot[Array]] = {
            each.name: Slot(_dtype(each.dtype), each.value) for each in contract.slots
        }

    def attach(self, slots: Mapping[str, Slot[Array]]) -> None:
        """Reads these slots of a live program from now on, instead of the values stored in the package."""
        self.slots.update({name: slot for name, slot in slots.items() if name in self.slots})

    def call(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Call:
        """The arguments of a call.

        Raises:
            Refused: a `run.*` code.
        """
        arrays, _ = check_arguments(self.params, args, kwargs)
        given = list(zip(self.contract.parameters, arrays, strict=True))
        scalars = [(each.name, bits_of(array, each.dtype)) for each, array in given if each.direction == "scalar"]
        scalars += [(name, _slot_bits(slot)) for name, slot in self.slots.items()]
        return Call(tuple(each for each in given if each[0].direction != "scalar"), tuple(scalars))


def bits_of(number: object, dtype: str) -> int:
    """The bits of a scalar as tasks are given it.

    >>> hex(bits_of(1.5, "f32")), hex(bits_of(-1, "i32"))
    ('0x3fc00000', '0xffffffff')
    """
    import numpy as np

    value = np.asarray(number).astype("f8") if SCALARS[dtype] == "float" else np.asarray(number)
    raw = value.astype(FORMATS[SCALARS[dtype]]).tobytes()
    return int.from_bytes(raw, "little")


def _slot_bits(slot: Slot[Array]) -> int:
    return bits_of(slot.value, slot.dtype.name)


def _dtype(name: str) -> DType:
    found = dtype_named(name)
    if found is None:
        raise Refused("artifact.bad-record", f"contract/pto.json names an unknown dtype {name!r}")
    return found


def _param(parameter: Parameter) -> Param:
    dtype = _dtype(parameter.dtype)
    dims = tuple(const(each) if isinstance(each, int) else parse(each) for each in parameter.dims)
    type_ = ScalarType(dtype) if parameter.direction == "scalar" else TensorType(dtype, dims)
    return Param(parameter.name, parameter.direction, type_)
