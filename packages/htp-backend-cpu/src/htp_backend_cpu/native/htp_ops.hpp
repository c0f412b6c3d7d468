// Conversions, NumPy's integer and NaN rules, and horizontal reductions, on scalars and Vecs under the names of
// htp.tile. Knows nothing of transcendental functions (htp_math.hpp).
#pragma once
#include "htp_memory.hpp"

namespace htp {

/// T itself for scalars, the lane type for Vecs.
template <class V> struct LaneType {
    using type = V;
};
template <class T, int N, Kind K> struct LaneType<Vec<T, N, K>> {
    using type = T;
};
template <class V> using lane = typename LaneType<V>::type;
/// V with lanes of another type.
template <class V, class T> struct WithLane {
    using type = T;
};
template <class U, int N, Kind K, class T> struct WithLane<Vec<U, N, K>, T> {
    using type = Vec<T, N>;
};
template <class V, class T> using with_lane = typename WithLane<V, T>::type;
template <class V> struct ValueCheck {
    static constexpr bool value = is_scalar<V>;
};
template <class T, int N, Kind K> struct ValueCheck<Vec<T, N, K>> {
    static constexpr bool value = true;
};
template <class V> inline constexpr bool is_value = ValueCheck<V>::value;

// ---- conversion of Vecs ----
template <class To, class From, int N> HTP_INLINE Vec<To, N> cast(Vec<From, N> x) {
    if constexpr (same<To, From>) return x;
    else if constexpr (is_small<From>) return cast<To>(widen(x));
    else if constexpr (same<From, bool_>) return cast<To>(x.bits);
    else if constexpr (same<To, bool_>) return Vec<bool_, N>(x != Vec<From, N>(From(0)));
    else if constexpr (same<To, f16> && same<From, f64>)
        return narrow<To>(lane_by_lane([](f64 a) { return to_odd(a); }, x));
    else if constexpr (is_small<To>) return narrow<To>(convert<f32>(x));
    else if constexpr (is_float<From> && same<To, u64>)
        return lane_by_lane([](From a) { return float_to_int<u64>(a); }, x);
    else if constexpr (is_float<From> && is_int<To>) {  // as float_to_int of scalars
        using Via = choose<same<To, u32> || sizeof(To) == 8, i64, i32>;
        const Vec<From, N> above = above_of<To, From>, least = From(least_of<To>), zero = From(0);
        auto large = x >= above;
        Vec<From, N> inside = where(x == x, where(x < least, least, x), zero);
        return where(large, most_of<To>, convert<To>(convert<Via>(where(large, zero, inside))));
    } else return convert<To>(x);
}
template <class To, int B, int N> HTP_INLINE Vec<To, N> cast(Mask<B, N> x) { return cast<To>(Vec<bool_, N>(x)); }
/// Narrow floats to f32, everything else unchanged: what elementwise functions compute in.
template <class V> HTP_INLINE auto compute_form(V x) {
    if constexpr (is_small<lane<V>>) return cast<f32>(x);
    else return x;
}

/// Declares name(Vec, scalar) and name(scalar, Vec) beside name(Vec, Vec).
#define HTP_MIXED(name)                                                                                \
    template <class T, int N> HTP_INLINE auto name(Vec<T, N> a, T b) { return name(a, Vec<T, N>(b)); } \
    template <class T, int N> HTP_INLINE auto name(T a, Vec<T, N> b) { return name(Vec<T, N>(a), b); }

// ---- smaller and larger: NaN wins, as numpy.minimum and numpy.maximum ----
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V minimum(V a, V b) {
    V smaller = lesser(a, b);
    if constexpr (is_float<lane<V>>) return where(a != a, a, smaller);
    else return smaller;
}
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V maximum(V a, V b) {
    V larger = greater(a, b);
    if constexpr (is_float<lane<V>>) return where(a != a, a, larger);
    else return larger;
}
HTP_MIXED(minimum)
HTP_MIXED(maximum)
template <class V> HTP_INLINE V clip(V x, V low, V high) { return minimum(maximum(x, low), high); }
template <class T, int N> HTP_INLINE Vec<T, N> clip(Vec<T, N> x, T low, T high) {
    return clip(x, Vec<T, N>(low), Vec<T, N>(high));
}

// ---- logic and bits ----
/// ~ of ints, `not` of bool_: C++ `~true` is not false.
template <class V> HTP_INLINE V invert(V x) {
    if constexpr (same<V, bool_>) return !x;
    else return V(~x);
}
template <class V> HTP_INLINE V logical_not(V x) { return invert(x); }
template <class V> HTP_INLINE auto isnan(V x) { return x != x; }
template <class V> HTP_INLINE auto isfinite(V x) {
    auto zero = compute_form(x) - compute_form(x);  // NaN unless x is finite
    return zero == zero;
}
template <class V> HTP_INLINE auto isinf(V x) {
    auto zero = compute_form(x) - compute_form(x);
    return (zero != zero) & (compute_form(x) == compute_form(x));
}

/// a << b with NumPy's meaning: counts of the lane width or more (and negative ones) give 0.
template <class V, requires_<is_int<lane<V>>> = 0> HTP_INLINE V shl(V a, V b) {
    using T = lane<V>;
    constexpr int width = 8 * sizeof(T);
    if constexpr (lanes_of<V> == 0) return u64(b) < u64(width) ? T(u64(a) << b) : T(0);
    else {
        using U = Vec<uint<sizeof(T)>, lanes_of<V>>;
        U count = convert<uint<sizeof(T)>>(b);
        U shifted = convert<uint<sizeof(T)>>(a) << (count & U(width - 1));
        return convert<T>(where(count < U(width), shifted, U(0)));
    }
}
/// a >> b, arithmetic for signed lanes; counts of the lane width or more leave only the sign.
template <class V, requires_<is_int<lane<V>>> = 0> HTP_INLINE V shr(V a, V b) {
    using T = lane<V>;
    constexpr int width = 8 * sizeof(T);
    if constexpr (lanes_of<V> == 0)
        return T(a >> (u64(b) < u64(width) ? int(b)
                       : is_signed<T>      ? width - 1
                                           : 0)) *
               T(is_signed<T> || u64(b) < u64(width));
    else {
        using U = Vec<uint<sizeof(T)>, lanes_of<V>>;
        U count = convert<uint<sizeof(T)>>(b);
        if constexpr (is_signed<T>) return a >> convert<T>(where(count < U(width), count, U(width - 1)));
        else return where(count < U(width), a >> (count & U(width - 1)), V(T(0)));
    }
}
HTP_MIXED(shl)
HTP_MIXED(shr)

// ---- division and remainder, rounding towards minus infinity ----
/// Exact, with the sign of a.
HTP_INLINE f32 remainder(f32 a, f32 b) { return __builtin_fmodf(a, b); }
HTP_INLINE f64 remainder(f64 a, f64 b) { return __builtin_fmod(a, b); }
/// Integers by zero give 0, the lowest integer by -1 wraps; floats follow numpy.floor_divide.
template <class T, requires_<is_scalar<T>> = 0> HTP_INLINE T mod(T a, T b);
template <class T, requires_<is_scalar<T>> = 0> HTP_INLINE T floordiv(T a, T b) {
    if constexpr (is_small<T>) {
        return T(floordiv(f32(a), f32(b)));
    } else if constexpr (is_float<T>) {
        // The steps of npy_divmod (numpy/_core/src/npymath/npy_math_internal.h.src).
        if (b == 0) return a / b;
        T rest = remainder(a, b), quotient = (a - rest) / b;
        if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
        if (quotient == 0) return T(__builtin_copysign(T(0), a / b));
        T whole = floor(quotient);
        return quotient - whole > T(0.5) ? whole + 1 : whole;
    } else if constexpr (is_signed<T>) {
        if (b == 0) return 0;
        if (b == -1) return T(0 - uint<sizeof(T)>(a));
        T quotient = T(a / b);
        return T(quotient - (a % b != 0 && (a < 0) != (b < 0)));
    } else {
        return b ? T(a / b) : T(0);
    }
}
template <class T, requires_<is_scalar<T>>> HTP_INLINE T mod(T a, T b) {
    if constexpr (is_small<T>) {
        return T(mod(f32(a), f32(b)));
    } else if constexpr (is_float<T>) {
        T rest = remainder(a, b);
        if (rest == 0) return T(__builtin_copysign(T(0), b));
        return (b < 0) != (rest < 0) ? rest + b : rest;
    } else if constexpr (is_signed<T>) {
        if (b == 0 || b == -1) return 0;
        T rest = T(a % b);
        return rest != 0 && (rest < 0) != (b < 0) ? T(rest + b) : rest;
    } else {
        return b ? T(a % b) : T(0);
    }
}
template <class T, int N> HTP_INLINE Vec<T, N> floordiv(Vec<T, N> a, Vec<T, N> b) {
    return lane_by_lane([](T x, T y) { return floordiv(x, y); }, a, b);
}
template <class T, int N> HTP_INLINE Vec<T, N> mod(Vec<T, N> a, Vec<T, N> b) {
    return lane_by_lane([](T x, T y) { return mod(x, y); }, a, b);
}
HTP_MIXED(floordiv)
HTP_MIXED(mod)

// ---- simple arithmetic ----
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V neg(V x) {
    if constexpr (is_int<lane<V>> && lanes_of<V> == 0) return V(0 - uint<sizeof(V)>(x));
    else return -x;
}
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V abs(V x) {
    using T = lane<V>;
    if constexpr (is_unsigned<T>) return x;
    else if constexpr (is_signed<T>) return where(x < V(T(0)), neg(x), x);
    else if constexpr (is_small<T>) return cast<T>(abs(cast<f32>(x)));
    else {
        using U = uint<sizeof(T)>;
        return as_float(as_bits(x) & with_lane<V, U>(U(~U(0)) >> 1));
    }
}
/// -1, 0 or 1; NaN stays NaN.
template <class V, requires_<is_value<V>> = 0> HTP_INLINE V sign(V x) {
    using T = lane<V>;
    V zero = V(T(0)), one = V(T(1));
    V positive = where(x > zero, one, zero);
    if constexpr (is_unsigned<T>) return positive;
    else {
        V result = where(x < zero, V(neg(T(1))), positive);
        if constexpr (is_float<T>) return where(x != x, x, result);
        else return result;
    }
}
template <class V> HTP_INLINE V relu(V x) { return maximum(x, V(lane<V>(0))); }

// ---- horizontal reductions: halves are combined, so the order is a balanced tree ----
template <class F, class T, int N> HTP_INLINE T reduce(F f, Vec<T, N> x) {
    if constexpr (N == 1) return x[0];
    else if constexpr (sizeof(T) * N <= 16) {
        T r = x[0];
        for (int i = 1; i < N; i++) r = f(r, x[i]);
        return r;
    } else return reduce(f, f(half<false>(x), half<true>(x)));
}
/// The lowest and highest value (infinities of floats): what max and min start from.
template <class T> HTP_INLINE T lowest() {
    if constexpr (same<T, f8e4m3>) return T(-448.0f);
    else if constexpr (is_float<T>) return T(-__builtin_inff());
    else if constexpr (is_int<T>) return least_of<T>;
    else return false;
}
template <class T> HTP_INLINE T highest() {
    if constexpr (is_float<T>) return -lowest<T>();
    else if constexpr (is_int<T>) return most_of<T>;
    else return true;
}
template <class L, class T, int N> HTP_INLINE Vec<T, N> pad(L lanes, Vec<T, N> x, T rest) {
    Vec<T, N> r = rest;
    assign(r, lanes, x);
    return r;
}
/// Sum of the lanes; narrow floats add in f32 and round once, bool_ counts.
template <class T, int N> HTP_INLINE auto sum(Vec<T, N> x) {
    if constexpr (is_small<T>) return T(sum(widen(x)));
    else if constexpr (same<T, bool_>) return sum(convert<i64>(x.bits));
    else return reduce([](auto a, auto b) HTP_LAMBDA { return decltype(a)(a + b); }, x);
}
template <class T, int N> HTP_INLINE T prod(Vec<T, N> x) {
    if constexpr (is_small<T>) return T(prod(widen(x)));
    else return reduce([](auto a, auto b) HTP_LAMBDA { return decltype(a)(a * b); }, x);
}
template <class T, int N> HTP_INLINE T max(Vec<T, N> x) {
    if constexpr (is_small<T>) return T(max(widen(x)));
    else return reduce([](auto a, auto b) HTP_LAMBDA { return maximum(a, b); }, x);
}
template <class T, int N> HTP_INLINE T min(Vec<T, N> x) {
    if constexpr (is_small<T>) return T(min(widen(x)));
    else return reduce([](auto a, auto b) HTP_LAMBDA { return minimum(a, b); }, x);
}
template <int N> HTP_INLINE bool any(Vec<bool_, N> x) { return max(x.bits) != 0; }
template <int N> HTP_INLINE bool all(Vec<bool_, N> x) { return min(x.bits) != 0; }
template <int B, int N> HTP_INLINE bool any(Mask<B, N> x) { return min(x.lanes) != 0; }
template <int B, int N> HTP_INLINE bool all(Mask<B, N> x) { return max(x.lanes) != 0; }
// Of the first lanes only.
template <class T, int N, class L> HTP_INLINE auto sum(Vec<T, N> x, L lanes) { return sum(pad(lanes, x, T(0))); }
template <class T, int N, class L> HTP_INLINE T prod(Vec<T, N> x, L lanes) { return prod(pad(lanes, x, T(1))); }
template <class T, int N, class L> HTP_INLINE T max(Vec<T, N> x, L lanes) { return max(pad(lanes, x, lowest<T>())); }
template <class T, int N, class L> HTP_INLINE T min(Vec<T, N> x, L lanes) { return min(pad(lanes, x, highest<T>())); }
template <int N, class L> HTP_INLINE bool any(Vec<bool_, N> x, L lanes) { return any(pad(lanes, x, false)); }
template <int N, class L> HTP_INLINE bool all(Vec<bool_, N> x, L lanes) { return all(pad(lanes, x, true)); }

}  // namespace htp
