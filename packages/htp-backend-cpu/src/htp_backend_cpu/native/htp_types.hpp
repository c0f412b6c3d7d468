// Scalar types of emitted programs: the htp dtype names, and the floats narrower than 32 bits.
// Knows nothing of vectors; the conversions are templates over a lane type so that htp_vec.hpp reuses them.
//
// The prelude includes no standard header: parsing <cmath>, <immintrin.h> … costs more than compiling a kernel.
// Compilers: GCC >= 12 or Clang >= 14 (vector extensions, __builtin_convertvector, __builtin_shufflevector).
#pragma once

#define HTP_INLINE inline __attribute__((always_inline))
#define HTP_LAMBDA __attribute__((always_inline))  // after a lambda's parameter list

namespace htp {

using i8 = signed char;
using i16 = short;
using i32 = int;
using i64 = long long;
using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using f32 = float;
using f64 = double;
using bool_ = bool;
static_assert(sizeof(i32) == 4 && sizeof(i64) == 8 && sizeof(bool_) == 1 && sizeof(f32) == 4 && sizeof(f64) == 8, "");

// ---- type questions (a few lines instead of <type_traits>) ----
template <class A, class B> struct SameType {
    static constexpr bool value = false;
};
template <class A> struct SameType<A, A> {
    static constexpr bool value = true;
};
template <class A, class B> inline constexpr bool same = SameType<A, B>::value;
template <bool C, class A, class B> struct ChooseType {
    using type = A;
};
template <class A, class B> struct ChooseType<false, A, B> {
    using type = B;
};
template <bool C, class A, class B> using choose = typename ChooseType<C, A, B>::type;
template <bool C> struct EnableIf {};
template <> struct EnableIf<true> {
    using type = int;
};
template <bool C> using requires_ = typename EnableIf<C>::type;

// ---- bit reinterpretation of scalars; htp_vec.hpp adds the vector overloads ----
template <class To, class From> HTP_INLINE To bitcast(From x) {
    static_assert(sizeof(To) == sizeof(From), "bitcast needs equal sizes");
    To result;
    __builtin_memcpy(&result, &x, sizeof(To));
    return result;
}
HTP_INLINE u32 as_bits(f32 x) { return bitcast<u32>(x); }
HTP_INLINE u64 as_bits(f64 x) { return bitcast<u64>(x); }
HTP_INLINE f32 as_float(u32 x) { return bitcast<f32>(x); }
HTP_INLINE f64 as_float(u64 x) { return bitcast<f64>(x); }

template <class T> HTP_INLINE T where(bool condition, T yes, T no) { return condition ? yes : no; }

// ---- narrow float formats ----
// Exponent bias, mantissa bits, and the largest finite / infinity / NaN patterns. e4m3 is the "fn" variant of the OCP
// 8-bit floating point specification 1.0 (no infinity, overflow gives NaN), e5m2 has IEEE infinities; ml_dtypes
// (float8_e4m3fn, float8_e5m2, bfloat16) and numpy.float16 round to nearest even in the same way.
template <int Bias, int Mantissa, u32 Finite, u32 Overflow, u32 Nan> struct Format {
    static constexpr int bias = Bias, mantissa = Mantissa;
    static constexpr u32 finite = Finite, overflow = Overflow, nan = Nan;
};
using FormatF16 = Format<15, 10, 0x7bff, 0x7c00, 0x7e00>;
using FormatBF16 = Format<127, 7, 0x7f7f, 0x7f80, 0x7fc0>;
using FormatE4M3 = Format<7, 3, 0x7e, 0x7f, 0x7f>;
using FormatE5M2 = Format<15, 2, 0x7b, 0x7c, 0x7e>;

/// The low bits of each u32 lane, a pattern of format F without its sign, as f32 (exact).
template <class F, class U> HTP_INLINE auto widen_magnitude(U magnitude) {
    U shifted = magnitude << u32(23 - F::mantissa);
    if constexpr (F::bias == 127) {
        return as_float(shifted);
    } else {
        // Subnormals: put the mantissa behind the exponent of the smallest normal and subtract that normal again.
        const U one = U(u32(127 - F::bias + 1) << 23);
        auto small = as_float(U(shifted + one)) - as_float(one);
        auto normal = as_float(U(shifted + U(u32(127 - F::bias) << 23)));
        auto value = where(magnitude < U(u32(1) << F::mantissa), small, normal);
        // Infinity keeps a zero mantissa, NaN a non-zero one.
        U rest = (shifted & U(0x007fffffu)) | U(0x7f800000u);
        return where(magnitude > U(F::finite), as_float(rest), value);
    }
}

/// f32 lanes with the sign bit cleared, given as bits, rounded to nearest even to a pattern of format F in u32 lanes.
template <class F, class U> HTP_INLINE U narrow_magnitude(U bits) {
    constexpr int shift = 23 - F::mantissa;
    U odd = (bits >> u32(shift)) & U(1u);
    U rounded = ((bits + U((u32(1) << (shift - 1)) - 1) + odd) >> u32(shift)) - U(u32(127 - F::bias) << F::mantissa);
    if constexpr (F::bias != 127) {
        // Below the smallest normal the unit is fixed: adding this power of two leaves the rounded count of units in
        // the low mantissa bits, rounded by the hardware.
        const U magic = U(u32(127 + 1 - F::bias - F::mantissa + 23) << 23);
        U small = as_bits(as_float(bits) + as_float(magic)) - magic;
        rounded = where(bits < U(u32(127 + 1 - F::bias) << 23), small, rounded);
    }
    U limited = where(rounded > U(F::finite), U(F::overflow), rounded);
    return where(bits > U(0x7f800000u), U(F::nan), limited);
}

/// An f64 rounded to odd in f32: a later rounding to a narrower float is then as if done directly (Boldo, Melquiond,
/// "Emulation of FMA and correctly rounded sums", IEEE Trans. Computers 57(4), 2008).
HTP_INLINE f32 to_odd(f64 x) {
    f32 y = f32(x);
    u32 bits = as_bits(y);
    f64 back = f64(y);
    if (back != x && x == x && !(bits & 1u)) {
        bool grew = (back < 0 ? -back : back) > (x < 0 ? -x : x);
        bits += grew ? ~0u : 1u;
    }
    return as_float(bits);
}

/// A stored float narrower than 32 bits; every operator computes in f32 and rounds, as numpy and ml_dtypes do.
template <class Bits, class F> struct SmallFloat {
    using Format = F;
    using Storage = Bits;
    Bits bits;

    SmallFloat() = default;
    HTP_INLINE explicit SmallFloat(f32 x) {
        constexpr u32 top = u32(1) << (8 * sizeof(Bits) - 1);
        u32 all = as_bits(x);
        bits = Bits(narrow_magnitude<F>(all & 0x7fffffffu) | (all >> 31 ? top : 0u));
    }
    // numpy.float16 rounds an f64 once, the types of ml_dtypes by way of f32.
    HTP_INLINE explicit SmallFloat(f64 x) : SmallFloat(F::mantissa == 10 ? to_odd(x) : f32(x)) {}
    template <class I, requires_<same<I, i8> || same<I, i16> || same<I, i32> || same<I, i64> || same<I, u8> ||
                                 same<I, u16> || same<I, u32> || same<I, u64> || same<I, bool>> = 0>
    HTP_INLINE explicit SmallFloat(I x) : SmallFloat(f32(x)) {}
    template <class B2, class F2> HTP_INLINE explicit SmallFloat(SmallFloat<B2, F2> x) : SmallFloat(f32(x)) {}

    static HTP_INLINE SmallFloat of(Bits pattern) {
        SmallFloat result;
        result.bits = pattern;
        return result;
    }
    HTP_INLINE explicit operator f32() const {
        constexpr u32 top = u32(1) << (8 * sizeof(Bits) - 1);
        f32 magnitude = widen_magnitude<F>(u32(bits) & (top - 1));
        return as_float(as_bits(magnitude) | (u32(bits) & top ? 0x80000000u : 0u));
    }

    friend HTP_INLINE SmallFloat operator+(SmallFloat a, SmallFloat b) { return SmallFloat(f32(a) + f32(b)); }
    friend HTP_INLINE SmallFloat operator-(SmallFloat a, SmallFloat b) { return SmallFloat(f32(a) - f32(b)); }
    friend HTP_INLINE SmallFloat operator*(SmallFloat a, SmallFloat b) { return SmallFloat(f32(a) * f32(b)); }
    friend HTP_INLINE SmallFloat operator/(SmallFloat a, SmallFloat b) { return SmallFloat(f32(a) / f32(b)); }
    HTP_INLINE SmallFloat operator-() const { return of(Bits(bits ^ (Bits(1) << (8 * sizeof(Bits) - 1)))); }
    HTP_INLINE SmallFloat operator+() const { return *this; }
    friend HTP_INLINE bool operator==(SmallFloat a, SmallFloat b) { return f32(a) == f32(b); }
    friend HTP_INLINE bool operator!=(SmallFloat a, SmallFloat b) { return f32(a) != f32(b); }
    friend HTP_INLINE bool operator<(SmallFloat a, SmallFloat b) { return f32(a) < f32(b); }
    friend HTP_INLINE bool operator<=(SmallFloat a, SmallFloat b) { return f32(a) <= f32(b); }
    friend HTP_INLINE bool operator>(SmallFloat a, SmallFloat b) { return f32(a) > f32(b); }
    friend HTP_INLINE bool operator>=(SmallFloat a, SmallFloat b) { return f32(a) >= f32(b); }
    HTP_INLINE SmallFloat& operator+=(SmallFloat b) { return *this = *this + b; }
    HTP_INLINE SmallFloat& operator-=(SmallFloat b) { return *this = *this - b; }
    HTP_INLINE SmallFloat& operator*=(SmallFloat b) { return *this = *this * b; }
    HTP_INLINE SmallFloat& operator/=(SmallFloat b) { return *this = *this / b; }
};
using f16 = SmallFloat<u16, FormatF16>;
using bf16 = SmallFloat<u16, FormatBF16>;
using f8e4m3 = SmallFloat<u8, FormatE4M3>;
using f8e5m2 = SmallFloat<u8, FormatE5M2>;

// ---- what a dtype is ----
template <class T> inline constexpr bool is_small = same<T, f16> || same<T, bf16> || same<T, f8e4m3> || same<T, f8e5m2>;
template <class T> inline constexpr bool is_float = same<T, f32> || same<T, f64> || is_small<T>;
template <class T> inline constexpr bool is_signed = same<T, i8> || same<T, i16> || same<T, i32> || same<T, i64>;
template <class T> inline constexpr bool is_unsigned = same<T, u8> || same<T, u16> || same<T, u32> || same<T, u64>;
template <class T> inline constexpr bool is_int = is_signed<T> || is_unsigned<T>;
template <class T> inline constexpr bool is_scalar = is_float<T> || is_int<T> || same<T, bool_>;
/// The integer type with `Bytes` bytes: masks (signed) and bit patterns (unsigned).
template <int Bytes> using sint = choose<Bytes == 1, i8, choose<Bytes == 2, i16, choose<Bytes == 4, i32, i64>>>;
template <int Bytes> using uint = choose<Bytes == 1, u8, choose<Bytes == 2, u16, choose<Bytes == 4, u32, u64>>>;
/// The type elementwise functions compute in.
template <class T> using compute = choose<is_small<T>, f32, T>;

// ---- scalar conversion ----
// Float to integer truncates towards zero; beyond the range the nearest bound, NaN gives 0 (undefined in plain C++).
template <class T> inline constexpr int digits_of = 8 * int(sizeof(T)) - (is_signed<T> ? 1 : 0);
template <class T> inline constexpr T most_of = T(uint<sizeof(T)>(~uint<sizeof(T)>(0)) >> (is_signed<T> ? 1 : 0));
template <class T> inline constexpr T least_of = is_signed<T> ? T(-most_of<T> - 1) : T(0);
/// 2^digits: the first number above the range, exact in every float.
template <class To, class From> inline constexpr From above_of =
    From(2) * From(uint<sizeof(To)>(1) << (digits_of<To> - 1));
template <class To, class From> HTP_INLINE To float_to_int(From x) {
    if (x >= above_of<To, From>) return most_of<To>;
    return x > From(least_of<To>) ? To(x) : x == x ? least_of<To> : To(0);
}

template <class To, class From, requires_<is_scalar<To> && is_scalar<From>> = 0> HTP_INLINE To cast(From x) {
    if constexpr (same<To, From>) return x;
    else if constexpr (is_small<From>) return cast<To>(f32(x));
    else if constexpr (same<To, bool_>) return x != From(0);
    else if constexpr (is_float<From> && is_int<To>) return float_to_int<To>(x);
    else return To(x);
}

}  // namespace htp
