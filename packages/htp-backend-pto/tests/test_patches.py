"""Convolutions as products of patches of an image, by hand, on the stand-in; expected values are whole numbers."""

import numpy as np
import pytest
from image_patches import patches
from test_instruction_rules import refusal

import htp
from htp import In, Out, Tensor, f16, f32, i8, i32, kernel
from htp_backend_pto import pto


@kernel
def whole(x: In[Tensor[f16, 192, 32]], w: In[Tensor[f16, 288, 48]], y: Out[Tensor[f32, 192, 48]]) -> None:
    a = pto.img2col(
        pto.load(x), 0, 0, 192, 288, height=12, width=16, filter_height=3, filter_width=3, top=1, bottom=1, left=1,
        right=1,
    )  # fmt: skip
    y[:] = pto.store(pto.matmul(a, pto.load(w)))


@kernel
def apart(x: In[Tensor[i8, 35, 32]], w: In[Tensor[i8, 192, 32]], y: Out[Tensor[i32, 12, 32]]) -> None:
    a = pto.img2col(
        pto.load(x), 0, 0, 12, 192, height=5, width=7, filter_height=3, filter_width=2, block=32, stride_height=2,
        stride_width=2, top=2, left=1,
    )  # fmt: skip
    y[:] = pto.store(pto.matmul(a, pto.load(w), dtype=i32))


@kernel
def in_parts(x: In[Tensor[f32, 64, 24]], w: In[Tensor[f32, 96, 16]], y: Out[Tensor[f32, 36, 16]]) -> None:
    image = pto.load(x)
    for i in range(0, 36, 12):
        total = pto.accumulator(12, 16, dtype=f32)
        for k in range(0, 96, 48):
            a = pto.img2col(
                image, i, k, 12, 48, height=8, width=8, filter_height=2, filter_width=2, block=8,
                dilation_height=2, dilation_width=2,
            )  # fmt: skip
            total = pto.matmul_acc(total, a, pto.load(w[k : k + 48, :]))
        y[i : i + 12, :] = pto.store(total)


CASES = [
    (whole, (12, 16, (3, 3)), {"edges": (1, 1, 1, 1), "block": 16}),
    (apart, (5, 7, (3, 2)), {"edges": (2, 0, 1, 0), "stride": (2, 2), "block": 32}),
    (in_parts, (8, 8, (2, 2)), {"dilation": (2, 2), "block": 8}),
]


@pytest.mark.parametrize(("function", "image", "how"), CASES, ids=[each[0].__name__ for each in CASES])
def test_convolutions(tmp_path, function, image, how):
    rng = np.random.default_rng(4)
    built = tmp_path / "built"
    package = htp.compile_program(function, target="pto:a2a3sim", out=built)
    dtype, sums = {32: (np.int8, np.int32), 16: (np.float16, np.float32), 8: (np.float32, np.float32)}[how["block"]]
    shapes = {whole: ((192, 32), (288, 48)), apart: ((35, 32), (192, 32)), in_parts: ((64, 24), (96, 16))}[function]
    x, w = (rng.integers(-9, 9, each).astype(dtype) for each in shapes)
    rows = patches(x, *image, **how).astype(np.int64)
    y = np.zeros((rows.shape[0], w.shape[1]), sums)
    htp.bind(package, mode="sim")(x, w, y)
    np.testing.assert_array_equal(y, rows @ w.astype(np.int64))
    assert "TIMG2COL(" in "".join(each.read_text() for each in built.rglob("*.cpp"))


SIDES = "height=8, width=8, filter_height=2, filter_width=2"
PRODUCT = "y[:] = pto.store(pto.matmul(pto.img2col(pto.load(x), {}), pto.load(w)))"
PARAMS = "x: In[Tensor[f16, {}, {}]], w: In[Tensor[f16, 128, 16]], y: Out[Tensor[f32, 49, 16]]"


@pytest.mark.parametrize(
    ("given", "pixels", "channels", "said"),
    [
        (f"0, 0, 49, 128, {SIDES}, stride_height=0", 64, 32, "`stride_height` is 1 to 255, and 0 is not"),
        (f"0, 0, 49, 128, {SIDES}, block=8", 64, 32, "a block of channels is 32 bytes, and 8 are not"),
        (f"0, 0, 49, 128, {SIDES}, top=300", 64, 32, "`top` is 0 to 255, and 300 is not"),
        (f"0, 0, 49, 128, {SIDES}", 64, 24, "a constant multiple of 16 channels, and here are 24"),
        (f"0, 0, 49, 128, {SIDES}", 64, '"C"', "here are a number that depends on the run"),
        (f"0, 0, 49, 128, {SIDES.replace('8', '7', 1)}", 56, 32, "a multiple of 16 pixels, and 56"),
        (f"1, 0, 49, 128, {SIDES}", 64, 32, "7 x 7 rows of 128, and rows 1 to 50 are not all there"),
        (f"0, 16, 49, 128, {SIDES}", 64, 32, "cols 16 to 144 are not all there"),
        (f"0, 0, 49, 128, {SIDES}, dilation_width=9", 64, 32, "7 x 0 rows"),
        (f"0, 8, 49, 128, {SIDES}", 64, 64, "in blocks of 16"),
    ],
)
def test_what_the_unit_does_not_take_patches_from(tmp_path, given, pixels, channels, said):
    body = PRODUCT.format(given)
    found = refusal(tmp_path, body, "pto:a2a3", params=PARAMS.format(pixels, channels), dtypes="f16, f32")
    assert found.code == "pto.bad-mode"
    assert said in found.message


def test_an_image_has_a_row_for_each_pixel(tmp_path):
    body = PRODUCT.format(f"0, 0, 49, 128, {SIDES}")
    found = refusal(tmp_path, body, "pto:a2a3", params=PARAMS.format(60, 32), dtypes="f16, f32")
    assert found.code == "type.shape-mismatch"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("y[:] = pto.img2col(pto.load(x), 0, 0, 49, 16, {})", "only products take them"),
        ("y[:] = pto.store(pto.matmul(pto.load(w), pto.img2col(pto.load(x), 0, 0, 16, 16, {})))", "as their left"),
    ],
)
def test_patches_are_left_operands(tmp_path, body, said):
    body = body.format(SIDES)
    params = "x: In[Tensor[f16, 64, 32]], w: In[Tensor[f16, 49, 16]], y: Out[Tensor[f32, 49, 16]]"
    params = params.replace("f32", "f16") if "matmul" not in body else params
    found = refusal(tmp_path, body, "pto:a2a3sim", params=params, dtypes="f16, f32")
    assert found.code == "pto.not-selected"
    assert said in found.message


def test_patches_have_one_value(tmp_path):
    first, then = (f"a = pto.img2col(pto.load({each}), 0, 0, 49, 128, {SIDES})" for each in "xz")
    added = f"total = pto.matmul_acc(total, a, pto.load(w)); {then}"
    body = f"{first}; total = pto.accumulator(49, 16, dtype=f32)\n    for _ in range(2): {added}"
    params = "x: In[Tensor[f16, 64, 32]], z: In[Tensor[f16, 64, 32]], w: In[Tensor[f16, 128, 16]]"
    params = f"{params}, y: Out[Tensor[f32, 49, 16]]"
    found = refusal(tmp_path, f"{body}\n    y[:] = pto.store(total)", "pto:a2a3sim", params=params, dtypes="f16, f32")
    assert found.code == "pto.not-selected"
    assert "`a` has more than one value" in found.message
