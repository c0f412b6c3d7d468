// Exports of the prelude for the tests: one C function per operation and dtype, scalar and vector forms side by side.
#include "htp.hpp"
using namespace htp;

#define EXPORT extern "C" __attribute__((visibility("default")))
// out[i] = name(x[i]) with strips, and with plain scalars
#define UNARY(name, T)                                                                                              \
    EXPORT void name##_##T(T* out, const T* x, i64 n) {                                                             \
        strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, name(load(x + j, l)), l); });               \
    }                                                                                                               \
    EXPORT void name##_##T##_scalar(T* out, const T* x, i64 n) { for (i64 i = 0; i < n; i++) out[i] = name(x[i]); }
#define PREDICATE(name, T)                                                                                          \
    EXPORT void name##_##T(bool* out, const T* x, i64 n) {                                                          \
        strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, name(load(x + j, l)), l); });               \
    }                                                                                                               \
    EXPORT void name##_##T##_scalar(bool* out, const T* x, i64 n) { for (i64 i = 0; i < n; i++) out[i] = name(x[i]); }
#define BINARY(name, R, T, expression)                                                                              \
    EXPORT void name##_##T(R* out, const T* a, const T* b, i64 n) {                                                 \
        strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA {                                                            \
            auto x = load(a + j, l);                                                                                \
            auto y = load(b + j, l);                                                                                \
            store(out + j, expression, l);                                                                          \
        });                                                                                                         \
    }                                                                                                               \
    EXPORT void name##_##T##_scalar(R* out, const T* a, const T* b, i64 n) {                                        \
        for (i64 i = 0; i < n; i++) { T x = a[i], y = b[i]; out[i] = R(expression); }                               \
    }
#define CAST(From, To)                                                                                              \
    EXPORT void cast_##From##_##To(To* out, const From* x, i64 n) {                                                 \
        strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, cast<To>(load(x + j, l)), l); });           \
    }                                                                                                               \
    EXPORT void cast_##From##_##To##_scalar(To* out, const From* x, i64 n) { for (i64 i = 0; i < n; i++) out[i] = cast<To>(x[i]); }

#define FLOAT_FUNCTIONS(DO, T) \
    DO(exp, T) DO(exp2, T) DO(log, T) DO(log2, T) DO(sqrt, T) DO(rsqrt, T) DO(sin, T) DO(cos, T) DO(tanh, T) DO(erf, T) \
    DO(sigmoid, T) DO(silu, T) DO(gelu, T) DO(gelu_tanh, T) DO(floor, T) DO(ceil, T) DO(round, T)
FLOAT_FUNCTIONS(UNARY, f32) FLOAT_FUNCTIONS(UNARY, f64)
UNARY(exp, f16) UNARY(exp, bf16) UNARY(exp, f8e4m3) UNARY(exp, f8e5m2) UNARY(round, f16) UNARY(sqrt, bf16)

#define NUMBER_FUNCTIONS(T) UNARY(abs, T) UNARY(neg, T) UNARY(sign, T) UNARY(relu, T)
NUMBER_FUNCTIONS(f32) NUMBER_FUNCTIONS(f64) NUMBER_FUNCTIONS(f16) NUMBER_FUNCTIONS(i8) NUMBER_FUNCTIONS(i32) NUMBER_FUNCTIONS(i64) NUMBER_FUNCTIONS(u16)
PREDICATE(isnan, f32) PREDICATE(isinf, f32) PREDICATE(isfinite, f32) PREDICATE(isinf, bf16) PREDICATE(isnan, f64)

#define ARITHMETIC(T) BINARY(add, T, T, x + y) BINARY(sub, T, T, x - y) BINARY(mul, T, T, x * y)
#define ORDER(T) BINARY(minimum, T, T, minimum(x, y)) BINARY(maximum, T, T, maximum(x, y)) BINARY(choose, T, T, where(x < y, x, y)) \
    BINARY(less, bool, T, x < y) BINARY(equal, bool, T, x == y)
#define WHOLE(T) BINARY(floordiv, T, T, floordiv(x, y)) BINARY(mod, T, T, mod(x, y))
#define BITS(T) BINARY(shl, T, T, shl(x, y)) BINARY(shr, T, T, shr(x, y)) BINARY(band, T, T, x & y) BINARY(bxor, T, T, x ^ y) BINARY(power, T, T, pow(x, y))
#define FLOATS(T) ARITHMETIC(T) ORDER(T) BINARY(div, T, T, x / y)
#define INTS(T) ORDER(T) WHOLE(T) BITS(T)
FLOATS(f32) FLOATS(f64) FLOATS(f16) FLOATS(bf16) FLOATS(f8e4m3) FLOATS(f8e5m2) WHOLE(f32) WHOLE(f64) BINARY(power, f32, f32, pow(x, y))
INTS(i8) INTS(i32) INTS(i64) INTS(u8) INTS(u64) INTS(i16)
ARITHMETIC(i8) ARITHMETIC(u8) ARITHMETIC(u64) ARITHMETIC(i16) ARITHMETIC(i32) ARITHMETIC(i64)
BINARY(both, bool, f32, (x < y) & (x == x)) BINARY(mixed, bool, f32, (x < y) ^ (cast<f64>(x) < cast<f64>(y)))

#define NARROW(T) CAST(T, f32) CAST(f32, T) CAST(f64, T) CAST(T, f64) CAST(T, i32) CAST(i64, T) CAST(T, bool_)
NARROW(f16) NARROW(bf16) NARROW(f8e4m3) NARROW(f8e5m2) CAST(f16, bf16) CAST(bf16, f8e5m2)
#define TO_INTS(F) CAST(F, i8) CAST(F, i16) CAST(F, i32) CAST(F, i64) CAST(F, u8) CAST(F, u16) CAST(F, u32) CAST(F, u64)
TO_INTS(f32) TO_INTS(f64)
#define FROM_INT(I) CAST(I, f32) CAST(I, f64) CAST(I, bool_) CAST(bool_, I)
FROM_INT(i8) FROM_INT(i16) FROM_INT(i32) FROM_INT(i64) FROM_INT(u8) FROM_INT(u16) FROM_INT(u32) FROM_INT(u64)
CAST(f32, f64) CAST(f64, f32) CAST(i64, i8) CAST(i8, i64) CAST(u8, i32) CAST(i32, u8) CAST(u32, i64) CAST(f32, bool_) CAST(bool_, f32)

// Memory: n elements from x to out, every way of moving lanes; width 64 is several registers.
#define MOVES(T)                                                                                                        \
    EXPORT void copy_##T(T* out, const T* x, i64 n) { strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, load(x + j, l), l); }); } \
    EXPORT void copy64_##T(T* out, const T* x, i64 n) { strips<64>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, load(x + j, l), l); }); } \
    EXPORT void strided_##T(T* out, i64 s, const T* x, i64 t, i64 n) { strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j * s, s, load(x + j * t, t, l), l); }); } \
    EXPORT void gather_##T(T* out, const T* x, i64 s, const i32* at, i64 n) { strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, gather(x, s, load(at + j, l), l), l); }); } \
    EXPORT void scatter_##T(T* out, i64 s, const i64* at, const T* x, i64 n) { strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { scatter(out, s, load(at + j, l), load(x + j, l), l); }); } \
    EXPORT void fill_##T(T* out, T x, i64 n) { strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, x, l); }); } \
    EXPORT void ramp_##T(T* out, i64 start, i64 n) { strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { store(out + j, iota<T, 16>(start + j), l); }); }
MOVES(f64) MOVES(f32) MOVES(f16) MOVES(u8) MOVES(i16) MOVES(i64)

// Horizontal reductions through an accumulator (assign keeps the lanes a tail does not reach), and of partial lanes.
#define REDUCTIONS(T)                                                                                                   \
    EXPORT void reduce_##T(T* out, const T* x, i64 n) {                                                                 \
        Vec<T, 16> s = T(0), m = lowest<T>(), w = highest<T>();                                                         \
        strips<16>(0, n, [&](i64 j, auto l) HTP_LAMBDA {                                                                \
            auto v = load(x + j, l);                                                                                    \
            assign(s, l, s + v); assign(m, l, maximum(m, v)); assign(w, l, minimum(w, v));                              \
        });                                                                                                             \
        out[0] = sum(s); out[1] = max(m); out[2] = min(w);                                                              \
        strips<16>(0, n < 16 ? n : 16, [&](i64 j, auto l) HTP_LAMBDA {                                                  \
            auto v = load(x + j, l);                                                                                    \
            out[3] = sum(v, l); out[4] = max(v, l); out[5] = min(v, l); out[6] = prod(v, l);                            \
        });                                                                                                             \
    }
REDUCTIONS(f32) REDUCTIONS(f64) REDUCTIONS(i32) REDUCTIONS(i64) REDUCTIONS(i8) REDUCTIONS(u16)
EXPORT void logic(i64* out, const bool* x, i64 n) {
    strips<16>(0, n, [=](i64 j, auto l) HTP_LAMBDA { auto v = load(x + j, l); out[0] = any(v, l); out[1] = all(v, l); out[2] = sum(v, l); out[3] = any(~v, l); });
}

#define MMA(name, T, A)                                                                                                 \
    EXPORT void mma_##name(T* c, i64 ld, i64 rows, i64 cols, const A* a, i64 ar, i64 ac, const A* b, i64 bl, i64 k, i64 zero) { \
        mma(c, ld, rows, cols, a, ar, ac, b, bl, k, zero != 0);                                                         \
    }
MMA(f32, f32, f32) MMA(f64, f64, f64) MMA(i32, i32, i8) MMA(i64, i64, i64) MMA(f16, f32, f16) MMA(bf16, f32, bf16)
#define TRANSPOSE(T) EXPORT void transpose_##T(T* out, i64 ol, const T* x, i64 xl, i64 rows, i64 cols) { transpose_block(out, ol, x, xl, rows, cols); }
TRANSPOSE(f32) TRANSPOSE(f64) TRANSPOSE(f16) TRANSPOSE(u8)

#define ROWS(T)                                                                                                         \
    EXPORT void sort_##T(T* x, i64 s, i64 n, i64 down) { sort_row(x, s, n, down != 0); }                                \
    EXPORT void argsort_##T(i64* out, i64 s, const T* x, i64 t, i64 n, i64 down) { argsort_row(out, s, x, t, n, down != 0); } \
    EXPORT void topk_##T(T* v, i64 vs, i64* at, i64 is, i64 k, const T* x, i64 s, i64 n) { topk_row(v, vs, at, is, k, x, s, n); } \
    EXPORT i64 argmax_##T(const T* x, i64 s, i64 n) { return argmax_row(x, s, n); }                                     \
    EXPORT i64 argmin_##T(const T* x, i64 s, i64 n) { return argmin_row(x, s, n); }
ROWS(f32) ROWS(f64) ROWS(f16) ROWS(i8) ROWS(i32) ROWS(u64)

// ---- programs on the runtime ----
EXPORT void twice(const Context* cx, f32* out, const f32* x, i64 n) {
    const Context& c = *cx;
    parallel(c, n, [=](i64 i) { out[i] = 2 * x[i]; });
}
/// Counts each (i, j) once; the inner loop is nested in the outer one.
EXPORT void nested(const Context* cx, i32* counts, i64 n, i64 m) {
    const Context c = *cx;
    parallel(c, n, [=](i64 i) {
        auto owner = c.scratch<i32>(m + 1000);
        i32* own = owner;
        for (i64 j = 0; j < m; j++) own[j] = 0;
        parallel(c, m, [=](i64 j) { own[j] += 1; });
        auto more = c.scratch<f64>(300000);
        for (i64 j = 0; j < 300000; j += 512) more[j] = f64(j);
        for (i64 j = 0; j < m; j++) counts[i * m + j] += own[j];
    });
}
EXPORT void pairs(const Context* cx, i32* counts, i64 n, i64 m) {
    const Context& c = *cx;
    parallel(c, n, m, [=](i64 i, i64 j) { counts[i * m + j] += 1; });
}
EXPORT void pick(const Context* cx, f32* out, const f32* x, const i64* at, i64 n, i64 extent) {
    const Context& c = *cx;
    try {
        strips<16>(0, n, [&](i64 j, auto l) HTP_LAMBDA { store(out + j, gather(x, 1, checked(c, load(at + j, l), extent, "user.py:12", l), l), l); });
    } catch (const Stop&) {}
}
EXPORT i64 pick_one(const Context* cx, i64 i, i64 extent) {
    try {
        return checked(*cx, i, extent, "user.py:13");
    } catch (const Stop&) {
        return -1;  // what follows a failed check does not run
    }
}
EXPORT i64 demand(const Context* cx, i64 good) {
    try {
        require(*cx, good != 0, "n > 3", "user.py:14");
        return 1;
    } catch (const Stop&) {
        return 0;
    }
}
EXPORT void say(const Context* cx, const f32* x, i64 rows, i64 cols) {
    print_tile(*cx, "values", f32(0.1f), i32(-3), true, View<f32, 2>{x, {rows, cols}, {cols, 1}}, f16(1.5f));
}
EXPORT void say_from_threads(const Context* cx, i64 n) {
    const Context& c = *cx;
    parallel(c, n, [=](i64 i) { print_tile(c, "line", i, i); });
}
EXPORT i64 heap_sum(const Context* cx, i64 n) {
    auto owner = cx->heap<i64>(n);
    i64 total = 0;
    for (i64 i = 0; i < n; i++) owner[i] += i;
    for (i64 i = 0; i < n; i++) total += owner[i];
    return total;
}
