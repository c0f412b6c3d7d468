"""Shape rules: what shape each family of operations gives, or why the operands do not fit.

Knows dims and facts; does not know syntax. Every rule raises `Mismatch`, which the caller turns into a coded refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.dims import const, maximum, minimum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr, Facts

Dims = tuple["Expr", ...]


class Mismatch(Exception):
    """Operands do not fit; `help` says what would.

    `sizes` are two that could not be proved equal, `multiple` is a size and what it could not be proved to divide by.
    """

    def __init__(
        self,
        message: str,
        help: str = "",
        code: str = "type.shape-mismatch",
        *,
        note: str = "",
        sizes: tuple[Expr, Expr] | None = None,
        multiple: tuple[Expr, Expr] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.code = code
        self.note = note
        self.sizes = sizes
        self.multiple = multiple


def show(dims: Sequence[Expr]) -> str:
    """`(64, N)`, as Python writes shapes."""
    inner = ", ".join(str(each) for each in dims)
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def same(facts: Facts, a: Expr, b: Expr, what: str, help: str = "") -> Expr:
    """`a` where it is provably equal to `b`."""
    verdict = facts.equal(a, b)
    if verdict:
        return a
    if verdict is None:
        raise Mismatch(what, note=f"it cannot be proved that {a} equals {b}", sizes=(a, b))
    raise Mismatch(what, help or "sizes along an axis have to be equal", note=f"{a} is not {b}")


def broadcast(facts: Facts, *shapes: Dims) -> Dims:
    """NumPy broadcasting; a symbolic size equals only what is provably the same."""
    try:
        return _broadcast(facts, shapes)
    except Mismatch as mismatch:
        axis = _lost_axis(facts, shapes)
        if axis is None:
            raise
        hint = f"keep the axis with `keepdims=True` where it is reduced, or put it back: `tile.expand_dims(…, {axis})`"
        raise Mismatch(mismatch.message, hint, note=mismatch.note) from None


def _lost_axis(facts: Facts, shapes: Sequence[Dims]) -> int | None:
    """The axis that the lower of two ranks has lost, if with size 1 there it fits: what reductions do."""
    if len(shapes) != 2 or abs(len(shapes[0]) - len(shapes[1])) != 1:
        return None
    low, high = sorted(shapes, key=len)
    for axis in range(len(low), -1, -1):
        kept = (*low[:axis], const(1), *low[axis:])
        pairs = zip(kept, high, strict=True)
        if all(1 in (a.constant, b.constant) or facts.equal(a, b) for a, b in pairs):
            return axis
    return None


def _broadcast(facts: Facts, shapes: Sequence[Dims]) -> Dims:
    rank = max(len(each) for each in shapes)
    result: list[Expr] = []
    for axis in range(rank):
        size = const(1)
        for shape in shapes:
            position = axis - (rank - len(shape))
            if position < 0 or shape[position].constant == 1:
                continue
            if size.constant == 1:
                size = shape[position]
            else:
                shown = " and ".join(show(each) for each in shapes)
                size = same(facts, size, shape[position], f"shapes {shown} do not broadcast")
        result.append(size)
    return tuple(result)


def axis_of(rank: int, axis: int) -> int:
    """A checked, non-negative axis."""
    if not -rank <= axis < rank:
        raise Mismatch(
            f"axis {axis} is out of range for {rank} dimensions",
            f"axes go from 0 to {rank - 1}, or backwards from -1" if rank else "a tile of rank 0 has no axes",
            "type.bad-axis",
        )
    return axis % rank


def reduced(dims: Dims, axes: Sequence[int], keepdims: bool) -> Dims:
    """The shape without `axes`, or with 1 in their place."""
    return tuple(
        const(1) if index in axes else size for index, size in enumerate(dims) if keepdims or index not in axes
    )


def product(dims: Sequence[Expr]) -> Expr:
    """The number of elements."""
    total = const(1)
    for size in dims:
        total = total * size
    return total


def reshaped(facts: Facts, dims: Dims, wanted: Sequence[Expr]) -> Dims:
    """The shape of a reshape; one size may be -1."""
    unknown = [index for index, size in enumerate(wanted) if size.constant == -1]
    total = product(dims)
    if len(unknown) > 1:
        raise Mismatch("only one size of a reshape may be -1", "give the other sizes")
    if unknown:
        known = product([size for size in wanted if size.constant != -1])
        if known.constant == 0:
            raise Mismatch("a reshape with -1 needs the other sizes to be non-zero", "give every size")
        fill = total // known
        if facts.equal(fill * known, total) is not True:
            raise Mismatch(f"cannot prove that {total} elements divide by {known}", multiple=(total, known))
        return tuple(fill if index == unknown[0] else size for index, size in enumerate(wanted))
    same(facts, total, product(wanted), f"{show(dims)} cannot become {show(wanted)}")
    return tuple(wanted)


def matmul(facts: Facts, a: Dims, b: Dims) -> Dims:
    """NumPy's `@`: vectors, matrices, and batches that broadcast."""
    if not a or not b:
        raise Mismatch("`@` needs at least one dimension on both sides", "multiply by a scalar with `*`")
    left = [const(1), *a] if len(a) == 1 else list(a)
    right = [*b, const(1)] if len(b) == 1 else list(b)
    same(
        facts,
        left[-1],
        right[-2],
        f"cannot multiply {show(a)} and {show(b)}",
        "columns on the left have to be as many as rows on the right; `.T` transposes",
    )
    batch = broadcast(facts, tuple(left[:-2]), tuple(right[:-2])) if len(left) > 2 or len(right) > 2 else ()
    rows = () if len(a) == 1 else (left[-2],)
    columns = () if len(b) == 1 else (right[-1],)
    return (*batch, *rows, *columns)


def concatenated(facts: Facts, shapes: Sequence[Dims], axis: int) -> Dims:
    """Shapes that agree but for `axis`, joined along it."""
    first = shapes[0]
    total = first[axis]
    for shape in shapes[1:]:
        if len(shape) != len(first):
            raise Mismatch(
                f"cannot join {show(first)} and {show(shape)}: different numbers of dimensions", "reshape one of them"
            )
        for index, size in enumerate(shape):
            if index != axis:
                same(facts, first[index], size, f"cannot join {show(first)} and {show(shape)} along axis {axis}")
        total = total + shape[axis]
    return tuple(total if index == axis else size for index, size in enumerate(first))


def clip(facts: Facts, bound: Expr, size: Expr, low: Expr | None = None) -> Expr | None:
    """Where a slice bound falls in `size` elements as Python clips it; None when the bound's sign cannot be decided.

    `low` is the lower bound of a slice whose upper one is asked for.
    """
    if bound.constant is not None and bound.constant < 0:
        return facts.simplify(_positive(facts, bound + size))
    # Two proofs may succeed where one of the sum does not.
    if facts.nonnegative(bound) or (low is not None and facts.nonnegative(low) and facts.nonnegative(bound - low)):
        return facts.simplify(minimum(bound, size))
    if facts.with_nonnegative(size - 1).nonnegative(bound):  # negative only where there is nothing to count back in
        return facts.simplify(minimum(maximum(bound, const(0)), size))
    return None


def clipped_width(facts: Facts, low: tuple[Expr, Expr], high: tuple[Expr, Expr]) -> Facts:
    """The facts about two bounds of a slice, each with where it falls: it has no more elements than the bounds say.

    That holds for bounds of any sign, negative ones that are counted from the end included, as long as they ascend.
    """
    width = (high[0] - low[0]).constant
    if width is None or width < 0 or (low[0] == low[1] and high[0] == high[1]):
        return facts
    return facts.with_nonnegative(width - (high[1] - low[1]))


def _positive(facts: Facts, value: Expr) -> Expr:
    return value if facts.nonnegative(value) else maximum(const(0), value)
