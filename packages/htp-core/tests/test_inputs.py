"""Inputs made from signatures: equal for equal seeds, right shapes, poison that cannot be mistaken."""

import ml_dtypes
import numpy as np
import pytest

from htp.diagnostics import Refused
from htp.dims import const, parse
from htp.tools.inputs import (
    TAILS,
    Case,
    choose_dims,
    dim_names,
    edge_cases,
    fingerprint,
    ladder,
    load_arrays,
    make_inputs,
    parse_dims,
    poison,
    save_arrays,
)
from htp.types import DTYPES, Param, ScalarType, TensorType, bf16, f8e4m3, f8e5m2, f32, i32, numpy_dtype


def tensor(name, direction, dtype, *dims):
    return Param(name, direction, TensorType(dtype, tuple(const(d) if isinstance(d, int) else parse(d) for d in dims)))


PARAMS = (
    tensor("a", "in", f32, "M", "K"),
    tensor("i", "in", i32, "M // 2"),
    tensor("b", "inout", bf16, "K", 8),
    Param("s", "scalar", ScalarType(i32)),
    tensor("c", "out", f32, "M", "N"),
)


def test_dims_in_order_of_appearance():
    assert dim_names(PARAMS) == ("M", "K", "N")


def test_sizes_are_seeded_and_respect_demands():
    assert choose_dims(PARAMS, 3) == choose_dims(PARAMS, 3)
    assert len({tuple(choose_dims(PARAMS, seed).values()) for seed in range(20)}) > 10
    for seed in range(50):
        sizes = choose_dims(PARAMS, seed, fixed={"N": 7}, divisors={"M": 16})
        assert sizes["N"] == 7
        assert sizes["M"] % 16 == 0
        assert 1 <= sizes["K"] <= 65
    with pytest.raises(Refused, match=r"run\.dim-mismatch"):
        choose_dims(PARAMS, 0, fixed={"Z": 1})
    with pytest.raises(Refused, match=r"run\.dim-mismatch"):
        choose_dims(PARAMS, 0, fixed={"M": 8}, divisors={"M": 16})


def test_arrays_have_the_declared_shapes_and_dtypes():
    arrays = make_inputs(PARAMS, Case("x", {"M": 5, "K": 3, "N": 2}))
    assert {name: (array.shape, str(array.dtype)) for name, array in arrays.items()} == {
        "a": ((5, 3), "float32"),
        "i": ((2,), "int32"),
        "b": ((3, 8), "bfloat16"),
        "s": ((), "int32"),
        "c": ((5, 2), "float32"),
    }
    assert np.isnan(arrays["c"]).all()
    assert not np.isnan(arrays["a"]).any()


@pytest.mark.parametrize("fill", ["random", "index", "zeros", "nan", "inf", "extreme", "denormal"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_every_fill_of_every_dtype(fill, dtype):
    params = (tensor("x", "in", dtype, "N"), tensor("y", "out", dtype, "N"), Param("s", "scalar", ScalarType(dtype)))
    for size in (0, 1, 40):
        one, two = (make_inputs(params, Case("x", {"N": size}, fill, 5)) for _ in range(2))
        assert {name: fingerprint(array) for name, array in one.items()} == {
            name: fingerprint(array) for name, array in two.items()
        }
        assert one["x"].dtype == numpy_dtype(dtype)
        assert one["x"].shape == (size,)
    if fill == "index" and dtype.kind in ("int", "uint"):
        assert (one["x"] >= 0).all()
        assert (one["x"] < 40).all()
    if dtype.kind == "float" and fill in ("nan", "denormal", "extreme"):
        values = one["x"].astype(np.float64)
        info = ml_dtypes.finfo(numpy_dtype(dtype))
        if fill == "nan":
            assert np.isnan(values).sum() == 1
        elif fill == "extreme":
            assert (values == float(info.max)).sum() == 1
        else:
            assert (values != 0).any()
            assert (np.abs(values) < float(info.tiny)).all() or dtype.bits == 8


def test_different_seeds_give_different_values():
    params = (tensor("x", "in", f32, "N"),)
    assert len({fingerprint(make_inputs(params, Case("x", {"N": 9}, seed=seed))["x"]) for seed in range(20)}) == 20


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_the_two_poisons_differ_everywhere(dtype):
    one, two = (poison(np.zeros(8, numpy_dtype(dtype)), pattern=pattern) for pattern in (0, 1))
    width = one.dtype.itemsize
    rows = one.view(np.uint8).reshape(8, width) != two.view(np.uint8).reshape(8, width)
    assert rows.any(axis=1).all()
    if dtype.kind == "float":
        assert np.isnan(one.astype(np.float64)).all()


def test_edge_cases_reach_tails_empty_arrays_and_special_values():
    cases = {case.name: case for case in edge_cases(PARAMS, ladder(PARAMS, 1)[0])}
    assert {f"tail-{size}" for size in TAILS} <= cases.keys()
    assert cases["empty-K"].dims["K"] == 0
    assert cases["tail-17"].dims == {"M": 17, "K": 17, "N": 17}
    assert {"values-nan", "values-inf", "values-denormal", "values-extreme", "values-zeros"} <= cases.keys()
    fixed = edge_cases(PARAMS, ladder(PARAMS, 1, {"M": 4})[0], fixed={"M": 4})
    assert {case.dims["M"] for case in fixed} == {4}


def test_dims_as_text():
    assert parse_dims("M=64, N=32,") == {"M": 64, "N": 32}
    assert parse_dims("") == {}
    for text in ("M", "M=", "M=-1", "=3", "M=3.5", "M=" + "9" * 50, "a b=3"):
        with pytest.raises(Refused, match=r"cli\.bad-dims"):
            parse_dims(text)


@pytest.mark.parametrize("dtype", [bf16, f8e4m3, f8e5m2])
def test_arrays_keep_dtypes_numpy_does_not_know(tmp_path, dtype):
    x = np.arange(4).astype(numpy_dtype(dtype))
    save_arrays(tmp_path / "x.npz", {"x": x, "zero": x[2].reshape(()), "n": np.arange(3)})
    found = load_arrays(tmp_path / "x.npz", {"x": dtype, "zero": dtype})
    assert found["x"].dtype == found["zero"].dtype == x.dtype
    assert (found["x"] == x).all()
    assert found["zero"] == x[2]


def test_files_that_hold_no_arrays(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    for name in ("bad.npz", "none.npz"):
        with pytest.raises(Refused, match=r"replay\.bad-arrays"):
            load_arrays(tmp_path / name)


def test_whole_numbers_are_given_beside_sizes_and_tried_with_one_size_for_all():
    params = [tensor("x", "in", f32, "N"), Param("n", "scalar", ScalarType(i32)), tensor("y", "out", f32, "M")]
    cases = ladder(params, 1, {"n": 7})
    assert all(make_inputs(params, each)["n"].item() == 7 for each in cases)
    shapes = [{name: array.shape for name, array in make_inputs(params, each).items()} for each in cases]
    assert {"x": (7,), "n": (), "y": (7,)} in shapes
    alike = make_inputs(params, ladder(params, 1)[-1])
    assert alike["x"].shape == alike["y"].shape == (alike["n"].item(),)
    with pytest.raises(Refused) as caught:
        choose_dims(params, 1, fixed={"k": 3})
    assert caught.value.diagnostic.help == ("give a size for one of: N, M, n",)
