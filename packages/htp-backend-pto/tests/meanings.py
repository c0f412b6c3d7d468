"""Arguments of every instruction, and what it gives for them by NumPy formulas and by hand."""

import numpy as np
import philox
from image_patches import patches

import htp
from htp import bool_, f16, f32, i8, i16, i32, u8, u16, u32

RNG = np.random.default_rng(11)
A = (RNG.standard_normal((5, 7)) * 3).astype(np.float32)
B = (RNG.standard_normal((5, 7)) * 3).astype(np.float32)
C = (RNG.standard_normal((5, 7)) * 3).astype(np.float32)
P = np.abs(A) + np.float32(0.25)
INTS, FEW = RNG.integers(-50, 50, (5, 7)).astype(np.int32), RNG.integers(1, 9, (5, 7)).astype(np.int32)
COLUMN, ROW = B[:, :1].copy(), B[:1, :].copy()
TMP = np.zeros((5, 7), np.float32)
ITMP = np.zeros((5, 7), np.int32)
UTMP = np.zeros((1, 32), np.uint8)
MASK = A > B
SIX = RNG.standard_normal((4, 8)).astype(np.float32)
PART = RNG.standard_normal((3, 4)).astype(np.float32)
TABLE = RNG.standard_normal((6, 4)).astype(np.float32)
NARROW_A, NARROW_B = A[:3, :4].copy(), B[:3, :4].copy()
INF = float("inf")


def over(part, whole):
    made = whole.copy()
    made[: part.shape[0], : part.shape[1]] = part
    return made


def padded(x, rows, columns, value):
    made = np.full((rows, columns), value, x.dtype)
    made[: x.shape[0], : x.shape[1]] = x
    return made


def pairs_of(values, indices):
    made = np.empty((values.shape[0], 2 * values.shape[1]), np.float32)
    made[:, 0::2], made[:, 1::2] = values, indices
    return made


VALUES = np.tile(np.array([[3.0, 1.0, 3.0, 2.0]], np.float32), (1, 16))  # 64 of them, with ties
INDICES = np.arange(64, dtype=np.uint32)[None]


def sorted_32(values, indices):
    parts = []
    for start in range(0, values.shape[1], 32):
        order = sorted(range(start, start + 32), key=lambda at: (-values[0, at], indices[0, at]))
        parts.append(pairs_of(values[:, order], indices[:, order]))
    return np.concatenate(parts, 1)


def merged(*lists):
    every = [
        (row[0, at], number, row[0, at + 1]) for number, row in enumerate(lists) for at in range(0, row.shape[1], 2)
    ]
    every.sort(key=lambda each: (-each[0], each[1]))
    return np.array([[part for value, _, index in every for part in (value, index)]], np.float32)


LIST_A = np.array([[9, 0, 5, 1, 1, 2]], np.float32)
LIST_B = np.array([[7, 3, 5, 4]], np.float32)
LIST_C = np.array([[8, 5]], np.float32)
LIST_D = np.array([[5, 6, 0, 7]], np.float32)
EIGHT = np.array([[9, 0, 4, 1, 8, 2, 3, 3, 7, 4, 2, 5, 6, 6, 4, 7]], np.float32)  # four sorted blocks of two pairs
BYTES = np.array([[0x0102, 0x0103, 0x0205, 0x0102], [0xFF00, 0x00FF, 0xFFFF, 0xFF00]], np.uint16)


def counted(values):
    return np.array([[np.sum(row <= each) for each in range(256)] for row in values], np.uint32)


def low_counted():
    return counted([np.array([2, 3, 2]), np.array([0, 255, 0])])


PIXELS = RNG.integers(-9, 9, (12, 32)).astype(np.float16)
SUMS = np.array([[100, -300, 5], [-2, 70000, 0]], np.int32)
WORDS = np.array([[0x3F000000, 0x3F800000, 0x40200000]], np.int64) + 2**46
"""0.5, 1 and 2.5 as f32, for results with a sign."""

CASES = [
    # one or two tiles
    ("add", (A, B), {}, A + B), ("sub", (A, B), {}, A - B), ("mul", (A, B), {}, A * B), ("div", (A, P), {}, A / P),
    ("max", (A, B), {}, np.where(A > B, A, B)), ("min", (A, B), {}, np.where(A < B, A, B)),
    ("abs", (A,), {}, np.where(A < 0, -A, A)), ("neg", (A,), {}, 0 - A), ("exp", (A,), {}, np.e**A.astype(np.float64)),
    ("log", (P,), {}, np.log(P.astype(np.float64))), ("sqrt", (P,), {}, P.astype(np.float64) ** 0.5),
    ("rsqrt", (P,), {}, P.astype(np.float64) ** -0.5), ("recip", (P,), {}, 1 / P.astype(np.float64)),
    ("relu", (A,), {}, (A + np.abs(A)) / 2), ("relu", (INTS,), {}, np.where(INTS > 0, INTS, 0)),
    ("subrelu", (A, B), {}, np.where(A > B, A - B, 0)), ("prelu", (A, B, UTMP), {}, np.where(A > 0, A, A * B)),
    ("addc", (A, B, C), {}, A + B + C), ("subc", (A, B, C), {}, A - B + C), ("addsc", (A, 2.0, B), {}, A + 2 + B),
    ("subsc", (A, 2.0, B), {}, A - 2 + B), ("fusedmuladd", (C, A, B), {}, A * C + B),
    ("fusedmuladdrelu", (C, A, B), {}, np.where(A * C + B > 0, A * C + B, 0)), ("muladddst", (C, A, B), {}, A * B + C),
    ("axpy", (C, A, 0.5), {}, C + A / 2), ("and_", (INTS, FEW), {}, INTS & FEW), ("or_", (INTS, FEW), {}, INTS | FEW),
    ("xor", (INTS, FEW, ITMP), {}, (INTS | FEW) - (INTS & FEW)), ("not_", (INTS,), {}, -INTS - 1),
    ("shl", (INTS, FEW), {}, INTS * 2**FEW),
    ("shr", (INTS, FEW), {}, INTS // 2**FEW),
    ("rem", (INTS, FEW, ITMP), {}, INTS - FEW * (INTS // FEW)),
    ("rem", (INTS, -FEW, ITMP), {}, INTS + FEW * (INTS // -FEW)),
    ("rem", (A, P, TMP), {}, A.astype(np.float64) - P * np.floor(A.astype(np.float64) / P)),
    ("fmod", (A, B), {}, np.fmod(A.astype(np.float64), B)),
    ("pow", (P, B, TMP), {}, np.exp(B.astype(np.float64) * np.log(P.astype(np.float64)))),
    # a tile and a number
    ("adds", (A, 2.5), {}, A + 2.5), ("subs", (INTS, 3), {}, INTS - 3), ("muls", (INTS, 3), {}, INTS * 3),
    ("divs", (A, 4.0), {}, A / 4), ("sdivs", (P, 4.0), {}, 4 / P), ("maxs", (A, 0.5), {}, np.where(A > 0.5, A, 0.5)),
    ("mins", (INTS, 3), {}, np.where(INTS < 3, INTS, 3)), ("lrelu", (A, 0.25), {}, np.where(A > 0, A, A / 4)),
    ("rems", (INTS, 7, ITMP), {}, INTS - 7 * (INTS // 7)), ("fmods", (A, -2.0), {}, np.fmod(A, 2)),
    ("pows", (A, 2.0, TMP), {}, A * A), ("ands", (INTS, 12), {}, INTS & 12), ("ors", (INTS, 12), {}, INTS | 12),
    ("xors", (INTS, 12, ITMP), {}, INTS ^ 12), ("shls", (INTS, 3), {}, INTS * 8), ("shrs", (INTS, 3), {}, INTS // 8),
    # rows and columns
    ("rowsum", (A, TMP), {}, A.astype(np.float64).sum(1, keepdims=True)),
    ("rowsum", (INTS, ITMP), {}, INTS.sum(1, keepdims=True)),
    ("rowprod", (A, TMP), {}, A.astype(np.float64).prod(1, keepdims=True)),
    ("rowmax", (A, TMP), {}, np.sort(A, 1)[:, -1:]), ("rowmin", (A, TMP), {}, np.sort(A, 1)[:, :1]),
    ("rowargmax", (A, TMP), {}, np.argsort(A, 1)[:, -1:]), ("rowargmin", (A, TMP), {}, np.argsort(A, 1)[:, :1]),
    ("colsum", (A,), {}, A.astype(np.float64).sum(0, keepdims=True)),
    ("colprod", (A,), {}, A.astype(np.float64).prod(0, keepdims=True)),
    ("colmax", (A,), {}, np.sort(A, 0)[-1:]), ("colmin", (A,), {}, np.sort(A, 0)[:1]),
    ("colargmax", (A, TMP), {}, np.argsort(A, 0)[-1:]), ("colargmin", (A, TMP), {}, np.argsort(A, 0)[:1]),
    ("pairreducesum", (SIX,), {}, np.concatenate((SIX[:, 0::2] + SIX[:, 1::2], np.zeros((4, 4))), 1)),
    *((f"rowexpand{name}", (A, COLUMN), {}, result) for name, result in (
        ("add", A + COLUMN), ("sub", A - COLUMN), ("mul", A * COLUMN), ("div", A / COLUMN),
        ("max", np.where(A > COLUMN, A, COLUMN)), ("min", np.where(A < COLUMN, A, COLUMN)),
        ("expdif", np.e ** (A - COLUMN).astype(np.float64)))),
    *((f"colexpand{name}", (A, ROW), {}, result) for name, result in (
        ("add", A + ROW), ("sub", A - ROW), ("mul", A * ROW), ("div", A / ROW),
        ("max", np.where(A > ROW, A, ROW)), ("min", np.where(A < ROW, A, ROW)),
        ("expdif", np.e ** (A - ROW).astype(np.float64)))),
    ("rowexpand", (COLUMN, 3), {}, np.concatenate((COLUMN, COLUMN, COLUMN), 1)),
    ("colexpand", (ROW, 2), {}, np.concatenate((ROW, ROW))),
    ("partadd", (A, PART), {}, over(NARROW_A + PART, A)), ("partmul", (A, PART), {}, over(NARROW_A * PART, A)),
    ("partmax", (A, PART), {}, over(np.where(NARROW_A > PART, NARROW_A, PART), A)),
    ("partmin", (A, PART), {}, over(np.where(NARROW_A < PART, NARROW_A, PART), A)),
    ("partargmax", (A, PART, INTS, FEW[:3, :4].copy(), TMP), {}, over(np.where(NARROW_A > PART, INTS[:3, :4], FEW[:3,
    :4]), INTS)),
    ("partargmin", (A, PART, INTS, FEW[:3, :4].copy(), TMP), {}, over(np.where(NARROW_A < PART, INTS[:3, :4], FEW[:3,
    :4]), INTS)),
    # made and chosen
    ("expands", (2.5, 2, 3), {"dtype": f16}, np.full((2, 3), 2.5, np.float16)),
    ("scratch", (), {"rows": 2, "cols": 3, "dtype": u8}, np.zeros((2, 3), np.uint8)),
    ("ci", (5, 4), {"dtype": i32}, np.array([[5, 6, 7, 8]], np.int32)),
    ("ci", (5, 4), {"dtype": i16, "down": True}, np.array([[5, 4, 3, 2]], np.int16)),
    ("tri", (0, 2, 3), {"dtype": f32}, np.array([[1, 0, 0], [1, 1, 0]], np.float32)),
    ("tri", (1, 2, 3), {"dtype": i32, "upper": True}, np.array([[0, 1, 1], [0, 0, 1]], np.int32)),
    ("random", (5, -1, 2**33, 3, 264), {},
     philox.tile(10, [0xFFFFFFFF, 0xFFFFFFFF, 0, 2], [5, 0], 3, 264)),
    ("random", (-(2**35), 7, 0, 2, 72), {"dtype": i32, "rounds": 7},
     philox.tile(7, [7, 0, 0, 0], [0, 0xFFFFFFF8], 2, 72).view(np.int32)),
    *((name, (A, other), {"mode": mode}, result(A, B if name == "cmp" else np.float32(0.5)))
      for name, other in (("cmp", B), ("cmps", 0.5)) for mode, result in (
        ("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("le", np.less_equal), ("gt", np.greater),
        ("ge", np.greater_equal))),
    ("sel", (MASK, A, B, UTMP), {}, np.choose(MASK, (B, A))),
    ("sels", (MASK, A, 7.0, UTMP), {}, np.choose(MASK, (np.float32(7), A))),
    # moved, cut and put together
    ("load", (A,), {}, A), ("load_t", (A,), {}, np.swapaxes(A, 0, 1)), ("load_row", (A[0],), {}, A[:1]),
    ("load_rows", (np.stack((A, B)),), {}, np.concatenate((A, B))),
    ("store_rows", (np.concatenate((A, B)), 2, 5), {}, np.stack((A, B))),
    ("load_col", (A[:, 0].copy(),), {}, A[:, :1]), ("store", (A,), {}, A), ("store_t", (A,), {}, np.swapaxes(A, 0, 1)),
    ("store_row", (ROW,), {}, ROW[0]), ("store_col", (COLUMN,), {}, COLUMN[:, 0]), ("store_add", (A, B), {}, B + A),
    ("store_as", (A,), {"dtype": f16}, A.astype(np.float16)), ("mov", (A,), {}, A),
    ("mov_as", (A,), {"dtype": f16}, A.astype(np.float16)), ("extract", (A, 1, 2, 3, 4), {}, A[1:4, 2:6]),
    ("subview", (A, 0, 2, 3, 4), {}, A[0:3, 2:6]), ("insert", (A, PART, 1, 2), {}, np.block(
        [[A[:1, :2], A[:1, 2:6], A[:1, 6:]], [A[1:4, :2], PART, A[1:4, 6:]], [A[4:, :2], A[4:, 2:6], A[4:, 6:]]])),
    *((name, (A, 6, 8), {"value": value}, padded(A, 6, 8, value)) for value in (0.0, -INF, 1.5)
      for name in ("fillpad", "fillpad_inplace", "fillpad_expand")),
    ("fillpad", (INTS, 5, 8), {"value": -INF}, padded(INTS, 5, 8, -(2**31))),
    ("fillpad", (A, 5, 7), {"value": 0.0}, A),
    ("print", (A,), {}, A),
    ("concat", (A, COLUMN), {}, np.hstack((A, COLUMN))), ("trans", (A, TMP), {}, np.swapaxes(A, 0, 1)),
    ("reinterpret", (np.array([[-1, 5]], np.int32),), {"dtype": u32}, np.array([[2**32 - 1, 5]], np.uint32)),
    ("reinterpret", (np.array([[65535, 5]], np.uint16),), {"dtype": i16}, np.array([[-1, 5]], np.int16)),
    ("within", (INDICES.astype(np.int32), 99), {}, INDICES.astype(np.int32)),
    ("reshape", (A, 7, 5), {}, np.ravel(A).reshape(7, 5)),
    ("cvt", (A,), {"dtype": f16}, A.astype(np.float16)), ("cvt", (INTS,), {"dtype": f32}, INTS.astype(np.float32)),
    *(("cvt", (np.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.7, -2.7, 0.49999997, -0.49999997, 8388609]], np.float32),),
       {"dtype": i32, "mode": mode}, np.array([[*result, 8388609]], np.int32)) for mode, result in (
        ("none", [-2, -1, 0, 0, 1, 2, -2, 0, 0]), ("trunc", [-2, -1, 0, 0, 1, 2, -2, 0, 0]),
        ("rint", [-2, -2, 0, 0, 2, 3, -3, 0, 0]), ("round", [-3, -2, -1, 1, 2, 3, -3, 0, 0]),
        ("floor", [-3, -2, -1, 0, 1, 2, -3, 0, -1]), ("ceil", [-2, -1, 0, 1, 2, 3, -2, 1, 0]))),
    # by index
    ("gather", (TABLE, np.array([[0, 23], [5, 5]], np.int32), np.zeros((1, 8), np.int32)), {},
     np.array([[TABLE[0, 0], TABLE[5, 3]], [TABLE[1, 1], TABLE[1, 1]]])),
    ("mgather", (TABLE, np.array([[0, 23], [5, 5]], np.int32)), {},
     np.array([[TABLE[0, 0], TABLE[5, 3]], [TABLE[1, 1], TABLE[1, 1]]])),
    ("mgather_rows", (TABLE, np.array([[4, 0, 4]], np.int32)), {}, np.stack((TABLE[4], TABLE[0], TABLE[4]))),
    ("mscatter", (np.array([[8.0, 9.0]], np.float32), np.array([[7, 0]], np.int32), TABLE), {},
     np.array([9, *TABLE.ravel()[1:7], 8, *TABLE.ravel()[8:]], np.float32).reshape(6, 4)),
    ("mscatter_rows", (PART[:2], np.array([[3, 1]], np.int32), TABLE), {},
     np.stack((TABLE[0], PART[1], TABLE[2], PART[0], TABLE[4], TABLE[5]))),
    ("scatter", (TABLE, np.array([[8.0, 9.0]], np.float32), np.array([[7, 0]], np.int32)), {},
     np.array([9, *TABLE.ravel()[1:7], 8, *TABLE.ravel()[8:]], np.float32).reshape(6, 4)),
    ("gather_mask", (SIX,), {"start": 1, "step": 2}, SIX[:, 1::2]),
    ("gather_mask", (SIX,), {"start": 3, "step": 4}, SIX[:, 3::4]),
    ("scatter_mask", (PART,), {"start": 1, "step": 2},
     np.stack((np.zeros_like(PART), PART), 2).reshape(3, 8)),
    ("gatherb", (SIX, np.array([[64, 0], [32, 96]], np.uint32)), {"per": 8},
     np.stack((np.concatenate((SIX[2], SIX[0])), np.concatenate((SIX[1], SIX[3]))))),
    ("interleave_low", (SIX, -SIX, SIX), {}, np.stack((SIX, -SIX), 2).reshape(4, 16)[:, :8]),
    ("interleave_high", (SIX, -SIX, SIX), {}, np.stack((SIX, -SIX), 2).reshape(4, 16)[:, 8:]),
    ("deinterleave_even", (SIX, -SIX, SIX), {}, np.concatenate((SIX[:, ::2], -SIX[:, ::2]), 1)),
    ("deinterleave_odd", (SIX, -SIX, SIX), {}, np.concatenate((SIX[:, 1::2], -SIX[:, 1::2]), 1)),
    # sorted and counted
    ("sort32", (VALUES, INDICES), {}, sorted_32(VALUES, INDICES)),
    ("mrgsort", (EIGHT,), {"block": 4}, np.array([[9, 0, 8, 2, 7, 4, 6, 6, 4, 1, 4, 7, 3, 3, 2, 5]], np.float32)),
    ("mrgsort2", (LIST_A, LIST_B, LIST_A), {}, np.array([[9, 0, 7, 3, 5, 1, 5, 4, 1, 2]], np.float32)),
    ("mrgsort3", (LIST_A, LIST_B, LIST_C, LIST_A), {}, merged(LIST_A, LIST_B, LIST_C)),
    ("mrgsort4", (LIST_A, LIST_B, LIST_C, LIST_D, LIST_A), {}, merged(LIST_A, LIST_B, LIST_C, LIST_D)),
    ("sorted_values", (LIST_A,), {}, np.array([[9, 5, 1]], np.float32)),
    ("sorted_indices", (LIST_A,), {}, np.array([[0, 1, 2]], np.uint32)),
    ("sorted_places", (LIST_A,), {}, np.array([[0, 1, 2]], np.int32)),
    ("load_flags", (MASK,), {}, np.where(MASK, 1, 0).astype(np.uint8)),
    ("load_row_flags", (MASK[0],), {}, np.where(MASK[:1], 1, 0).astype(np.uint8)),
    ("load_col_flags", (MASK[:, 0].copy(),), {}, np.where(MASK[:, :1], 1, 0).astype(np.uint8)),
    ("store_flags", (np.array([[0, 1, 1]], np.uint8),), {}, np.array([[False, True, True]])),
    ("store_row_flags", (np.array([[0, 1, 1]], np.uint8),), {}, np.array([False, True, True])),
    ("store_col_flags", (np.array([[0], [1]], np.uint8),), {}, np.array([False, True])),
    ("histogram", (BYTES, np.array([[1], [0xFF]], np.uint8)), {"byte": 1}, counted(BYTES >> 8)),
    ("histogram", (BYTES, np.array([[1], [0xFF]], np.uint8)), {"byte": 0}, low_counted()),
    # in fewer bits
    ("quant", (np.array([[1.5, -300.0, 2.5]], np.float32), np.array([[1.0]], np.float32)), {},
     np.array([[2, -128, 2]], np.int8)),
    ("quant_asym", (np.array([[1.5, -3.0, 400.0]], np.float32), np.array([[2.0]], np.float32),
                    np.array([[1.0]], np.float32)), {}, np.array([[4, 0, 255]], np.uint8)),
    ("dequant", (np.array([[5, -3]], np.int16), np.array([[0.5]], np.float32), np.array([[1.0]], np.float32)), {},
     np.array([[2.0, -2.0]], np.float32)),
    ("adddeqrelu", (np.array([[5, -9]], np.int32), np.array([[1, 1]], np.int32), 0.5, ITMP), {},
     np.array([[3.0, 0.0]], np.float16)),
    *((name, (SUMS, *more), {"dtype": dtype}, wanted) for name in ("mov_fp", "store_fp") for more, dtype, wanted in (
        ((WORDS,), i8, np.array([[50, -128, 12], [-1, 127, 0]], np.int8)),
        ((WORDS - 2**46,), u8, np.array([[50, 0, 12], [0, 255, 0]], np.uint8)),
        ((WORDS + 3 * 2**37,), i8, np.array([[53, -128, 16], [2, 127, 3]], np.int8)),
        ((WORDS,), f16, np.array([[50, -300, 12.5], [-1, 65504, 0]], np.float16)))),
    ("extract_fp", (SUMS, WORDS, 0, 1, 2, 2), {"dtype": i8}, np.array([[-128, 12], [127, 0]], np.int8)),
    ("insert_fp", (np.full((2, 4), 9, np.int8), SUMS, WORDS, 0, 1), {},
     np.array([[9, 50, -128, 12], [9, -1, 127, 0]], np.int8)),
    # images
    ("img2col", (PIXELS, 0, 0, 6, 128), {"height": 4, "width": 3, "filter_height": 2, "filter_width": 2},
     patches(PIXELS, 4, 3, (2, 2), block=16)),
    ("img2col", (PIXELS.astype(np.float32), 1, 8, 5, 40), {
        "height": 4, "width": 3, "filter_height": 1, "filter_width": 3, "stride_height": 2, "stride_width": 3,
        "dilation_width": 2, "block": 8, "top": 1, "bottom": 2, "left": 4, "right": 1},
     patches(PIXELS.astype(np.float32), 4, 3, (1, 3), block=8, stride=(2, 3), dilation=(1, 2), edges=(1, 2, 4, 1)
             )[1:6, 8:48]),
    # products
    ("accumulator", (2, 3), {"dtype": f32}, np.zeros((2, 3), np.float32)),
    ("matmul", (A[:, :4].copy(), TABLE[:4]), {}, A[:, :4].astype(np.float64) @ TABLE[:4]),
    ("matmul", (np.full((2, 300), 100, np.int8), np.full((300, 2), 100, np.int8)), {"dtype": i32},
     np.full((2, 2), 3_000_000, np.int32)),
    ("matmul_acc", (A[:, :4].copy(), A[:, :4].copy(), TABLE[:4]), {},
     A[:, :4] + A[:, :4].astype(np.float64) @ TABLE[:4]),
    ("matmul_bias", (A[:, :4].copy(), TABLE[:4], TABLE[4:5]), {}, A[:, :4].astype(np.float64) @ TABLE[:4] + TABLE[4]),
    ("gemv", (A[:1, :4].copy(), TABLE[:4]), {}, A[:1, :4].astype(np.float64) @ TABLE[:4]),
    ("gemv_acc", (TABLE[5:], A[:1, :4].copy(), TABLE[:4]), {}, TABLE[5] + A[:1, :4].astype(np.float64) @ TABLE[:4]),
    ("gemv_bias", (A[:1, :4].copy(), TABLE[:4], TABLE[4:5]), {}, A[:1, :4].astype(np.float64) @ TABLE[:4] + TABLE[4]),
]  # fmt: skip

DTYPES = {
    np.dtype(np.float32): f32, np.dtype(np.float16): f16, np.dtype(np.int32): i32, np.dtype(np.int16): i16,
    np.dtype(np.int8): i8, np.dtype(np.uint8): u8, np.dtype(np.uint16): u16, np.dtype(np.uint32): u32,
    np.dtype(np.bool_): bool_, np.dtype(np.int64): htp.i64,
}  # fmt: skip
