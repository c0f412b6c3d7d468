"""What a receive gives instead of a token. Knows that it is no token; does not know channels."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NoReturn

from htp.diagnostics import Refused
from htp.places import user_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EOS", "NONE", "Signal", "no_token"]


class Signal(Enum):
    """What a receive gives instead of a token: nothing yet, or the end of the stream."""

    NONE = "NONE"
    EOS = "EOS"

    def __repr__(self) -> str:
        return self.name


def no_token(signal: Signal) -> Refused:
    """The refusal of a signal where a token is wanted."""
    why = "the stream has ended" if signal is Signal.EOS else "there is none yet"
    return Refused(
        "csp.no-token",
        f"{signal.name} is used as a token: {why}",
        span=user_line(),
        help=f"ask before: `if x is not {signal.name}:`, or receive with `for x in channel`",
    )


def _refusing(operation: str) -> Callable[..., NoReturn]:
    def refuse(self: Signal, *_: object) -> NoReturn:
        raise no_token(self)

    refuse.__name__ = operation
    return refuse


BINARY = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
OTHER = ("lt", "le", "gt", "ge", "neg", "invert", "abs", "int", "float", "index", "getitem", "iter", "len")
for _name in (*BINARY, *(f"r{each}" for each in BINARY), *OTHER):
    setattr(Signal, f"__{_name}__", _refusing(f"__{_name}__"))

NONE: Final = Signal.NONE
NONE.__doc__ = "What `try_recv` and `peek` give while there is no token yet; it is compared with `is`."
EOS: Final = Signal.EOS
EOS.__doc__ = "What a receive, `peek` or `select` gives when all streams have ended; it is compared with `is`."
