// Vec<T, N>: a value of N lanes with the operators of its scalar type; masks, selection, conversion, lane movement.
// Knows nothing of memory (htp_memory.hpp) or of functions beyond + - * / and comparisons (htp_math.hpp).
//
// A Vec wider than the machine's registers is two halves, recursively: `strips` of 64 floats are four registers and
// therefore four independent accumulators. Recursion by `lo`/`hi` (no arrays, no loops) is what lets GCC keep every
// part in a register at -O2.
#pragma once
#include "htp_types.hpp"

namespace htp {

// ---- the machine and the compiler: everything that differs is here and in htp_machine.hpp ----
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define HTP_AVX512 1
inline constexpr int native_bytes = 64;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int native_bytes = 32;
#else
inline constexpr int native_bytes = 16;
#endif

enum class Kind { native, wide, small, boolean };
template <class T, int N> inline constexpr Kind kind_of = same<T, bool_>                      ? Kind::boolean
                                                          : is_small<T>                       ? Kind::small
                                                          : int(sizeof(T)) * N > native_bytes ? Kind::wide
                                                                                              : Kind::native;
template <class T, int N, Kind K = kind_of<T, N>> struct Vec;
template <int Bytes, int N> struct Mask;

template <class T, int N> struct RawVector {
    static_assert((N & (N - 1)) == 0, "lane counts are powers of two");
    typedef T type __attribute__((vector_size(sizeof(T) * N)));
};
template <class T, int N> using Raw = typename RawVector<T, N>::type;

// Signed lanes compute as unsigned ones: integers wrap in NumPy, signed overflow is undefined in C++.
template <class T, int N> using Wrapping = Raw<choose<is_int<T>, uint<sizeof(T)>, T>, N>;

#define HTP_COMPARISONS(DO) DO(==) DO(!=) DO(<) DO(<=) DO(>) DO(>=)
#define HTP_ASSIGNMENTS(Type)                                         \
    HTP_INLINE Type& operator+=(Type b) { return *this = *this + b; } \
    HTP_INLINE Type& operator-=(Type b) { return *this = *this - b; } \
    HTP_INLINE Type& operator*=(Type b) { return *this = *this * b; } \
    HTP_INLINE Type& operator/=(Type b) { return *this = *this / b; }

/// One machine register (or less).
template <class T, int N> struct Vec<T, N, Kind::native> {
    using W = Wrapping<T, N>;
    Raw<T, N> raw;

    Vec() = default;
    // x - 0 and not 0 + x: the sum would turn -0 into +0, so no compiler may drop it.
    HTP_INLINE Vec(T x) : raw(x - Raw<T, N>{}) {}
    static HTP_INLINE Vec of(Raw<T, N> raw) {
        Vec r;
        r.raw = raw;
        return r;
    }
    HTP_INLINE T operator[](i64 lane) const { return raw[lane]; }

#define HTP_BINARY(op) \
    friend HTP_INLINE Vec operator op(Vec a, Vec b) { return of((Raw<T, N>)((W)a.raw op(W) b.raw)); }
    HTP_BINARY(+)
    HTP_BINARY(-)
    HTP_BINARY(*)
    HTP_BINARY(&)
    HTP_BINARY(|)
    HTP_BINARY(^)
#undef HTP_BINARY
    friend HTP_INLINE Vec operator/(Vec a, Vec b) {
        static_assert(is_float<T>, "integers divide with floordiv");
        return of(a.raw / b.raw);
    }
    friend HTP_INLINE Vec operator<<(Vec a, Vec b) { return of((Raw<T, N>)((W)a.raw << (W)b.raw)); }
    friend HTP_INLINE Vec operator>>(Vec a, Vec b) { return of(a.raw >> b.raw); }
    HTP_INLINE Vec operator-() const {
        if constexpr (is_float<T>) return of(-raw);
        else return of((Raw<T, N>)(-(W)raw));
    }
    HTP_INLINE Vec operator~() const { return of(~raw); }
#define HTP_COMPARE(op)                                                           \
    friend HTP_INLINE Mask<sizeof(T), N> operator op(Vec a, Vec b) {              \
        return Mask<sizeof(T), N>::of((Raw<sint<sizeof(T)>, N>)(a.raw op b.raw)); \
    }
    HTP_COMPARISONS(HTP_COMPARE)
#undef HTP_COMPARE
    HTP_ASSIGNMENTS(Vec)
};

/// More than one register: two halves.
template <class T, int N> struct Vec<T, N, Kind::wide> {
    using Half = Vec<T, N / 2>;
    Half lo, hi;

    Vec() = default;
    HTP_INLINE Vec(T x) : lo(x), hi(x) {}
    HTP_INLINE Vec(Half lo, Half hi) : lo(lo), hi(hi) {}
    HTP_INLINE T operator[](i64 lane) const { return lane < N / 2 ? lo[lane] : hi[lane - N / 2]; }

#define HTP_BINARY(op) \
    friend HTP_INLINE Vec operator op(Vec a, Vec b) { return Vec(a.lo op b.lo, a.hi op b.hi); }
    HTP_BINARY(+)
    HTP_BINARY(-)
    HTP_BINARY(*)
    HTP_BINARY(/)
    HTP_BINARY(&)
    HTP_BINARY(|)
    HTP_BINARY(^)
    HTP_BINARY(<<)
    HTP_BINARY(>>)
#undef HTP_BINARY
    HTP_INLINE Vec operator-() const { return Vec(-lo, -hi); }
    HTP_INLINE Vec operator~() const { return Vec(~lo, ~hi); }
#define HTP_COMPARE(op)                                              \
    friend HTP_INLINE Mask<sizeof(T), N> operator op(Vec a, Vec b) { \
        return Mask<sizeof(T), N>::join(a.lo op b.lo, a.hi op b.hi); \
    }
    HTP_COMPARISONS(HTP_COMPARE)
#undef HTP_COMPARE
    HTP_ASSIGNMENTS(Vec)
};

template <class T, int N> Vec<f32, N> widen(Vec<T, N> x);
template <class T, int N> Vec<T, N> narrow(Vec<f32, N> x);

/// Narrow floats: stored patterns; each operator widens to f32, computes and rounds.
template <class T, int N> struct Vec<T, N, Kind::small> {
    Vec<typename T::Storage, N> bits;

    Vec() = default;
    HTP_INLINE Vec(T x) : bits(x.bits) {}
    static HTP_INLINE Vec of(Vec<typename T::Storage, N> bits) {
        Vec r;
        r.bits = bits;
        return r;
    }
    HTP_INLINE T operator[](i64 lane) const { return T::of(bits[lane]); }

#define HTP_BINARY(op) \
    friend HTP_INLINE Vec operator op(Vec a, Vec b) { return narrow<T>(widen(a) op widen(b)); }
    HTP_BINARY(+)
    HTP_BINARY(-)
    HTP_BINARY(*)
    HTP_BINARY(/)
#undef HTP_BINARY
    HTP_INLINE Vec operator-() const { return of(bits ^ (-T::of(0)).bits); }
#define HTP_COMPARE(op) \
    friend HTP_INLINE Mask<4, N> operator op(Vec a, Vec b) { return widen(a) op widen(b); }
    HTP_COMPARISONS(HTP_COMPARE)
#undef HTP_COMPARE
    HTP_ASSIGNMENTS(Vec)
};

/// Truth values as memory has them: one byte, 0 or 1.
template <class T, int N> struct Vec<T, N, Kind::boolean> {
    Vec<u8, N> bits;

    Vec() = default;
    HTP_INLINE Vec(bool x) : bits(u8(x)) {}
    template <int B> HTP_INLINE Vec(Mask<B, N> m);
    static HTP_INLINE Vec of(Vec<u8, N> bits) {
        Vec r;
        r.bits = bits;
        return r;
    }
    HTP_INLINE bool operator[](i64 lane) const { return bits[lane] != 0; }

    friend HTP_INLINE Vec operator&(Vec a, Vec b) { return of(a.bits & b.bits); }
    friend HTP_INLINE Vec operator|(Vec a, Vec b) { return of(a.bits | b.bits); }
    friend HTP_INLINE Vec operator^(Vec a, Vec b) { return of(a.bits ^ b.bits); }
    HTP_INLINE Vec operator~() const { return of(bits ^ Vec<u8, N>(1)); }
#define HTP_COMPARE(op) \
    friend HTP_INLINE Mask<1, N> operator op(Vec a, Vec b) { return a.bits op b.bits; }
    HTP_COMPARISONS(HTP_COMPARE)
#undef HTP_COMPARE
};

/// The result of a comparison: lanes as wide as the compared ones, 0 or -1. Stays a register mask (k-register) when it
/// is used in `where` right away; becomes Vec<bool_, N> when it is named or stored.
template <int Bytes, int N> struct Mask {
    Vec<sint<Bytes>, N> lanes;

    static HTP_INLINE Mask of(Raw<sint<Bytes>, N> raw) { return Mask{Vec<sint<Bytes>, N>::of(raw)}; }
    template <class H> static HTP_INLINE Mask join(H lo, H hi) { return Mask{Vec<sint<Bytes>, N>(lo.lanes, hi.lanes)}; }
    friend HTP_INLINE Mask operator&(Mask a, Mask b) { return Mask{a.lanes & b.lanes}; }
    friend HTP_INLINE Mask operator|(Mask a, Mask b) { return Mask{a.lanes | b.lanes}; }
    friend HTP_INLINE Mask operator^(Mask a, Mask b) { return Mask{a.lanes ^ b.lanes}; }
    HTP_INLINE Mask operator~() const { return Mask{~lanes}; }
};

template <class V> struct LanesOf {
    static constexpr int value = 0;
};
template <class T, int N, Kind K> struct LanesOf<Vec<T, N, K>> {
    static constexpr int value = N;
    using type = T;
};
template <int B, int N> struct LanesOf<Mask<B, N>> {
    static constexpr int value = N;
};
template <class V> inline constexpr int lanes_of = LanesOf<V>::value;  // 0 for scalars

// ---- halves ----
template <int From, int... I> struct Indices {
    template <int J> using more = Indices<From, I..., From + int(sizeof...(I))>;
};
template <int From, int Count> struct CountUp {
    using type = typename CountUp<From, Count - 1>::type::template more<0>;
};
template <int From> struct CountUp<From, 0> {
    using type = Indices<From>;
};

template <int From, int... I, class R> HTP_INLINE auto pick(Indices<From, I...>, R a, R b) {
    return __builtin_shufflevector(a, b, I...);
}

template <bool Upper, class T, int N> HTP_INLINE Vec<T, N / 2> half(Vec<T, N> x) {
    constexpr Kind kind = kind_of<T, N>;
    if constexpr (kind == Kind::wide) return Upper ? x.hi : x.lo;
    else if constexpr (kind == Kind::native)
        return Vec<T, N / 2>::of(pick(typename CountUp < Upper ? N / 2 : 0, N / 2 > ::type{}, x.raw, x.raw));
    else return Vec<T, N / 2>::of(half<Upper>(x.bits));
}
template <class T, int N> HTP_INLINE Vec<T, 2 * N> join(Vec<T, N> lo, Vec<T, N> hi) {
    constexpr Kind kind = kind_of<T, 2 * N>;
    if constexpr (kind == Kind::wide) return Vec<T, 2 * N>(lo, hi);
    else if constexpr (kind == Kind::native)
        return Vec<T, 2 * N>::of(pick(typename CountUp<0, 2 * N>::type{}, lo.raw, hi.raw));
    else return Vec<T, 2 * N>::of(join(lo.bits, hi.bits));
}

// ---- bit reinterpretation ----
#define HTP_BITS(name, From, To)                                                                 \
    template <int N> HTP_INLINE Vec<To, N> name(Vec<From, N> x) {                                \
        if constexpr (kind_of<From, N> == Kind::wide) return Vec<To, N>(name(x.lo), name(x.hi)); \
        else return Vec<To, N>::of((Raw<To, N>)x.raw);                                           \
    }
HTP_BITS(as_bits, f32, u32)
HTP_BITS(as_bits, f64, u64)
HTP_BITS(as_float, u32, f32)
HTP_BITS(as_float, u64, f64)
#undef HTP_BITS

// ---- conversion ----
/// Lanes converted between the base types (no narrow floats, no bool) as C++ does; the range is the caller's business.
template <class To, class From, int N> HTP_INLINE Vec<To, N> convert(Vec<From, N> x) {
    if constexpr (same<To, From>) {
        return x;
    } else if constexpr (kind_of<To, N> == Kind::wide || kind_of<From, N> == Kind::wide) {
        return join(convert<To>(half<false>(x)), convert<To>(half<true>(x)));
    } else if constexpr ((is_float<From> && sizeof(To) < 4) || (is_float<To> && sizeof(From) < 4)) {
        return convert<To>(convert<i32>(x));  // the machine converts floats from and to 32 and 64 bits only
    } else {
        return Vec<To, N>::of(__builtin_convertvector(x.raw, Raw<To, N>));
    }
}

template <int To, int From, int N> HTP_INLINE Mask<To, N> resize(Mask<From, N> m) {
    return Mask<To, N>{convert<sint<To>>(m.lanes)};
}
template <int To, int N> HTP_INLINE Mask<To, N> resize(Vec<bool_, N> m) { return resize<To>(m.bits != Vec<u8, N>(0)); }
template <class T, int N, Kind K> struct Vec;
template <class T, int N> template <int B> HTP_INLINE Vec<T, N, Kind::boolean>::Vec(Mask<B, N> m)
    : bits(convert<u8>(m.lanes) & Vec<u8, N>(1)) {}
template <int A, int B, int N, requires_<A != B> = 0> HTP_INLINE Mask<A, N> operator&(Mask<A, N> a, Mask<B, N> b) {
    return a & resize<A>(b);
}
template <int A, int B, int N, requires_<A != B> = 0> HTP_INLINE Mask<A, N> operator|(Mask<A, N> a, Mask<B, N> b) {
    return a | resize<A>(b);
}
template <int A, int B, int N, requires_<A != B> = 0> HTP_INLINE Mask<A, N> operator^(Mask<A, N> a, Mask<B, N> b) {
    return a ^ resize<A>(b);
}

// ---- selection ----
template <class M, class T, int N, requires_<lanes_of<M> == N> = 0>
HTP_INLINE Vec<T, N> where(M condition, Vec<T, N> yes, Vec<T, N> no) {
    constexpr Kind kind = kind_of<T, N>;
    if constexpr (kind == Kind::small || kind == Kind::boolean) {
        return Vec<T, N>::of(where(condition, yes.bits, no.bits));
    } else {
        auto mask = resize<sizeof(T)>(condition);
        if constexpr (kind == Kind::native) {
            return Vec<T, N>::of(mask.lanes.raw ? yes.raw : no.raw);
        } else {
            using Part = Mask<sizeof(T), N / 2>;
            return Vec<T, N>(where(Part{mask.lanes.lo}, yes.lo, no.lo), where(Part{mask.lanes.hi}, yes.hi, no.hi));
        }
    }
}
template <class M, class T, int N, requires_<lanes_of<M> == N> = 0> HTP_INLINE Vec<T, N> where(M c, Vec<T, N> a, T b) {
    return where(c, a, Vec<T, N>(b));
}
template <class M, class T, int N, requires_<lanes_of<M> == N> = 0> HTP_INLINE Vec<T, N> where(M c, T a, Vec<T, N> b) {
    return where(c, Vec<T, N>(a), b);
}
template <class M, class T, requires_<(lanes_of<M> > 0) && is_scalar<T>> = 0> HTP_INLINE auto where(M c, T a, T b) {
    return where(c, Vec<T, lanes_of<M>>(a), Vec<T, lanes_of<M>>(b));
}
template <class T, int N> HTP_INLINE Vec<T, N> where(bool c, Vec<T, N> a, T b) { return c ? a : Vec<T, N>(b); }
template <class T, int N> HTP_INLINE Vec<T, N> where(bool c, T a, Vec<T, N> b) { return c ? Vec<T, N>(a) : b; }

// ---- narrow floats ----
template <class T, int N> HTP_INLINE Vec<f32, N> widen_portably(Vec<T, N> x) {
    constexpr u32 top = u32(1) << (8 * sizeof(T) - 1);
    Vec<u32, N> all = convert<u32>(x.bits), sign = all & Vec<u32, N>(top);
    return as_float(as_bits(widen_magnitude<typename T::Format>(all ^ sign)) | sign << Vec<u32, N>(32 - 8 * sizeof(T)));
}
template <class T, int N> HTP_INLINE Vec<T, N> narrow_portably(Vec<f32, N> x) {
    Vec<u32, N> all = as_bits(x), sign = all & Vec<u32, N>(0x80000000u);
    Vec<u32, N> magnitude = narrow_magnitude<typename T::Format>(all ^ sign);
    return Vec<T, N>::of(convert<typename T::Storage>(magnitude | sign >> Vec<u32, N>(32 - 8 * sizeof(T))));
}

}  // namespace htp
