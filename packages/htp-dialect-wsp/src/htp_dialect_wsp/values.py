"""What directives take beside numbers and names: frozen values that programs write as calls.

Knows how a value is spelled and checked; does not know what it stands for.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Refused
from htp.language import Definition
from htp_dialect_wsp.places import user_place

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AnyDefinition", "Value", "at_least", "bad_argument"]

AnyDefinition = Definition[..., object]


@dataclass(frozen=True)
class Value:
    """A value of a directive; `text()` is the call that makes it."""

    def text(self, spelled: Callable[[AnyDefinition], str]) -> str:
        """The call, without a key that is at its default; `spelled` is the name of a helper in the program."""
        shown: list[str] = []
        for each in sorted(fields(self), key=lambda one: one.name == "workers"):
            value: object = getattr(self, each.name)
            if each.name != "key" or each.default is MISSING or value != each.default:
                text = spelled(cast("AnyDefinition", value)) if isinstance(value, Definition) else repr(value)
                shown.append(f"{each.name}={text}")
        return f"{type(self).__name__}({', '.join(shown)})"


def at_least(least: int, value: object, what: str, name: str) -> int:
    """The number, which must be an int and not below `least`.

    Raises:
        Refused: `wsp.bad-argument`, at the user's line.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise bad_argument(f"`{name}` of `{what}` is {value!r}", f"give an int, {least} or more")
    return value


def bad_argument(message: str, help: str) -> Refused:
    """The refusal of an argument of a directive, at the user's line."""
    return Refused("wsp.bad-argument", message, span=user_place(), help=help)
