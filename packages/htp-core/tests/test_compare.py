"""Comparing arrays: what counts as equal, and the figures that are given."""

import ml_dtypes
import numpy as np
import pytest

from htp.tools.compare import compare, tolerance
from htp.tools.inputs import poison


def check(left, right, dtype=np.float32, length=1):
    left, right = np.asarray(left, dtype), np.asarray(right, dtype)
    return compare(left, right, allowed=tolerance([left.dtype], length))


def test_identical():
    found = check([1, 2], [1, 2])
    assert found.identical
    assert str(found) == "identical"
    assert check([], []).identical


def test_small_errors_are_allowed_and_measured():
    found = check([1, 2], [1, 2 + 1e-6])
    assert found.equal
    assert not found.identical
    assert found.largest_relative == pytest.approx(4.77e-7, rel=0.01)
    assert not check([1, 2], [1, 2.001]).equal


def test_the_first_difference_is_named():
    found = check([[1, 2], [3, 4]], [[1, 2], [9, 9]])
    assert (found.mismatches, found.elements, found.first) == (2, 4, (1, 0))
    assert (found.expected, found.found) == ("3.0", "9.0")


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ([np.nan, 1], [np.nan, 1], True),
        ([np.nan, 1], [1, np.nan], False),
        ([np.nan], [0], False),
        ([np.inf], [np.inf], True),
        ([np.inf], [-np.inf], False),
        ([np.inf], [3e38], False),
        ([0.0], [-0.0], True),
        ([0.0], [1e-40], True),
        ([1.0, 1e-7], [1.0, 0.0], True),
        ([1e-7], [2e-7], False),
        ([3e38, 1.0], [3e38, 1.1], False),
    ],
)
def test_special_values(left, right, equal):
    assert check(left, right).equal is equal


def test_integers_and_booleans_are_exact():
    assert not check([1, 2**31 - 1], [1, 2**31 - 2], np.int32).equal
    assert check([True, False], [True, False], np.bool_).equal
    assert not check([True], [False], np.bool_).equal
    assert check([1], [2], np.int64).largest_relative is None


def test_shapes_and_dtypes_must_be_the_same():
    assert not compare(np.ones(3), np.ones((3, 1)), allowed=1.0).equal
    assert not compare(np.ones(3), np.ones(3, np.float32), allowed=1.0).equal


def test_tolerance_grows_with_the_reduction_and_is_that_of_the_coarsest_dtype():
    assert tolerance([np.dtype(np.float32)], 64) == 8 * tolerance([np.dtype(np.float32)], 1)
    bf16 = np.dtype(ml_dtypes.bfloat16)
    assert tolerance([np.dtype(np.float32), bf16], 4) == tolerance([bf16], 10**6)
    assert tolerance([np.dtype(np.int32)], 100) == 0
    found = compare(np.ones(2, bf16), np.array([1, 1.0078125], bf16), allowed=tolerance([bf16], 1))
    assert found.equal


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16, np.int32, np.uint8])
def test_elements_that_neither_run_writes_are_told(dtype):
    one, other = poison(np.zeros((4, 6), dtype), pattern=1), poison(np.zeros((4, 6), dtype))
    for each in (one, other):
        each[:, :4] = 3
    found = compare(one, other, allowed=0.1)
    assert (found.equal, found.unwritten, found.mismatches) == (False, True, 8)
    assert str(found) == "8 of 24 elements are never written, [0:4, 4:6]"
    other[0, 5] = 3
    found = compare(one, other, allowed=0.1)
    assert found.mismatches == 8
    assert str(found) == "7 of 24 elements are never written, some of [0:4, 4:6]; unequal among the others: 1"
