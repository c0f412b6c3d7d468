// What the vector extensions cannot say: masked memory access, fused multiply-add, roots, rounding, scaling, half
// floats. Knows x86 (AVX2, AVX-512) and gives a portable form of each for every other machine.
//
// Inline assembly and not __builtin_ia32_*: those builtins differ between GCC and Clang and between their versions, the
// instructions do not, and one template serves every register width because the operand's type names the register.
#pragma once
#include "htp_vec.hpp"

namespace htp {

/// The mask register value that selects the first n of N lanes.
template <int N> HTP_INLINE u64 first_lanes(i64 n) {
    return n >= N ? (N == 64 ? ~u64(0) : (u64(1) << (N & 63)) - 1) : n <= 0 ? 0 : (u64(1) << n) - 1;
}

#ifdef HTP_AVX512
/// What an access may touch, as an operand of assembly: any type, any alignment. A vector and not a struct of bytes,
/// because GCC 12 forgets (in -fipa-modref) that assembly writes to a struct.
template <class T, int N> struct Touched {
    typedef T type __attribute__((vector_size(sizeof(T) * N), aligned(1), may_alias));
};
#define HTP_MASKED_LOAD(op) \
    asm(op " %1, %0 %{%2%}%{z%}" : "=v"(r) : "m"(*(const typename Touched<T, N>::type*)p), "Yk"(m))
#define HTP_MASKED_STORE(op) \
    asm volatile(op " %1, %0 %{%2%}" : "+m"(*(typename Touched<T, N>::type*)p) : "v"(x), "Yk"(m))
/// The first n lanes from p, zero in the others; memory behind them is not touched.
template <class T, int N> HTP_INLINE Raw<T, N> load_first(const T* p, i64 n) {
    Raw<T, N> r;
    u64 m = first_lanes<N>(n);
    if constexpr (sizeof(T) == 4) HTP_MASKED_LOAD("vmovdqu32");
    else if constexpr (sizeof(T) == 8) HTP_MASKED_LOAD("vmovdqu64");
    else if constexpr (sizeof(T) == 2) HTP_MASKED_LOAD("vmovdqu16");
    else HTP_MASKED_LOAD("vmovdqu8");
    return r;
}
template <class T, int N> HTP_INLINE void store_first(T* p, Raw<T, N> x, i64 n) {
    u64 m = first_lanes<N>(n);
    if constexpr (sizeof(T) == 4) HTP_MASKED_STORE("vmovdqu32");
    else if constexpr (sizeof(T) == 8) HTP_MASKED_STORE("vmovdqu64");
    else if constexpr (sizeof(T) == 2) HTP_MASKED_STORE("vmovdqu16");
    else HTP_MASKED_STORE("vmovdqu8");
}
template <class T, int N> inline constexpr bool masked_memory = sizeof(T) * N >= 16;
#else
template <class T, int N> Raw<T, N> load_first(const T* p, i64 n);
template <class T, int N> void store_first(T* p, Raw<T, N> x, i64 n);
template <class T, int N> inline constexpr bool masked_memory = false;
#endif

/// Applies f to the registers of Vecs (the halves of wide ones).
template <class F, class T, int N, class... More> HTP_INLINE Vec<T, N> each(F f, Vec<T, N> a, More... more) {
    if constexpr (kind_of<T, N> == Kind::wide) return Vec<T, N>(each(f, a.lo, more.lo...), each(f, a.hi, more.hi...));
    else return Vec<T, N>::of(f(a.raw, more.raw...));
}

/// Applies a scalar function lane by lane: for what has no vector form.
template <class F, class T, int N, class... More> HTP_INLINE auto lane_by_lane(F f, Vec<T, N> a, More... more) {
    using R = decltype(f(T{}, typename LanesOf<More>::type{}...));
    R out[N];
    for (int i = 0; i < N; i++) out[i] = f(a[i], more[i]...);
    Vec<R, N> result;
    __builtin_memcpy(&result, out, sizeof(out));
    return result;
}

// ---- a * b + c ----
HTP_INLINE f32 fma(f32 a, f32 b, f32 c) { return __builtin_fmaf(a, b, c); }
HTP_INLINE f64 fma(f64 a, f64 b, f64 c) { return __builtin_fma(a, b, c); }
/// Fused where the machine can and the compiler optimises; for results that are only more exact when it is.
template <class T, int N> HTP_INLINE Vec<T, N> fma(Vec<T, N> a, Vec<T, N> b, Vec<T, N> c) {
#if defined(__clang__) && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
    return each([](auto x, auto y, auto z) HTP_LAMBDA { return __builtin_elementwise_fma(x, y, z); }, a, b, c);
#else
    return each([](auto x, auto y, auto z) HTP_LAMBDA { return x * y + z; }, a, b, c);  // -ffp-contract=fast fuses it
#endif
}
/// One rounding, always: for results that are wrong otherwise.
template <class V> HTP_INLINE V fused(V a, V b, V c) {
    if constexpr (lanes_of<V> == 0) {
        return fma(a, b, c);
    } else {
        using T [[maybe_unused]] = typename LanesOf<V>::type;
#if defined(__clang__) && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
        return fma(a, b, c);
#elif defined(__FMA__)
        return each(
            [](auto x, auto y, auto z) HTP_LAMBDA {
                if constexpr (same<T, f32>) asm("vfmadd231ps %2, %1, %0" : "+v"(z) : "v"(x), "v"(y));
                else asm("vfmadd231pd %2, %1, %0" : "+v"(z) : "v"(x), "v"(y));
                return z;
            },
            a, b, c);
#else
        return lane_by_lane([](T x, T y, T z) { return fma(x, y, z); }, a, b, c);
#endif
    }
}

// ---- sqrt, floor, ceil, round half to even ----
HTP_INLINE f32 sqrt(f32 x) { return __builtin_sqrtf(x); }
HTP_INLINE f64 sqrt(f64 x) { return __builtin_sqrt(x); }
HTP_INLINE f32 floor(f32 x) { return __builtin_floorf(x); }
HTP_INLINE f64 floor(f64 x) { return __builtin_floor(x); }
HTP_INLINE f32 ceil(f32 x) { return __builtin_ceilf(x); }
HTP_INLINE f64 ceil(f64 x) { return __builtin_ceil(x); }
HTP_INLINE f32 round(f32 x) { return __builtin_rintf(x); }
HTP_INLINE f64 round(f64 x) { return __builtin_rint(x); }

#ifdef HTP_AVX512
#define HTP_X86_UNARY(name, f32_op, f64_op)                                                                         \
    template <class T, int N, requires_<same<T, f32> || same<T, f64>> = 0> HTP_INLINE Vec<T, N> name(Vec<T, N> x) { \
        return each(                                                                                                \
            [](auto a) HTP_LAMBDA {                                                                                 \
                decltype(a) r;                                                                                      \
                if constexpr (same<T, f32>) asm(f32_op " %1, %0" : "=v"(r) : "v"(a));                               \
                else asm(f64_op " %1, %0" : "=v"(r) : "v"(a));                                                      \
                return r;                                                                                           \
            },                                                                                                      \
            x);                                                                                                     \
    }
HTP_X86_UNARY(sqrt, "vsqrtps", "vsqrtpd")
HTP_X86_UNARY(round, "vrndscaleps $8,", "vrndscalepd $8,")  // 8: nearest even, no inexact exception
HTP_X86_UNARY(floor, "vrndscaleps $9,", "vrndscalepd $9,")
HTP_X86_UNARY(ceil, "vrndscaleps $10,", "vrndscalepd $10,")
#else
template <class T, int N, requires_<same<T, f32> || same<T, f64>> = 0> HTP_INLINE Vec<T, N> sqrt(Vec<T, N> x) {
    return lane_by_lane([](T a) { return sqrt(a); }, x);
}
template <class T, int N, requires_<same<T, f32> || same<T, f64>> = 0> HTP_INLINE Vec<T, N> round(Vec<T, N> x) {
    // Adding 2^mantissa leaves no bits behind the point; the sign bit is put back for -0.
    const T big = same<T, f32> ? T(8388608.0) : T(4503599627370496.0);
    using U = Vec<uint<sizeof(T)>, N>;
    U top = as_bits(Vec<T, N>(T(-0.0))), magnitude = as_bits(x) & ~top;
    Vec<T, N> r = (as_float(magnitude) + big) - big;
    return where(as_float(magnitude) < Vec<T, N>(big), as_float(as_bits(r) | (as_bits(x) & top)), x);
}
template <class T, int N, requires_<same<T, f32> || same<T, f64>> = 0> HTP_INLINE Vec<T, N> floor(Vec<T, N> x) {
    Vec<T, N> r = round(x);
    return where(r > x, r - T(1), r);
}
template <class T, int N, requires_<same<T, f32> || same<T, f64>> = 0> HTP_INLINE Vec<T, N> ceil(Vec<T, N> x) {
    return -floor(-x);
}
#endif

// ---- a < b ? a : b and a > b ? a : b; the second operand when one is NaN. One instruction
// ---- that Clang finds and GCC does not.
template <class V> HTP_INLINE V lesser(V a, V b) {
#if defined(HTP_AVX512) && !defined(__clang__)
    if constexpr (lanes_of<V> != 0) {
        using T = typename LanesOf<V>::type;
        if constexpr (same<T, f32> || same<T, f64>)
            return each(
                [](auto x, auto y) HTP_LAMBDA {
                    if constexpr (same<T, f32>) asm("vminps %1, %0, %0" : "+v"(x) : "vm"(y));
                    else asm("vminpd %1, %0, %0" : "+v"(x) : "vm"(y));
                    return x;
                },
                a, b);
    }
#endif
    return where(a < b, a, b);
}
template <class V> HTP_INLINE V greater(V a, V b) {
#if defined(HTP_AVX512) && !defined(__clang__)
    if constexpr (lanes_of<V> != 0) {
        using T = typename LanesOf<V>::type;
        if constexpr (same<T, f32> || same<T, f64>)
            return each(
                [](auto x, auto y) HTP_LAMBDA {
                    if constexpr (same<T, f32>) asm("vmaxps %1, %0, %0" : "+v"(x) : "vm"(y));
                    else asm("vmaxpd %1, %0, %0" : "+v"(x) : "vm"(y));
                    return x;
                },
                a, b);
    }
#endif
    return where(a > b, a, b);
}

// ---- x * 2^n for integral n in floats, |n| <= 2200; one rounding at the end also when the result is subnormal ----
template <class F> HTP_INLINE F scale_portably(F x, F n) {
    // |x| is in [0.5, 2). Three factors 2^e with low <= e <= high: the first product is normal and so exact, only the
    // one that becomes subnormal rounds.
    constexpr bool single = sizeof(n) == sizeof(f32) * (lanes_of<F> ? lanes_of<F> : 1);
    using T = choose<single, f32, f64>;
    constexpr int bits = single ? 23 : 52;
    const T bias = single ? T(127) : T(1023), magic = single ? T(8388608.0) : T(4503599627370496.0);
    auto power = [&](F e) HTP_LAMBDA { return as_float(as_bits(F(e + F(magic + bias))) << bits); };
    const F high = F(bias - T(1)), low = F(single ? T(-100) : T(-1000));
    auto clamp = [&](F e) HTP_LAMBDA { return where(e > high, high, where(e < low, low, e)); };
    F first = clamp(n), rest = n - first, second = clamp(rest);
    return x * power(first) * power(second) * power(clamp(rest - second));
}
template <class F> HTP_INLINE F scale(F x, F n) {
#ifdef HTP_AVX512
    if constexpr (same<F, f32>) asm("vscalefss %2, %1, %0" : "=v"(x) : "v"(x), "v"(n));
    else if constexpr (same<F, f64>) asm("vscalefsd %2, %1, %0" : "=v"(x) : "v"(x), "v"(n));
    else
        x = each(
            [](auto a, auto b) HTP_LAMBDA {
                decltype(a) r;
                if constexpr (same<typename LanesOf<F>::type, f32>)
                    asm("vscalefps %2, %1, %0" : "=v"(r) : "v"(a), "v"(b));
                else asm("vscalefpd %2, %1, %0" : "=v"(r) : "v"(a), "v"(b));
                return r;
            },
            x, n);
    return x;
#else
    return scale_portably(x, n);
#endif
}

// ---- narrow floats in registers ----
template <class T, int N> HTP_INLINE Vec<f32, N> widen(Vec<T, N> x) {
#ifdef HTP_AVX512
    if constexpr (same<T, f16> && N == 16) {
        Vec<f32, N> r;
        asm("vcvtph2ps %1, %0" : "=v"(r.raw) : "v"(x.bits.raw));
        return r;
    } else
#endif
        return widen_portably(x);
}
template <class T, int N> HTP_INLINE Vec<T, N> narrow(Vec<f32, N> x) {
#ifdef HTP_AVX512
    if constexpr (same<T, f16> && N == 16) {
        Vec<T, N> r;
        asm("vcvtps2ph $8, %1, %0" : "=v"(r.bits.raw) : "v"(x.raw));  // 8: nearest even
        return r;
    } else
#endif
        return narrow_portably<T>(x);
}

}  // namespace htp
