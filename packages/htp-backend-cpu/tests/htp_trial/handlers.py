"""How the CPU does what the intrinsics mean."""

from htp.intrinsics import Emitter, emits
from htp_trial import trial


@emits(trial.rowmax, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    (m, n), (i, j) = cx.dims(x), cx.strides(x)
    least = {"f32": "-__builtin_inff()", "f16": "f16(-__builtin_inff())", "i32": "-2147483647 - 1"}
    name = cx.tile_type(x).dtype.name
    return f"""
        // The largest of every row; a NaN wins.
        for (i64 r = 0; r < {m}; ++r) {{
            {name} top = {least[name]};
            for (i64 c = 0; c < {n}; ++c) {{
                const {name} value = {x}[r * {i} + c * {j}];
                if (value > top || value != value) top = value;
                if (top != top) break;
            }}
            {dst}[r * {cx.strides(dst)[0]}] = top;
        }}
    """


@emits(trial.doubled, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    cx.helper("template <class T> inline T twice(T x) { return x + x; }")
    (m, n), (i, j), (a, b) = cx.dims(x), cx.strides(x), cx.strides(dst)
    return f"""for (i64 r = 0; r < {m}; ++r)
    for (i64 c = 0; c < {n}; ++c) {dst}[r * {a} + c * {b}] = twice({x}[r * {i} + c * {j}]);"""


@emits(trial.scaled, backend="cpu")
def _(cx: Emitter, dst: str, x: str, a: str) -> str:
    (n,), (step,) = cx.dims(x), cx.strides(x)
    name = cx.tile_type(dst).dtype.name
    from_ = f"{n} - 1 - k" if cx.attribute("flip") else "k"
    return f"""
        const {name} bias = cast<{name}>(f32({cx.attribute("bias")!r}));
        for (i64 k = 0; k < {n}; ++k)
            {dst}[k * {cx.strides(dst)[0]}] = {x}[({from_}) * {step}] * {a} + bias;
    """


@emits(trial.ranked, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    cx.helper("#include <algorithm>")
    (m, n), (i, j), (a, b) = cx.dims(x), cx.strides(x), cx.strides(dst)
    rows = cx.scratch_like(x)
    width = cx.strides(rows)[0]
    return f"""
        for (i64 r = 0; r < {m}; ++r) {{
            f32* const row = {rows} + r * {width};
            for (i64 c = 0; c < {n}; ++c) row[c] = {x}[r * {i} + c * {j}];
            std::sort(row, row + {n});
            for (i64 c = 0; c < {n}; ++c) {dst}[r * {a} + c * {b}] = row[c];
        }}
    """


@emits(trial.reach, backend="cpu")
def _(cx: Emitter, dst: str, a: str, b: str) -> str:
    (m, k), (n, _) = cx.dims(a), cx.dims(b)
    return f"""
        for (i64 i = 0; i < {m}; ++i)
            for (i64 j = 0; j < {n}; ++j) {{
                f32 best = -__builtin_inff();
                for (i64 k = 0; k < {k}; ++k) {{
                    const f32 sum = {a}[i * {cx.strides(a)[0]} + k * {cx.strides(a)[1]}]
                                  + {b}[j * {cx.strides(b)[0]} + k * {cx.strides(b)[1]}];
                    best = sum > best ? sum : best;
                }}
                {dst}[i * {cx.strides(dst)[0]} + j * {cx.strides(dst)[1]}] = best;
            }}
    """


@emits(trial.total, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    (n,), (step,) = cx.dims(x), cx.strides(x)
    return f"f64 sum = 0;\nfor (i64 k = 0; k < {n}; ++k) sum += {x}[k * {step}];\n*{dst} = f32(sum);"


@emits(trial.behind, backend="cpu")
def _(cx: Emitter, dst: str, s: str, x: str) -> str:
    (n,), (step,) = cx.dims(x), cx.strides(x)
    return f"for (i64 k = 0; k < {n}; ++k) {dst}[k * {cx.strides(dst)[0]}] = {x}[k * {step}] - *{s};"


@emits(trial.windows, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    (n,), (step,) = cx.dims(dst), cx.strides(x)
    terms = " + ".join(f"{x}[(k + {each}) * {step}]" for each in range(int(cx.attribute("size"))))
    return f"for (i64 k = 0; k < {n}; ++k) {dst}[k * {cx.strides(dst)[0]}] = {terms};"


@emits(trial.squashed, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    cx.helper(
        """
        #include <cmath>

        // std::tanh, or a clip.
        inline f32 squash(f32 x) { return std::tanh(x); }
        inline f32 squash_hard(f32 x) { return x < -1 ? -1 : x > 1 ? 1 : x; }
        """
    )
    (m, n), (i, j), (a, b) = cx.dims(x), cx.strides(x), cx.strides(dst)
    how = "squash_hard" if cx.attribute("how") == "hard" else "squash"
    return f"""for (i64 r = 0; r < {m}; ++r)
    for (i64 c = 0; c < {n}; ++c) {dst}[r * {a} + c * {b}] = {how}({x}[r * {i} + c * {j}]);"""


@emits(trial.noted, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    return f"for (i64 k = 0; k < {cx.dims(x)[0]}; ++k) {dst}[k * {cx.strides(dst)[0]}] = {x}[k * {cx.strides(x)[0]}];"


@emits(trial.opaque, backend="cpu")
def _(cx: Emitter, dst: str, x: str) -> str:
    return f"for (i64 k = 0; k < {cx.dims(x)[0]}; ++k) {dst}[k * {cx.strides(dst)[0]}] = {x}[k * {cx.strides(x)[0]}];"


@emits(trial.ramp, backend="cpu")
def _(cx: Emitter, dst: str, first: str, n: str) -> str:
    (size,), (step,) = cx.dims(dst), cx.strides(dst)
    name = cx.tile_type(dst).dtype.name
    assert cx.attribute("dtype") is cx.tile_type(dst).dtype
    return f"for (i64 k = 0; k < {size}; ++k) {dst}[k * {step}] = cast<{name}>(f32(k)) + {first};"
