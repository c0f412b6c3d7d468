import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from htp.diagnostics import Refused
from htp.types import (
    DTYPES,
    Directed,
    In,
    InOut,
    Out,
    Scalar,
    ScalarType,
    Slot,
    Tensor,
    TensorType,
    Tile,
    TileType,
    bf16,
    bool_,
    dtype_named,
    f8e4m3,
    f8e5m2,
    f16,
    f32,
    i8,
    i32,
    numpy_dtype,
    u8,
)

NUMPY = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8e4m3": ml_dtypes.float8_e4m3fn,
    "f8e5m2": ml_dtypes.float8_e5m2,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "u64": np.uint64,
    "u32": np.uint32,
    "u16": np.uint16,
    "u8": np.uint8,
    "bool_": np.bool_,
}


def refused(code, call):
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.diagnostic.message


class Facet:
    def __eq__(self, other):
        return isinstance(other, Facet)

    def __hash__(self):
        return 7

    def __repr__(self):
        return 'facet("x")'


def test_importing_types_and_tile_leaves_numpy_alone():
    code = "import sys, htp.types, htp.tile, htp.ops; assert not {'numpy', 'ml_dtypes'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert done.returncode == 0


def test_every_dtype_has_the_storage_numpy_gives_it():
    assert {each.name for each in DTYPES} == set(NUMPY)
    for each in DTYPES:
        stored = numpy_dtype(each)
        assert stored == np.dtype(NUMPY[each.name])
        assert stored.itemsize * 8 == each.bits
        assert dtype_named(each.name) is each
    assert dtype_named("f33") is None
    kinds = {each.name: each.kind for each in DTYPES}
    assert [kinds[name] for name in ("bf16", "i8", "u8", "bool_")] == ["float", "int", "uint", "bool"]


def test_annotations_are_values():
    a = Tensor[f32, "M", 128]
    assert isinstance(a, TensorType)
    assert a == Tensor[f32, "M", 128]
    assert hash(a) == hash(Tensor[f32, "M", 128])
    assert a != Tensor[f32, "N", 128]
    assert a != Tensor[f16, "M", 128]
    assert a != Tile[f32, "M", 128]
    assert [dim.constant for dim in a.dims] == [None, 128]
    assert isinstance(Tile[f16, 64, 64], TileType)
    assert Scalar[i32] == ScalarType(i32)
    assert In[a] == Directed("in", a)
    assert (Out[a].direction, InOut[a].direction) == ("out", "inout")
    assert Tensor[f32].dims == ()


def test_facets_ride_behind_the_dims():
    a = Tensor[f32, 128, "K", Facet()]
    assert a.facets == (Facet(),)
    assert len(a.dims) == 2
    assert str(a) == 'Tensor[f32, 128, "K", facet("x")]'


def test_text_of_a_type_is_its_source():
    for text in (
        'Tensor[f32, "M", 128]',
        'Tile[f16, 64, "N + 1"]',
        "Scalar[i32]",
        'In[Tensor[bf16, "M"]]',
        "Tensor[bool_]",
    ):
        assert str(eval(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "Tensor[3]",
        "Tensor[np.float32, 4]",
        "Tensor['M', 4]",
        "Tensor[f32, Facet(), 4]",
        "Tensor[f32, 1.5]",
        "Tensor[f32, None]",
        "Tensor[f32, -1]",
        "Scalar[float]",
        "Scalar[f32, 4]",
        "In[f32]",
        "In[In[Tensor[f32]]]",
        "Out[Scalar[i32]]",
        "Tensor[f32, True]",
    ],
)
def test_wrong_annotations_are_refused(text):
    refused("type.bad-annotation", lambda: eval(text))


def test_a_bad_dim_is_refused():
    refused("type.bad-dimension", lambda: Tensor[f32, "M +"])


def test_slots_hold_a_number_of_their_dtype():
    slot = Slot(i32, 4)
    assert int(slot.value) == 4
    slot.value = 9
    assert (int(slot.value), slot.initial, slot.dtype) == (9, 4, i32)
    slot.value = i32(3)
    assert repr(slot.value) == "3"
    assert repr(slot) == "Slot(i32, 4)"
    assert slot != Slot(i32, 4)
    refused("type.dtype-mismatch", lambda: setattr(slot, "value", 1.5))
    refused("type.constant-out-of-range", lambda: setattr(slot, "value", 2**31))
    assert int(slot.value) == 3
    refused("type.constant-out-of-range", lambda: Slot(u8, 256))


def test_constants_take_their_dtype():
    assert repr(f32(0.1)) == "f32(0.1)"
    assert np.asarray(f16(0.1)) == np.float16(0.1)
    assert np.asarray(bf16(0.1)) == ml_dtypes.bfloat16(0.1)
    assert np.asarray(f8e4m3(0.3)) == ml_dtypes.float8_e4m3fn(0.3)
    assert np.isinf(float(f8e5m2(1e9)))
    assert np.isnan(float(f8e4m3(1e9)))
    assert bool(bool_(True)) is True
    assert int(i8(-128)) == -128
    refused("type.constant-out-of-range", lambda: i8(128))
    refused("type.constant-out-of-range", lambda: u8(-1))
    refused("type.dtype-mismatch", lambda: i32(1.0))
    refused("type.dtype-mismatch", lambda: bool_(1))
    refused("type.dtype-mismatch", lambda: f32("1"))
    refused("type.dtype-mismatch", lambda: f32(i32(1)))
