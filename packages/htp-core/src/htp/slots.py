"""Numbers that live beside compiled programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from htp._impl import numeric
from htp.values import Array

if TYPE_CHECKING:
    from htp.values import Number

__all__ = ["Slot"]

D = TypeVar("D", bound=Array)


class Slot(Generic[D]):
    """A number that lives beside a compiled program and can be set between runs without compiling again.

    >>> limit = Slot(i32, 4)
    >>> limit.value = 8
    >>> limit.value
    8
    """

    __slots__ = ("_dtype", "_initial", "_value")

    def __init__(self, dtype: type[D], value: Number = 0) -> None:
        self._dtype = dtype
        self._initial: Number = numeric.python_number(dtype(value).__array__())
        self._value: Number = self._initial

    @property
    def dtype(self) -> type[D]:
        """The dtype of the value."""
        return self._dtype

    @property
    def initial(self) -> Number:
        """The value it was made with."""
        return self._initial

    @property
    def value(self) -> D:
        """The value as a Python number, which takes the dtype of the tile beside it; type checkers see the dtype."""
        return cast("D", self._value)

    @value.setter
    def value(self, value: D | Number) -> None:
        found = value if isinstance(value, self._dtype) else self._dtype(value)  # type: ignore[arg-type]
        self._value = numeric.python_number(found.__array__())

    def __repr__(self) -> str:
        return f"Slot({self._dtype.name}, {self._initial!r})"
