// Element by element: unary, binary, with a scalar, ternary. Results and operands have the destination's valid shape.
// 16-bit floating point is computed in f32 and rounded once (ties to even).
#pragma once
#include "operands.hpp"

namespace pto {

namespace standin {

template <typename T> T shift_left(T a, T b) { return T(std::make_unsigned_t<T>(a) << std::make_unsigned_t<T>(b)); }
template <typename T> T floor_rem(T a, T b) {  // the remainder has the divisor's sign
    if constexpr (std::is_floating_point_v<T>) {
        T r = std::fmod(a, b);
        return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    } else {
        if (b == 0) return T(-1);
        T r = T(a % b);
        return r != 0 && (r < 0) != (b < 0) ? T(r + b) : r;
    }
}
template <typename T> T trunc_rem(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return std::fmod(a, b);
    else return b == 0 ? T(-1) : T(a % b);
}
template <typename T> T power(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
        return std::pow(a, b);
    } else {
        T result = 1;
        for (; b > 0; --b) result = T(result * a);
        return result;
    }
}
template <typename T> T quotient(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a / b;
    else return b == 0 ? T(-1) : T(a / b);
}
template <typename T> T absolute(T a) { return a > 0 ? a : T(T(0) - a); }

}  // namespace standin

// NAME(d, a): d = EXPR for x of a. The type of x and of the result is the working type W.
#define HTP_PTO_UNARY(NAME, EXPR)                                                        \
    template <auto Precision = 0, typename D, typename A> RecordEvent NAME(D& d, A& a) { \
        standin::elementwise(                                                            \
            #NAME, d,                                                                    \
            [](auto x) {                                                                 \
                using W = decltype(x);                                                   \
                (void)sizeof(W);                                                         \
                return W(EXPR);                                                          \
            },                                                                           \
            a);                                                                          \
        return {};                                                                       \
    }
HTP_PTO_UNARY(TABS, standin::absolute(x))
HTP_PTO_UNARY(TNEG, -x)
HTP_PTO_UNARY(TNOT, ~x)
HTP_PTO_UNARY(TRELU, x > 0 ? x : W(0))
HTP_PTO_UNARY(TEXP, std::exp(x))
HTP_PTO_UNARY(TLOG, std::log(x))
HTP_PTO_UNARY(TSQRT, std::sqrt(x))
#undef HTP_PTO_UNARY

// On A2/A3 these two may not overwrite their operand.
#define HTP_PTO_NOT_IN_PLACE(NAME, EXPR)                                                                           \
    template <auto Precision = 0, typename D, typename A> RecordEvent NAME(D& d, A& a) {                           \
        if (d.address() == a.address())                                                                            \
            standin::core().broken("in-place", #NAME, "the result lies where the operand lies; A2/A3 forbids it"); \
        standin::elementwise(#NAME, d, [](auto x) { return decltype(x)(EXPR); }, a);                               \
        return {};                                                                                                 \
    }
HTP_PTO_NOT_IN_PLACE(TRSQRT, decltype(x)(1) / std::sqrt(x))
HTP_PTO_NOT_IN_PLACE(TRECIP, decltype(x)(1) / x)
#undef HTP_PTO_NOT_IN_PLACE

// NAME(d, a, b)
#define HTP_PTO_BINARY(NAME, EXPR)                                                                         \
    template <auto Precision = 0, typename D, typename A, typename B> RecordEvent NAME(D& d, A& a, B& b) { \
        standin::elementwise(                                                                              \
            #NAME, d,                                                                                      \
            [](auto x, auto y) {                                                                           \
                using W = decltype(x);                                                                     \
                return W(EXPR);                                                                            \
            },                                                                                             \
            a, b);                                                                                         \
        return {};                                                                                         \
    }
HTP_PTO_BINARY(TADD, x + y)
HTP_PTO_BINARY(TSUB, x - y)
HTP_PTO_BINARY(TMUL, (x * y))
HTP_PTO_BINARY(TDIV, standin::quotient(x, W(y)))
HTP_PTO_BINARY(TMIN, x < y ? x : W(y))
HTP_PTO_BINARY(TMAX, x > y ? x : W(y))
HTP_PTO_BINARY(TAND, (x & y))
HTP_PTO_BINARY(TOR, x | y)
HTP_PTO_BINARY(TSHL, standin::shift_left(x, W(y)))
HTP_PTO_BINARY(TSHR, x >> y)
HTP_PTO_BINARY(TFMOD, standin::trunc_rem(x, W(y)))
HTP_PTO_BINARY(TSUBRELU, x - y > 0 ? x - y : W(0))
#undef HTP_PTO_BINARY

// NAME(d, a, b): computed in the operands' type, then converted to d's.
#define HTP_PTO_BINARY_CONVERT(NAME, OP)                                               \
    template <typename D, typename A, typename B> RecordEvent NAME(D& d, A& a, B& b) { \
        standin::elementwise(                                                          \
            #NAME, d,                                                                  \
            [](auto x, auto y) {                                                       \
                auto s = x OP y;                                                       \
                return s > 0 ? s : decltype(s)(0);                                     \
            },                                                                         \
            a, b);                                                                     \
        return {};                                                                     \
    }
HTP_PTO_BINARY_CONVERT(TSUBRELUCONV, -)
HTP_PTO_BINARY_CONVERT(TADDRELUCONV, +)
#undef HTP_PTO_BINARY_CONVERT

// NAME(d, a, b, scratch)
#define HTP_PTO_BINARY_SCRATCH(NAME, EXPR)                                        \
    template <auto Precision = 0, typename D, typename A, typename B, typename S> \
    RecordEvent NAME(D& d, A& a, B& b, S& scratch) {                              \
        standin::elementwise_scratch(                                             \
            #NAME, d, scratch,                                                    \
            [](auto x, auto y) {                                                  \
                using W = decltype(x);                                            \
                return W(EXPR);                                                   \
            },                                                                    \
            a, b);                                                                \
        return {};                                                                \
    }
HTP_PTO_BINARY_SCRATCH(TXOR, x ^ y)
HTP_PTO_BINARY_SCRATCH(TPRELU, x > 0 ? x : W(x * y))
HTP_PTO_BINARY_SCRATCH(TPOW, standin::power(x, W(y)))
HTP_PTO_BINARY_SCRATCH(TREM, standin::floor_rem(x, W(y)))
#undef HTP_PTO_BINARY_SCRATCH

// NAME(d, a, scalar)
#define HTP_PTO_SCALAR(NAME, EXPR)                                                                                 \
    template <auto Precision = 0, typename D, typename A> RecordEvent NAME(D& d, A& a, typename A::DType scalar) { \
        const standin::Work<typename A::DType> y = scalar;                                                         \
        standin::elementwise(                                                                                      \
            #NAME, d,                                                                                              \
            [y](auto x) {                                                                                          \
                using W = decltype(x);                                                                             \
                return W(EXPR);                                                                                    \
            },                                                                                                     \
            a);                                                                                                    \
        return {};                                                                                                 \
    }
HTP_PTO_SCALAR(TADDS, x + y)
HTP_PTO_SCALAR(TSUBS, x - y)
HTP_PTO_SCALAR(TMULS, (x * y))
HTP_PTO_SCALAR(TDIVS, standin::quotient(x, W(y)))
HTP_PTO_SCALAR(TMINS, x < y ? x : W(y))
HTP_PTO_SCALAR(TMAXS, x > y ? x : W(y))
HTP_PTO_SCALAR(TANDS, (x & y))
HTP_PTO_SCALAR(TORS, x | y)
HTP_PTO_SCALAR(TSHLS, standin::shift_left(x, W(y)))
HTP_PTO_SCALAR(TSHRS, x >> y)
HTP_PTO_SCALAR(TFMODS, standin::trunc_rem(x, W(y)))
HTP_PTO_SCALAR(TLRELU, x > 0 ? x : W(x * y))
#undef HTP_PTO_SCALAR

// TDIVS(d, scalar, a) is scalar / a.
template <auto Precision = 0, typename D, typename A> RecordEvent TDIVS(D& d, typename A::DType scalar, A& a) {
    const standin::Work<typename A::DType> y = scalar;
    standin::elementwise("TDIVS", d, [y](auto x) { return standin::quotient(decltype(x)(y), x); }, a);
    return {};
}

// NAME(d, a, scalar, scratch)
#define HTP_PTO_SCALAR_SCRATCH(NAME, EXPR)                               \
    template <auto Precision = 0, typename D, typename A, typename S>    \
    RecordEvent NAME(D& d, A& a, typename A::DType scalar, S& scratch) { \
        const standin::Work<typename A::DType> y = scalar;               \
        standin::elementwise_scratch(                                    \
            #NAME, d, scratch,                                           \
            [y](auto x) {                                                \
                using W = decltype(x);                                   \
                return W(EXPR);                                          \
            },                                                           \
            a);                                                          \
        return {};                                                       \
    }
HTP_PTO_SCALAR_SCRATCH(TXORS, x ^ y)
HTP_PTO_SCALAR_SCRATCH(TPOWS, standin::power(x, W(y)))
HTP_PTO_SCALAR_SCRATCH(TREMS, standin::floor_rem(x, W(y)))
#undef HTP_PTO_SCALAR_SCRATCH

template <typename D> RecordEvent TEXPANDS(D& d, typename D::DType scalar) {
    const standin::Work<typename D::DType> y = scalar;
    standin::elementwise("TEXPANDS", d, [y]() { return y; });
    return {};
}

// Those that read their destination, and those of three operands.
template <typename D, typename A> RecordEvent TAXPY(D& d, A& a, typename A::DType scalar) {
    const standin::Work<typename A::DType> s = scalar;
    standin::elementwise("TAXPY", d, [s](auto x, auto old) { return decltype(old)(s * x + old); }, a, d);
    return {};
}
template <typename D, typename A, typename B> RecordEvent TFUSEDMULADD(D& d, A& a, B& b) {
    standin::elementwise("TFUSEDMULADD", d, [](auto x, auto y, auto old) { return decltype(x)(x * old + y); }, a, b, d);
    return {};
}
template <typename D, typename A, typename B> RecordEvent TFUSEDMULADDRELU(D& d, A& a, B& b) {
    standin::elementwise(
        "TFUSEDMULADDRELU", d,
        [](auto x, auto y, auto old) {
            auto sum = x * old + y;
            return decltype(x)(sum > 0 ? sum : decltype(sum)(0));
        },
        a, b, d);
    return {};
}
template <typename D, typename A, typename B> RecordEvent TMULADDDST(D& d, A& a, B& b) {
    standin::elementwise("TMULADDDST", d, [](auto x, auto y, auto old) { return decltype(old)(x * y + old); }, a, b, d);
    return {};
}
template <typename D, typename A, typename B, typename C> RecordEvent TADDC(D& d, A& a, B& b, C& c) {
    standin::elementwise("TADDC", d, [](auto x, auto y, auto z) { return decltype(x)(x + y + z); }, a, b, c);
    return {};
}
template <typename D, typename A, typename B, typename C> RecordEvent TSUBC(D& d, A& a, B& b, C& c) {
    standin::elementwise("TSUBC", d, [](auto x, auto y, auto z) { return decltype(x)(x - y + z); }, a, b, c);
    return {};
}
template <typename D, typename A, typename B> RecordEvent TADDSC(D& d, A& a, typename A::DType scalar, B& b) {
    const standin::Work<typename A::DType> s = scalar;
    standin::elementwise("TADDSC", d, [s](auto x, auto y) { return decltype(x)(x + s + y); }, a, b);
    return {};
}
template <typename D, typename A, typename B> RecordEvent TSUBSC(D& d, A& a, typename A::DType scalar, B& b) {
    const standin::Work<typename A::DType> s = scalar;
    standin::elementwise("TSUBSC", d, [s](auto x, auto y) { return decltype(x)(x - s + y); }, a, b);
    return {};
}

}  // namespace pto
