"""What every instruction means, against formulas and small cases that were worked out beside it."""

import numpy as np
import pytest
from meanings import CASES, DTYPES

from htp import f16, f32, i32
from htp.diagnostics import Refused
from htp.values import region_of
from htp_backend_pto import isa, pto


def tiles(arguments):
    return [
        region_of(each.copy(), DTYPES[each.dtype])[...] if isinstance(each, np.ndarray) else each for each in arguments
    ]


def tile(values, dtype=f32):
    return tiles([np.asarray(values, {f32: np.float32, f16: np.float16, i32: np.int32}[dtype])])[0]


def run(name, *arguments, **attributes):
    return np.asarray(getattr(pto, name)(*tiles(arguments), **attributes))


def test_every_instruction_has_a_case():
    assert {each[0] for each in CASES} == set(isa.INSTRUCTIONS)


@pytest.mark.parametrize(
    ("name", "arguments", "attributes", "wanted"), CASES, ids=[f"{at}-{each[0]}" for at, each in enumerate(CASES)]
)
def test_meaning(name, arguments, attributes, wanted):
    found = run(name, *arguments, **attributes)
    assert found.shape == wanted.shape
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, wanted, rtol=2e-3 if found.dtype == np.float16 else 3e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(found, wanted)


def test_nan_and_infinities_go_through():
    odd = np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32)
    np.testing.assert_array_equal(run("add", odd, odd), [[np.nan, np.inf, -np.inf, 0.0]])
    np.testing.assert_array_equal(run("exp", odd), [[np.nan, np.inf, 0.0, 1.0]])
    np.testing.assert_array_equal(run("cmps", odd, 0.0, mode="ge"), [[False, True, False, True]])
    np.testing.assert_array_equal(run("cmp", odd, odd, mode="ne"), [[True, False, False, False]])
    chosen = run("sels", ~np.isnan(odd), odd, 5.0, np.zeros((1, 32), np.uint8))
    np.testing.assert_array_equal(chosen, [[5, np.inf, -np.inf, 0]])
    assert np.isnan(run("rsqrt", np.array([[-1.0]], np.float32)))
    np.testing.assert_array_equal(run("recip", np.array([[0.0]], np.float32)), [[np.inf]])


def test_integers_wrap_and_conversions_saturate():
    top = np.array([[2**31 - 1]], np.int32)
    np.testing.assert_array_equal(run("adds", top, 1), [[-(2**31)]])
    far = np.array([[3e9, -3e9, np.nan]], np.float32)
    np.testing.assert_array_equal(run("cvt", far, dtype=i32), [[2**31 - 1, -(2**31), 0]])
    np.testing.assert_array_equal(run("cvt", np.array([[1e6]], np.float32), dtype=f16), [[np.inf]])


def test_narrow_sums_are_wide_inside():
    ones = np.full((1, 4096), 1.0, np.float16)
    np.testing.assert_array_equal(run("rowsum", ones, ones), [[4096.0]])


def test_empty_tiles():
    none = np.zeros((0, 7), np.float32)
    assert run("add", none, none).shape == (0, 7)
    assert run("rowsum", none, none).shape == (0, 1)
    np.testing.assert_array_equal(run("colsum", none), np.zeros((1, 7)))
    np.testing.assert_array_equal(run("fillpad", none, 2, 8, value=1.0), np.ones((2, 8)))
    assert run("matmul", none, np.zeros((7, 3), np.float32)).shape == (0, 3)
    assert run("concat", none, none).shape == (0, 14)


def test_of_two_elements_for_one_place_the_last_one_stays():
    new, places = np.array([[1.0, 2.0]], np.float32), np.array([[3, 3]], np.int32)
    found = run("scatter", np.zeros((1, 4), np.float32), new, places)
    np.testing.assert_array_equal(found, [[0, 0, 0, 2.0]])


@pytest.mark.parametrize(
    ("name", "arguments", "attributes"),
    [
        ("extract", ([[1.0, 2.0]], 0, 1, 1, 2), {}),
        ("insert", ([[1.0]], [[1.0, 2.0]], 0, 0), {}),
        ("fillpad", ([[1.0, 2.0]], 1, 1), {"value": 0.0}),
        ("reshape", ([[1.0, 2.0]], 3, 1), {}),
        ("partadd", ([[1.0]], [[1.0, 2.0]]), {}),
        ("gather_mask", ([[1.0, 2.0, 3.0]],), {"start": 0, "step": 2}),
        ("pairreducesum", ([[1.0, 2.0, 3.0]],), {}),
    ],
)
def test_what_does_not_fit_is_refused(name, arguments, attributes):
    given = [tile(each) if isinstance(each, list) else each for each in arguments]
    with pytest.raises((Refused, AssertionError)):
        getattr(pto, name)(*given, **attributes)
