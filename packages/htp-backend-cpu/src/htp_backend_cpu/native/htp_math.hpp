// Elementary functions on f32 and f64, scalar and Vec, from one template each; narrower floats compute in f32 and
// round. Knows nothing of the names' tile meaning beyond the formula; NaN, infinities, subnormals and -0 behave as in
// NumPy.
//
// Method: classic argument reduction (Cody and Waite, "Software Manual for the Elementary Functions", 1980; fdlibm for
// log) and polynomials fitted by a weighted Remez exchange for the relative error of the result. The largest errors
// seen, in units in the last place, are stated at each function and asserted by tests/test_native_math.py.
#pragma once
#include "htp_ops.hpp"

namespace htp {

// ---- building blocks ----
template <class V> HTP_INLINE V horner(V, lane<V> c) { return V(c); }
/// c0 + c1 x + c2 x^2 + …
template <class V, class... C> HTP_INLINE V horner(V x, lane<V> c, C... more) {
    return fma(horner(x, lane<V>(more)...), x, V(c));
}
template <class V> HTP_INLINE V sign_bit(V x) {
    using U = uint<sizeof(lane<V>)>;
    return as_float(as_bits(x) & with_lane<V, U>(U(1) << (8 * sizeof(U) - 1)));
}
/// magnitude, which has no sign, with the sign of `of`.
template <class V> HTP_INLINE V with_sign(V magnitude, V of) {
    return as_float(as_bits(magnitude) | as_bits(sign_bit(of)));
}
template <class V> inline constexpr bool is_single = same<lane<V>, f32>;
/// f in f32 for narrow floats.
template <class F, class V> HTP_INLINE V computed(F f, V x) {
    if constexpr (is_small<lane<V>>) return cast<lane<V>>(f(cast<f32>(x)));
    else return f(x);
}
/// The scalar function `f` for the lanes where `special`, `result` elsewhere; nothing when no lane is special.
template <class F, class M, class V> HTP_INLINE V repair(M special, V result, V x, F f) {
    if constexpr (lanes_of<V> == 0) return __builtin_expect(special, 0) ? f(x) : result;
    else {
        if (__builtin_expect(any(special), 0)) {
            Vec<bool_, lanes_of<V>> chosen = special;
            return lane_by_lane([f](lane<V> a, lane<V> r, bool s) { return s ? f(a) : r; }, x, result, chosen);
        }
        return result;
    }
}

// ---- exp, exp2 ----
/// e^r for |r| <= ln(2)/2.
template <class V> HTP_INLINE V exp_reduced(V r) {
    V q;
    if constexpr (is_single<V>) q = horner(r, 0.49999994f, 0.16666515f, 0.041668456f, 0.008369418f, 0.0013813158f);
    else
        q = horner(r, 0.5000000000000011, 0.1666666666666641, 0.04166666666652925, 0.008333333333495611,
                   0.0013888888943904716, 0.00019841269504725255, 2.4801492782381044e-05, 2.755758743406095e-06,
                   2.7630371471122607e-07, 2.4999920754558975e-08);
    return fma(q * r, r, r) + V(1);
}
template <class V> HTP_INLINE V exp_any(V x) {
    using T = lane<V>;
    // Beyond these the result is 0 or infinity anyway; a NaN is the second operand and passes.
    const V high = V(is_single<V> ? T(89) : T(710)), low = V(is_single<V> ? T(-104.5) : T(-746));
    x = greater(low, lesser(high, x));
    V n = round(x * V(T(1.44269504088896340736)));
    const T ln2_hi = is_single<V> ? T(0.693145751953125) : T(0.693147180369123816490);
    const T ln2_lo = is_single<V> ? T(1.428606820309417232e-6) : T(1.90821492927058770002e-10);
    V r = fma(n, V(-ln2_lo), fma(n, V(-ln2_hi), x));
    return scale(exp_reduced(r), n);
}
/// Max ulp: f32 1.0, f64 1.1.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V exp(V x) {
    return computed([](auto a) HTP_LAMBDA { return exp_any(a); }, x);
}

template <class V> HTP_INLINE V exp2_any(V x) {
    using T = lane<V>;
    const V high = V(is_single<V> ? T(129) : T(1025)), low = V(is_single<V> ? T(-151) : T(-1076));
    x = greater(low, lesser(high, x));
    V n = round(x), r = x - n;
    if constexpr (is_single<V>) {
        V q = horner(r, 0.6931472f, 0.24022648f, 0.05550332f, 0.00961844f, 0.0013399132f, 0.00015353123f);
        return scale(fma(q, r, V(1)), n);
    } else {
        const V hi = V(T(0.693147180369123816490)), lo = V(T(1.90821492927058770002e-10));
        return scale(exp_reduced(fma(r, hi, r * lo)), n);
    }
}
/// Max ulp: f32 1.2, f64 1.3.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V exp2(V x) {
    return computed([](auto a) HTP_LAMBDA { return exp2_any(a); }, x);
}

// ---- log, log2 ----
template <class V> struct Reduced {
    V exponent, mantissa;
};
/// x = mantissa * 2^exponent with mantissa in [sqrt(1/2), sqrt(2)), for finite x > 0.
template <class V> HTP_INLINE Reduced<V> split(V x) {
    using T = lane<V>;
    using U = uint<sizeof(T)>;
    using B = with_lane<V, U>;
    constexpr int shift = is_single<V> ? 23 : 52;
    const T smallest = is_single<V> ? T(1.17549435e-38) : T(2.2250738585072014e-308);
    const T up = is_single<V> ? T(8388608.0) : T(4503599627370496.0);
    auto tiny = x < V(smallest);
    x = where(tiny, x * V(up), x);
    const U half_root = is_single<V> ? U(0x3f3504f3u) : U(0x3fe6a09e667f3bcdull);
    // Counting exponents from sqrt(1/2) instead of 1 makes the mantissa interval symmetric.
    B offset = as_bits(x) - B(half_root);
    V exponent = cast<T>(cast<sint<sizeof(T)>>(offset) >> sint<sizeof(T)>(shift)) - where(tiny, V(T(shift)), V(T(0)));
    return {exponent, as_float(B((offset & B((U(1) << shift) - 1)) + B(half_root)))};
}
/// log(m) + e * ln2 for m from `split`; e = 0 gives log(m) alone.
template <class V> HTP_INLINE V log_reduced(V m, V e) {
    using T = lane<V>;
    V f = m - V(T(1)), half_square = V(T(0.5)) * f * f;
    if constexpr (is_single<V>) {
        V p = horner(f, 0.33333331f, -0.2500082f, 0.20001228f, -0.1662337f, 0.14201735f, -0.13160037f, 0.12761685f,
                     -0.07635018f);
        V y = fma(p * f, f * f, e * V(T(-2.12194440e-4))) - half_square;
        return fma(e, V(T(0.693359375)), f + y);
    } else {
        V s = f / (f + V(T(2))), z = s * s;
        V p = z * horner(z, 0.6666666666666666, 0.40000000000006286, 0.28571428569072765, 0.22222222648765025,
                         0.18181775508196385, 0.15387097639953004, 0.1324996267004802, 0.13252746458626852);
        V rest = fma(s, half_square + p, e * V(T(1.90821492927058770002e-10)));
        return fma(e, V(T(0.693147180369123816490)), f - (half_square - rest));
    }
}
/// result with log's values at 0, infinity, negative numbers and NaN.
template <class V> HTP_INLINE V log_edges(V x, V result) {
    using T = lane<V>;
    const V infinity = V(T(__builtin_inff()));
    result = where(x < infinity, result, x);  // infinity and NaN stay
    result = where(x == V(T(0)), -infinity, result);
    return where(x < V(T(0)), V(T(__builtin_nanf(""))), result);
}
/// Max ulp: f32 0.9, f64 0.9.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V log(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            auto [e, m] = split(a);
            return log_edges(a, log_reduced(m, e));
        },
        x);
}
/// Max ulp: f32 1.8, f64 1.8.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V log2(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            using A = decltype(a);
            using T = lane<A>;
            auto [e, m] = split(a);
            A y = log_reduced(m, A(T(0)));
            const T hi = T(1.44269504088896340736), lo = is_single<A> ? T(1.92596e-8) : T(2.0355273740931033e-17);
            return log_edges(a, e + fma(y, A(hi), y * A(lo)));
        },
        x);
}

// ---- tanh, sigmoid and what is made of them ----
/// Max ulp: f32 1.4, f64 1.5.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V tanh(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            using A = decltype(a);
            using T = lane<A>;
            A t = abs(a), z = a * a, p, one = A(T(1));
            if constexpr (is_single<A>)
                p = horner(z, -0.33333284f, 0.13331491f, -0.05374349f, 0.020650567f, -0.0057170223f);
            else
                p = horner(z, -0.333333333333333, 0.13333333333326824, -0.05396825396387496, 0.021869488389018404,
                           -0.008863232651632717, 0.003592092522674165, -0.0014555459297282075, 0.0005884568560726489,
                           -0.00023341230205958877, 8.335953646987005e-05, -1.9520740297994282e-05);
            A small = fma(t * z, p, t), big = one - A(T(2)) / (exp_any(t + t) + one);
            return with_sign(where(t < A(is_single<A> ? T(0.625) : T(0.55)), small, big), a);
        },
        x);
}
/// 1 / (1 + e^-x), without overflow on either side. Max ulp: f32 2.3, f64 2.4.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V sigmoid(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            using A = decltype(a);
            A one = A(lane<A>(1)), e = exp_any(-abs(a)), d = one + e;
            return where(a < A(lane<A>(0)), e, one) / d;
        },
        x);
}
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V silu(V x) {
    return computed([](auto a) HTP_LAMBDA { return a * sigmoid(a); }, x);
}

// ---- erf ----
/// Max ulp: f32 1.2; f64 is the C library's, lane by lane.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V erf(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            using A = decltype(a);
            if constexpr (same<A, f64>) {
                return __builtin_erf(a);
            } else if constexpr (!is_single<A>) {
                return lane_by_lane([](f64 b) { return __builtin_erf(b); }, a);
            } else {
                A t = abs(a), z = a * a;
                A small = fma(horner(z, 0.12837917f, -0.37612635f, 0.11283694f, -0.02685927f, 0.0052006342f,
                                     -0.00081374386f, 8.345229e-05f),
                              t, t);
                A u = lesser(A(4.0f), t);  // erf rounds to 1 beyond 3.92
                A g = horner(u, -0.12865224f, -0.63513553f, -0.10626376f, 0.023785885f, -0.003654021f, 0.00032571654f,
                             -1.152872e-05f);
                A big = A(1.0f) - exp_any(fma(u, g, -u));
                return with_sign(where(t < A(0.921875f), small, big), a);
            }
        },
        x);
}
/// GELU, x/2 (1 + erf(x / sqrt 2)), as x/2 erfc(-x / sqrt 2) so that nothing cancels below zero. Max error for f32:
/// 1.5e-7 max(1, |x|), and relative to the result 2^-17 down to x = -5.6, 2^-14 below.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V gelu(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            using A = decltype(a);
            if constexpr (same<A, f64>) {
                return 0.5 * a * __builtin_erfc(a * -0.70710678118654752440);
            } else if constexpr (!is_single<A>) {
                return lane_by_lane([](f64 b) { return 0.5 * b * __builtin_erfc(b * -0.70710678118654752440); }, a);
            } else {
                A t = abs(a) * A(0.70710678f), z = t * t, half = A(0.5f);
                A near = t * (A(0.5f) + half * horner(z, 0.12837917f, -0.37612635f, 0.11283694f, -0.02685927f,
                                                      0.0052006342f, -0.00081374386f, 8.345229e-05f));
                A u = lesser(A(10.0f), t);  // NaN is the second operand and stays
                A middle = fma(u,
                               horner(u, -0.12855598f, -0.6353504f, -0.1061539f, 0.023859993f, -0.003749635f,
                                      0.00036004095f, -1.5707918e-05f),
                               -u);
                A far = fma(
                    -u, u,
                    horner(u, -0.33439445f, -0.6900394f, 0.1013847f, -0.010105705f, 0.00056714407f, -1.3497948e-05f));
                A tail = half * exp_any(where(u < A(4.0f), middle, far));  // erfc(t) / 2
                A low = where(t < A(0.921875f), half - near, tail);
                // NaN and infinities follow from a: -infinity * 0 is NaN, as NumPy's formula gives.
                return a * where(a < A(0.0f), where(t > A(10.0f), A(0.0f), low), A(1.0f) - low);
            }
        },
        x);
}
/// The tanh approximation, x/2 (1 + tanh(y)) with y = sqrt(2/pi) (x + 0.044715 x^3) (Hendrycks and Gimpel,
/// arXiv:1606.08415), as x sigmoid(2 y). Max error: 1.5e-7 max(1, |x|) for f32, 4.5e-16 max(1, |x|) for f64; so is
/// silu's.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V gelu_tanh(V x) {
    return computed(
        [](auto a) HTP_LAMBDA {
            using A = decltype(a);
            using T = lane<A>;
            A twice = A(T(1.5957691216057307117)) * fma(A(T(0.044715)) * a * a, a, a);
            return a * sigmoid(twice);
        },
        x);
}

// ---- sin, cos ----
/// sin(x + quarter_turns * pi/2); arguments too large for the three-part reduction go to the C library.
template <int QuarterTurns, class V> HTP_INLINE V sine(V x) {
    using T = lane<V>;
    using I = with_lane<V, sint<sizeof(T)>>;
    using U = uint<sizeof(T)>;
    V t = abs(x), n = round(t * V(T(0.63661977236758134308)));
    // pi/2 as the sum of three numbers: n times the first cancels t exactly only because nothing is rounded in between.
    V r;
    if constexpr (is_single<V>)
        r = fused(n, V(1.7151245100058819e-15f),
                  fused(n, V(4.371138828673793e-08f), fused(n, V(-1.5707963705062866f), t)));
    else
        r = fused(n, V(1.4973849048591833e-33),
                  fused(n, V(-6.123233995736766e-17), fused(n, V(-1.5707963267948966), t)));
    V z = r * r, s, c;
    if constexpr (is_single<V>) {
        s = fma(r * z, horner(z, -0.16666667f, 0.008333329f, -0.00019839327f, 2.7182366e-06f), r);
        c = fma(z * z, horner(z, 0.041666646f, -0.0013887362f, 2.4437735e-05f), fma(z, V(T(-0.5)), V(T(1))));
    } else {
        s = fma(r * z,
                horner(z, -0.16666666666666632, 0.008333333333322316, -0.00019841269829725403, 2.7557313662082373e-06,
                       -2.5050753263600185e-08, 1.5896504691894626e-10),
                r);
        V half_square = V(0.5) * z, top = V(1.0) - half_square;  // the rounding error of `top` is added back
        c = top + fma(z * z,
                      horner(z, 0.0416666666666666, -0.0013888888888873992, 2.4801587289395638e-05,
                             -2.75573143262484e-07, 2.087571958984406e-09, -1.1359450358896773e-11),
                      (V(1.0) - top) - half_square);
    }
    const V limit = V(is_single<V> ? T(5e4) : T(1e9));
    I quarter = cast<sint<sizeof(T)>>(where(t < limit, n, V(T(0)))) + I(QuarterTurns);
    V value = where((quarter & I(1)) == I(0), s, c);
    auto negative = with_lane<V, U>(cast<U>(quarter & I(2))) << with_lane<V, U>(U(8 * sizeof(T) - 2));
    if constexpr (QuarterTurns == 0) negative = negative ^ as_bits(sign_bit(x));
    V result = as_float(as_bits(value) ^ negative);
    return repair(t >= limit, result, x, [](T a) {
        if constexpr (is_single<T>) return QuarterTurns ? __builtin_cosf(a) : __builtin_sinf(a);
        else return QuarterTurns ? __builtin_cos(a) : __builtin_sin(a);
    });
}
/// Max ulp: f32 1.6, f64 1.5.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V sin(V x) {
    return computed([](auto a) HTP_LAMBDA { return sine<0>(a); }, x);
}
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V cos(V x) {
    return computed([](auto a) HTP_LAMBDA { return sine<1>(a); }, x);
}

// ---- powers and roots ----
/// Max ulp: f32 1.5, f64 1.5.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V rsqrt(V x) {
    return computed([](auto a) HTP_LAMBDA { return decltype(a)(lane<decltype(a)>(1)) / sqrt(a); }, x);
}
// sqrt, floor, ceil and round of f32 and f64 are in htp_machine.hpp; integers are whole already.
#define HTP_ROUNDING(name)                                                                                            \
    template <class V, requires_<is_value<V> && (is_small<lane<V>> || is_int<lane<V>>)> = 0> HTP_INLINE V name(V x) { \
        if constexpr (is_int<lane<V>>) return x;                                                                      \
        else return computed([](auto a) HTP_LAMBDA { return name(a); }, x);                                           \
    }
HTP_ROUNDING(sqrt)
HTP_ROUNDING(floor)
HTP_ROUNDING(ceil)
HTP_ROUNDING(round)
#undef HTP_ROUNDING

/// x ** y: the C library's for floats, lane by lane; exact wrapping powers for integers (negative exponents give 0).
template <class T, requires_<is_scalar<T>> = 0> HTP_INLINE T pow(T x, T y) {
    if constexpr (is_small<T>) return T(pow(f32(x), f32(y)));
    else if constexpr (same<T, f32>) return __builtin_powf(x, y);
    else if constexpr (same<T, f64>) return __builtin_pow(x, y);
    else {
        u64 result = y < T(0) ? 0 : 1, base = u64(x);
        for (u64 left = y < T(0) ? 0 : u64(y); left; left >>= 1, base *= base)
            if (left & 1) result *= base;
        return T(result);
    }
}
template <class T, int N> HTP_INLINE Vec<T, N> pow(Vec<T, N> x, Vec<T, N> y) {
    return lane_by_lane([](T a, T b) { return pow(a, b); }, x, y);
}
HTP_MIXED(pow)

}  // namespace htp
