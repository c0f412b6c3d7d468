"""What is known about symbols, and what follows from it.

Knows which questions can be asked; how facts are solved is in `known`, the rules of proof are in `proof`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from htp.diagnostics import Refused
from htp.dims import samples
from htp.dims.expr import Expr, coerce, hidden, sym
from htp.dims.known import Known
from htp.dims.proof import bounds, refuted, tightened
from htp.dims.simplify import simplified

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.dims.linear import Bounds


class Facts:
    """An immutable set of facts about symbols; every `with_` method gives a larger set.

    What is proved holds for all values of the symbols that satisfy the facts and for which the expressions asked
    about divide by no zero; nothing is proved of one that always does. From facts that contradict each other
    everything follows. A symbol stands for one integer throughout; a loop that binds a known name anew makes it
    another integer.

    >>> from htp.dims import Facts, maximum, minimum, sym
    >>> M, i = sym("M"), sym("i")
    >>> loop = Facts().with_dim("M").with_range("i", 0, M, 64)
    >>> print(loop.simplify(maximum(0, minimum(i + 64, M) - i)))
    min(64, M - i)
    >>> print(Facts().with_divides(64, M).with_range("i", 0, M, 64).simplify(minimum(64, M - i)))
    64
    """

    __slots__ = (
        "__weakref__", "_bounds", "_impossibilities", "_known", "_larger", "_parent", "_samples", "_simplified",
    )  # fmt: skip

    def __init__(self) -> None:
        self._known = Known()
        self._parent: Facts | None = None
        self._samples: tuple[samples.Sample, ...] | None = None
        self._bounds: dict[Expr, Bounds] = {}
        self._simplified: dict[Expr, Expr] = {}
        self._impossibilities: dict[tuple[Expr, ...], bool] = {}
        self._larger: WeakValueDictionary[tuple[object, ...], Facts] = WeakValueDictionary()

    def _with(self, make: Callable[..., Known], *given: Expr | int | str) -> Facts:
        """The set that a method makes of this one: the same one each time, with all that was proved of it."""
        more = self._larger.get(key := (make.__name__, *given))
        if more is None:
            more = self._larger[key] = Facts()
            more._known = make(*given)
            more._parent = self
        return more

    def with_dim(self, name: str) -> Facts:
        """Adds that a symbol is a size, so at least 0."""
        return self.with_nonnegative(hidden(name))

    def with_range(self, name: str, start: Expr | int, stop: Expr | int, step: int = 1) -> Facts:
        """Adds a loop variable inside its loop: `name` is one of `range(start, stop, step)`.

        Raises:
            Refused: `type.bad-dimension` when the step is 0.
        """
        if step == 0:
            raise Refused("type.bad-dimension", f"the range of `{name}` has step 0")
        return self._with(self._ranged, name, self.simplify(start), self.simplify(stop), step)

    def _ranged(self, name: str, first: Expr, last: Expr, step: int) -> Known:
        length = (last - first).constant
        once = length is not None and 0 < (length if step > 0 else -length) <= abs(step)
        known = self._known.with_range(name, first, last, step, once=once)
        if step > 0 and first.constant is None and self.nonnegative(first):
            known = known.with_nonnegative(sym(name))  # that a quotient is 0 or more does not follow from its bounds
        return known

    def with_nonnegative(self, value: Expr | int) -> Facts:
        """Adds that an expression is at least 0."""
        return self._with(self._known.with_nonnegative, coerce(value))

    def with_divides(self, divisor: int, value: Expr | int) -> Facts:
        """Adds that an integer divides an expression; 0 divides 0 only."""
        if divisor == 0:
            return self.with_equal(value, 0)
        return self._with(self._known.with_divides, abs(divisor), coerce(value))

    def with_equal(self, left: Expr | int, right: Expr | int) -> Facts:
        """Adds that two expressions are equal."""
        return self._with(self._known.with_zero, self.simplify(coerce(left) - coerce(right)))

    def simplify(self, value: Expr | int) -> Expr:
        """An equal expression without the minima, maxima, quotients and remainders that the facts decide."""
        value = coerce(value)
        known = self._simplified.get(value)
        if known is None:
            try:
                known = simplified(self, value.substitute(self._known.aliases))
            except Refused:  # it divides by zero whatever the symbols are
                known = value
            self._simplified[value] = self._simplified[known] = known
        return known

    def equal(self, left: Expr | int, right: Expr | int) -> bool | None:
        """Whether two expressions are always equal (True) or never (False); None when neither is proved."""
        difference = self.simplify(coerce(left) - coerce(right))
        if difference.constant is not None:
            return difference.constant == 0
        known = self._known.image(difference)
        if known is None:
            return None
        if self._impossible(known - 1) and self._impossible(-known - 1):
            return True
        return False if self._impossible(known, -known) else None

    def nonnegative(self, value: Expr | int) -> bool:
        """Whether an expression is proved to be at least 0."""
        known = self._known.image(-coerce(value) - 1)
        return known is not None and self._impossible(known)

    def divides(self, divisor: int, value: Expr | int) -> bool:
        """Whether an integer is proved to divide an expression; 0 divides 0 only."""
        if divisor == 0:
            return self.equal(value, 0) is True
        known = self._known.image(coerce(value))
        if known is None:
            return False
        rest = known % abs(divisor)
        return rest.constant == 0 if rest.constant is not None else self._impossible(rest - 1)

    def upper_bound(self, value: Expr | int) -> int | None:
        """The least integer proved to be at least the expression, None when none is."""
        return self._interval(value)[1]

    def lower_bound(self, value: Expr | int) -> int | None:
        """The greatest integer proved to be at most the expression, None when none is."""
        return self._interval(value)[0]

    def candidate(self, value: Expr) -> int | None:
        """The one value that the expression may always have, to be proved; None when it has several.

        That is what all samples say; where none was found, the least value.
        """
        known = self._known.image(value)
        if known is None:
            return None
        if not self._sampled():
            return bounds(self._known.rows, known)[0]
        taken = set[int]()
        for each in self._sampled():
            try:
                taken.add(known.evaluate(each))
            except Refused:  # divides by zero there
                continue
        return taken.pop() if len(taken) == 1 else None

    def _interval(self, value: Expr | int) -> Bounds:
        value = self.simplify(value)
        if value.constant is not None:
            return value.constant, value.constant
        if value not in self._bounds:
            known = self._known.image(value)
            self._bounds[value] = (None, None) if known is None else bounds(self._known.rows, known)
        return self._bounds[value]

    def _impossible(self, *values: Expr) -> bool:
        """Whether expressions over proof symbols are proved not to be all at least 0 at once."""
        rows = tuple(tightened(each) for each in values)
        if any(not row.terms and row.offset < 0 for row in rows):
            return True
        proved = self._impossibilities.get(rows)
        if proved is None:
            possible = any(samples.satisfies(each, rows) for each in self._sampled())
            proved = self._impossibilities[rows] = not possible and refuted(self._known.rows, rows)
        return proved

    def _sampled(self) -> tuple[samples.Sample, ...]:
        if self._samples is None:
            rows = self._known.rows
            if self._parent is None:
                self._samples = samples.first()
            else:
                earlier = frozenset(self._parent._known.rows)
                latest = tuple(each for each in rows if each not in earlier)
                self._samples = samples.found(self._parent._sampled(), rows, latest)
        return self._samples
