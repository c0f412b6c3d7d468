"""Dispatch policies: which worker runs a task. A policy is code, and any package may bring further ones.

Knows classes and their helpers; does not know how a target calls them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

from htp.language import Definition, func
from htp_dialect_wsp.cursors import Expression, expression_text
from htp_dialect_wsp.declarations import PolicyDeclaration
from htp_dialect_wsp.values import Value, at_least, bad_argument

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PLACED_BY", "Policy", "PolicyDeclaration", "affinity", "custom", "hash", "round_robin", "work_steal"]

PLACED_BY = ("order", "key", "rank", "digest", "workers")
"""What a policy's helper may ask for, beside the policy's own numbers."""


@func
def in_turn(order: int, workers: int) -> int:
    """The workers one after the other."""
    return order % workers


@func
def by_rank(rank: int, workers: int) -> int:
    """The workers one after the other as new keys appear."""
    return rank % workers


@func
def by_digest(digest: int) -> int:
    """The worker that the key's hash says."""
    return digest


@dataclass(frozen=True)
class Policy(Value):
    """Which of `workers` workers runs a task.

    `place` is an `@htp.func` that gives the worker, from 0 to `workers - 1`. Its parameters are names out of these:
    `order`, how many tasks were submitted before; `key`, the task's key; `rank`, how many different keys appeared
    before this one; `digest`, the key's FNV-1a hash modulo `workers`; `workers`; and fields of the policy that are
    numbers. With `steal` an idle worker takes tasks of others. A policy that has a field `key` holds its expression
    there, as text.
    """

    place: ClassVar[Definition[..., object]]
    steal: ClassVar[bool] = False

    workers: int = field(kw_only=True)

    def __post_init__(self) -> None:
        """Checks the number of workers, and makes text of a key."""
        at_least(1, self.workers, type(self).__name__, "workers")
        if "key" in self.__dataclass_fields__:
            object.__setattr__(self, "key", expression_text(getattr(self, "key", None)))


@dataclass(frozen=True)
class round_robin(Policy):  # noqa: N801 - the word that programs use
    """The workers one after the other, task by task."""

    place: ClassVar = in_turn

    workers: int


@dataclass(frozen=True)
class affinity(Policy):  # noqa: N801
    """Tasks of one key run on one worker; new keys go to the workers in turn."""

    place: ClassVar = by_rank

    key: str | int | Expression


@dataclass(frozen=True)
class hash(Policy):  # noqa: N801
    """Tasks of one key run on the worker that the key's FNV-1a hash says."""

    place: ClassVar = by_digest

    key: str | int | Expression


@dataclass(frozen=True)
class work_steal(Policy):  # noqa: N801
    """The workers one after the other, and an idle worker takes tasks of the others."""

    place: ClassVar = in_turn
    steal: ClassVar[bool] = True

    workers: int


@dataclass(frozen=True)
class custom(Policy):  # noqa: N801
    """The worker that an `@htp.func` of the user gives; its parameters are as in `Policy`."""

    place: ClassVar = in_turn

    fn: Callable[..., object]
    key: str | int | Expression = field(default="0", kw_only=True)

    def __post_init__(self) -> None:
        """Checks that `fn` can be compiled."""
        super().__post_init__()
        fn: object = self.fn
        if not (isinstance(fn, Definition) and cast("Definition[..., object]", fn).kind == "func"):
            raise bad_argument("`fn` of `custom` cannot be compiled", "decorate it with @htp.func")
