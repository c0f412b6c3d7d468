"""What may be passed for a parameter, and what is refused with which code."""

import array

import ml_dtypes
import numpy as np
import pytest

from htp.arguments import check_arguments
from htp.diagnostics import Refused
from htp.dims import const, parse
from htp.types import Param, ScalarType, TensorType, bf16, bool_, f16, f32, i32, u8


def tensor(name, direction, dtype, *dims):
    return Param(name, direction, TensorType(dtype, tuple(const(d) if isinstance(d, int) else parse(d) for d in dims)))


X = tensor("x", "in", f32, "M", "N")
Y = tensor("y", "out", f32, "M", "N")


def code(params, *args, **kwargs):
    with pytest.raises(Refused) as caught:
        check_arguments(params, args, kwargs)
    return caught.value.code


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def test_arrays_pass_without_copying():
    x, y = ones(3, 4), ones(3, 4)
    arrays, dims = check_arguments([X, Y], (x,), {"y": y})
    assert arrays[0] is x
    assert arrays[1] is y
    assert dims == {"M": 3, "N": 4}


class Interface:
    def __init__(self, data):
        self.data = data
        self.__array_interface__ = data.__array_interface__


class DLPack:
    def __init__(self, data, device=(1, 0)):
        self.data, self.device = data, device

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


@pytest.mark.parametrize("wrap", [Interface, DLPack, memoryview, lambda data: data])
def test_other_holders_of_memory_pass_without_copying(wrap):
    data = np.arange(6, dtype=np.float32)
    (found,), _ = check_arguments([tensor("x", "inout", f32, "N")], (wrap(data),), {})
    assert np.shares_memory(found, data)
    assert found.tolist() == [0, 1, 2, 3, 4, 5]


def test_an_array_array_is_a_buffer():
    data = array.array("f", [1.0, 2.0])
    (found,), dims = check_arguments([tensor("x", "inout", f32, "N")], (data,), {})
    found[0] = 5
    assert data[0] == 5
    assert dims == {"N": 2}


def test_ml_dtypes_arrays():
    x = ones(4, dtype=ml_dtypes.bfloat16)
    (found,), _ = check_arguments([tensor("x", "in", bf16, "N")], (x,), {})
    assert found is x
    assert code([tensor("x", "in", bf16, "N")], ones(4)) == "run.dtype-mismatch"
    assert code([tensor("x", "in", bf16, "N")], ones(4, dtype=np.uint16)) == "run.dtype-mismatch"


def test_argument_counts():
    x = ones(2, 2)
    assert code([X, Y], x) == "run.argument-count"
    assert code([X, Y], x, x, x) == "run.argument-count"
    assert code([X, Y], x, z=x) == "run.argument-count"
    assert code([X, Y], x, x=x) == "run.argument-count"
    assert check_arguments([], (), {}) == ([], {})


@pytest.mark.parametrize("value", [[[1.0]], 1.0, "text", None, {}, ones])
def test_values_without_memory(value):
    assert code([tensor("x", "in", f32, "M", "N")], value) == "run.not-an-array"


def test_dtypes_are_not_converted():
    for dtype in (np.float64, np.float16, np.int32, np.bool_, ">f4", object):
        assert code([X], ones(2, 2).astype(dtype)) == "run.dtype-mismatch", dtype
    assert code([tensor("x", "in", u8, 4)], b"12345678") == "run.shape-mismatch"
    assert code([tensor("x", "in", f32, 4)], b"1234") == "run.dtype-mismatch"


def test_shapes():
    assert code([X], ones(4)) == "run.shape-mismatch"
    assert code([tensor("x", "in", f32, 4, 4)], ones(4, 5)) == "run.shape-mismatch"
    assert check_arguments([tensor("x", "in", f32)], (np.float32(1).reshape(()),), {})[1] == {}
    assert check_arguments([X], (ones(0, 5),), {})[1] == {"M": 0, "N": 5}


def test_named_dims_must_agree_and_the_message_names_both():
    with pytest.raises(Refused) as caught:
        check_arguments([X, Y], (ones(3, 4), ones(3, 5)), {})
    assert caught.value.code == "run.dim-mismatch"
    message = caught.value.diagnostic.message
    assert all(part in message for part in ("N", "4", "axis 1 of x", "5", "axis 1 of y"))


def test_expressions_over_dims():
    half = tensor("h", "in", f32, "M // 2")
    assert check_arguments([half, tensor("x", "in", f32, "M")], (ones(3), ones(7)), {})[1] == {"M": 7}
    assert code([half, tensor("x", "in", f32, "M")], ones(4), ones(7)) == "run.dim-mismatch"
    assert check_arguments([tensor("x", "in", f32, "2 * M + 1")], (ones(9),), {})[1] == {"M": 4}
    assert code([tensor("x", "in", f32, "2 * M + 1")], ones(8)) == "run.dim-mismatch"
    assert code([half], ones(4)) == "run.dim-mismatch"
    two = [tensor("x", "in", f32, "M + N"), tensor("y", "in", f32, "M")]
    assert check_arguments(two, (ones(9), ones(2)), {})[1] == {"M": 2, "N": 7}
    assert code(two, ones(2), ones(9)) == "run.dim-mismatch"


def test_memory_order():
    assert code([X], np.ones((4, 6), np.float32).T) == "run.not-contiguous"
    assert code([X], ones(4, 6)[:, ::2]) == "run.not-contiguous"
    assert code([X], ones(4, 6)[::-1]) == "run.not-contiguous"
    raw = np.zeros(4 * 4 + 1, np.uint8)
    assert code([X], raw[1:].view(np.float32).reshape(2, 2)) == "run.not-contiguous"
    check_arguments([X], (ones(4, 6)[1:3],), {})
    check_arguments([X], (ones(4, 1)[:, ::2],), {})


def test_written_arrays_must_be_writable():
    y = ones(2, 2)
    y.flags.writeable = False
    check_arguments([X], (y,), {})
    assert code([X, Y], ones(2, 2), y) == "run.read-only"
    assert code([tensor("b", "out", u8, 4)], b"1234") == "run.read-only"


def test_written_arrays_share_no_memory():
    base = ones(4, 4)
    assert code([X, Y], base, base) == "run.aliased-arguments"
    assert code([X, Y], base[:2], base[1:3]) == "run.aliased-arguments"
    check_arguments([X, Y], (base[:2], base[2:]), {})
    check_arguments([X, tensor("z", "in", f32, "M", "N")], (base, base), {})
    both = [Y, tensor("z", "inout", f32, "M", "N")]
    assert code(both, base, base) == "run.aliased-arguments"


def test_devices():
    class Elsewhere:
        def __dlpack__(self, **options):
            raise AssertionError("not asked for")

        def __dlpack_device__(self):
            return (2, 1)

    with pytest.raises(Refused, match=r"2:1") as caught:
        check_arguments([X], (Elsewhere(),), {})
    assert caught.value.code == "run.wrong-device"


def test_a_dlpack_exporter_that_refuses():
    class Stubborn(DLPack):
        def __dlpack__(self, **options):
            raise BufferError("requires grad")

    assert code([X], Stubborn(ones(2, 2))) == "run.not-an-array"


def test_every_bad_argument_is_reported():
    with pytest.raises(Refused) as caught:
        check_arguments([X, Y], (ones(2, 2, dtype=np.float64), [1]), {})
    assert [each.code for each in caught.value.diagnostics] == ["run.dtype-mismatch", "run.not-an-array"]


def scalar(dtype):
    return [Param("s", "scalar", ScalarType(dtype))]


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [(i32, 3, 3), (i32, np.int32(-3), -3), (f32, 0.5, 0.5), (f32, 2, 2.0), (bool_, True, True), (u8, 255, 255),
     (f16, 0.5, 0.5), (bf16, 0.5, 0.5), (f32, np.float32(1.5), 1.5), (i32, np.array(7, np.int32), 7),
     (i32, np.int64(1), 1), (f32, np.float64(0.5), 0.5)],
)  # fmt: skip
def test_scalars(dtype, value, expected):
    (found,), _ = check_arguments(scalar(dtype), (value,), {})
    assert found.shape == ()
    assert found.dtype == {"bf16": np.dtype(ml_dtypes.bfloat16)}.get(dtype.name, found.dtype)
    assert found == expected


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(i32, 2**31), (i32, 1.0), (u8, -1), (u8, 256), (u8, np.int64(-1)), (i32, np.float64(1)), (bool_, 1), (i32, True),
     (f32, "1"), (f32, None), (f32, [1.0]), (i32, 10**40)],
)  # fmt: skip
def test_scalars_that_do_not_fit(dtype, value):
    assert code(scalar(dtype), value) == "run.dtype-mismatch"


SIZE = Param("k", "scalar", ScalarType(i32))
TWICE = tensor("z", "in", f32, "2 * M")


@pytest.mark.parametrize(
    ("params", "args", "kwargs", "help"),
    [
        ([X, Y], (ones(2, 3),), {}, "one value for each parameter"),
        ([X], (ones(2, 3), 1), {}, "one value for each parameter"),
        ([X], (), {"y": 1}, "one value for each parameter"),
        ([X], (ones(2, 3),), {"x": ones(2, 3)}, "one value for each parameter"),
        ([], (1,), {}, "pass nothing"),
        ([X], (ones(6),), {}, "2 dimensions"),
        ([tensor("x", "in", f32, 4)], (ones(6),), {}, "declared sizes"),
        ([X, Y], (ones(2, 3), ones(2, 4)), {}, "different names"),
        ([TWICE], (ones(3),), {}, "2 * M"),
        ([X, TWICE], (ones(2, 3), ones(6)), {}, "has 4 there"),
        ([SIZE], ("3",), {}, "one number"),
        ([SIZE], (2**31,), {}, "an integer that fits int32"),
        ([Param("k", "scalar", ScalarType(bool_))], (3,), {}, "True or False"),
    ],
)
def test_a_refusal_of_arguments_says_what_to_pass(params, args, kwargs, help):
    with pytest.raises(Refused) as caught:
        check_arguments(params, args, kwargs)
    assert help in caught.value.diagnostic.help[0]


def test_what_helps_against_misalignment_is_a_copy():
    misaligned = np.zeros(6 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(2, 3)
    with pytest.raises(Refused, match="x is misaligned: its address is no multiple of 4 bytes") as caught:
        check_arguments([X], (misaligned,), {})
    assert "pass x.copy()" in caught.value.diagnostic.help[0]
    check_arguments([X], (misaligned.copy(),), {})
