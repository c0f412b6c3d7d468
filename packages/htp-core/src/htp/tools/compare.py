"""Comparing arrays honestly: tolerance by dtype and reduction length, NaN and infinity in the same places.

Knows numbers; does not know where the arrays come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from htp.tools.inputs import unwritten

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    Vector = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
    Doubles = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

# Relative error of one operation chain. Those of f32 and f64 grow with the root of the reduction length; 16-bit and
# 8-bit floats accumulate in f32, so their own rounding dominates and does not grow.
_GROWING = {"float64": 4e-15, "float32": 2e-6}
_FIXED = {"float16": 4e-3, "bfloat16": 2e-2, "float8_e4m3fn": 0.13, "float8_e5m2": 0.26}


@dataclass(frozen=True)
class Comparison:
    """How two arrays differ; errors are over the elements that are finite in both, `None` where there are none."""

    equal: bool
    identical: bool
    elements: int
    mismatches: int
    tolerance: float
    largest_absolute: float | None = None
    largest_relative: float | None = None
    first: tuple[int, ...] | None = None
    expected: str = ""
    found: str = ""
    reason: str = ""
    unwritten: bool = False

    def __str__(self) -> str:
        if self.identical:
            return "identical"
        worst = "not measured" if self.largest_relative is None else f"{self.largest_relative:.2g}"
        if self.equal:
            return f"max rel err {worst} (allowed {self.tolerance:.2g})"
        if self.reason:
            return self.reason
        return (
            f"{self.mismatches} of {self.elements} elements differ, first at {self.first}: expected {self.expected}, "
            f"found {self.found}; max rel err {worst} (allowed {self.tolerance:.2g})"
        )


def tolerance(dtypes: Iterable[object], length: int) -> float:
    """Allowed relative error for a program over these dtypes whose longest reduction has `length` elements.

    >>> tolerance(["float32"], 64) == 8 * tolerance(["float32"], 1)
    True
    """
    growth = math.sqrt(max(1, length))
    names = [str(dtype) for dtype in dtypes]
    return max([_FIXED.get(name, _GROWING.get(name, 0.0) * growth) for name in names], default=0.0)


def compare(expected: Vector, found: Vector, *, allowed: float) -> Comparison:
    """Compares two arrays: integers and booleans exactly, floats within `allowed`.

    A float may differ by `allowed` times its own magnitude plus `allowed` times the typical magnitude of the array,
    since sums cancel; below the smallest normal number everything counts as zero. NaN equals only NaN, in its place.
    Elements that neither run has written are told first, and then how many of the others differ.
    """
    import numpy as np

    missing = unwritten(expected, found)
    if missing.any():
        others = compare(expected[~missing], found[~missing], allowed=allowed)
        return _unwritten(missing, allowed, 0 if others.equal else others.mismatches)
    if expected.shape != found.shape or expected.dtype != found.dtype:
        reason = f"expected {expected.dtype}{list(expected.shape)}, found {found.dtype}{list(found.shape)}"
        return Comparison(False, False, expected.size, expected.size, allowed, reason=reason)
    if np.ascontiguousarray(expected).tobytes() == np.ascontiguousarray(found).tobytes():
        return Comparison(True, True, expected.size, 0, allowed, 0.0, 0.0)
    if str(expected.dtype) not in (*_FIXED, *_GROWING):
        return _outcome(expected, found, cast("Mask", expected != found), 0.0, None, None)
    import ml_dtypes

    with np.errstate(all="ignore"):
        left, right = expected.astype(np.float64), found.astype(np.float64)
        info = cast("np.finfo[np.floating]", ml_dtypes.finfo(expected.dtype))  # pyright: ignore[reportUnknownMemberType]
        largest, smallest = float(info.max), float(info.tiny)
        finite = cast("Mask", np.isfinite(left) & np.isfinite(right))
        difference = np.where(finite, np.abs(left - right), 0.0)
        bound = allowed * (np.abs(left) + _typical(left, largest)) + smallest
        same = np.where(finite, difference <= bound, (left == right) | (np.isnan(left) & np.isnan(right)))
        magnitude = np.maximum(np.abs(left), max(_typical(left, largest), smallest))
        relative = np.where(finite, difference / magnitude, 0.0)
    worst = (float(difference.max()), float(relative.max())) if finite.any() else (None, None)
    return _outcome(expected, found, cast("Mask", ~same), allowed, *worst)


def _unwritten(missing: Mask, allowed: float, different: int) -> Comparison:
    """What is said of elements in which each run left what was there before, and of others that are `different`."""
    import numpy as np

    count = int(np.count_nonzero(missing))
    places = [(int(axis.min()), int(axis.max()) + 1) for axis in np.nonzero(np.atleast_1d(missing))]
    box = ", ".join(f"{low}:{high}" for low, high in places)
    only = math.prod(high - low for low, high in places) == count
    reason = f"{count} of {missing.size} elements are never written, {'' if only else 'some of '}[{box}]"
    reason += f"; unequal among the others: {different}" if different else ""
    return Comparison(False, False, missing.size, count + different, allowed, reason=reason, unwritten=True)


def _typical(values: Doubles, largest: float) -> float:
    """Root mean square of the ordinary elements: finite, and not so large that their squares overflow the dtype."""
    import numpy as np

    ordinary = values[np.isfinite(values) & (np.abs(values) < math.sqrt(largest))]
    return float(np.sqrt(np.mean(np.square(ordinary)))) if ordinary.size else 0.0


def _outcome(
    expected: Vector, found: Vector, wrong: Mask, allowed: float, absolute: float | None, relative: float | None
) -> Comparison:
    import numpy as np

    count = int(np.count_nonzero(wrong))
    if not count:
        return Comparison(True, False, expected.size, 0, allowed, absolute, relative)
    place = tuple(int(each) for each in np.argwhere(wrong)[0])
    texts = (str(expected[place]), str(found[place]))
    return Comparison(False, False, expected.size, count, allowed, absolute, relative, place, *texts)
