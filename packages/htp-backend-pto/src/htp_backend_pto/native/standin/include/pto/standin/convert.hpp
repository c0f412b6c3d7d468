// TCVT: another element type, with the rounding that is asked for.
//
// To an integer: the value is rounded to an integer by the mode (CAST_NONE: towards zero), then saturated (or wrapped
// where saturation is off).
// To a narrower float: the mode says how the value is rounded to the format; CAST_NONE and CAST_RINT are ties to even.
// From an integer, and to a wider float: exact where the format can hold the value, else ties to even.
#pragma once
#include "operands.hpp"

namespace pto {

namespace standin {

inline double rounded(double x, RoundMode mode) {
    switch (mode) {
        case RoundMode::CAST_ROUND:
            return std::round(x);
        case RoundMode::CAST_FLOOR:
            return std::floor(x);
        case RoundMode::CAST_CEIL:
            return std::ceil(x);
        case RoundMode::CAST_NONE:
        case RoundMode::CAST_TRUNC:
            return std::trunc(x);
        case RoundMode::CAST_ODD: {
            double whole = std::trunc(x);
            return whole == x || std::fmod(whole, 2) != 0 ? whole : whole + (x < 0 ? -1 : 1);
        }
        default:
            return std::nearbyint(x);
    }
}

// Rounds f32 to `kept` mantissa bits by a mode that is not ties-to-even: on the bits, magnitude and sign apart. Values
// below the normal range of the narrow format are scaled up first, so the step is the same one.
template <typename D> D narrowed(float x, RoundMode mode) {
    if (mode == RoundMode::CAST_NONE || mode == RoundMode::CAST_RINT || !std::isfinite(x) || x == 0) return D(x);
    constexpr int kept = std::is_same_v<D, half> ? 10 : 7;
    constexpr int least = std::is_same_v<D, half> ? -14 : -126;
    int exponent;
    std::frexp(x, &exponent);
    const int step = (exponent - 1 < least ? least : exponent - 1) - kept;
    return D(static_cast<float>(std::ldexp(rounded(std::ldexp(static_cast<double>(x), -step), mode), step)));
}

template <typename D, typename A> D converted(A value, RoundMode mode, bool saturate) {
    if constexpr (std::is_integral_v<D> && is_floating<A>) {
        double x = rounded(static_cast<double>(static_cast<float>(value)), mode);
        if (std::isnan(x)) return D(0);
        constexpr double low = static_cast<double>(std::numeric_limits<D>::lowest());
        constexpr double high = static_cast<double>(std::numeric_limits<D>::max());
        if (x < low || x > high) {
            if (saturate) return x < low ? std::numeric_limits<D>::lowest() : std::numeric_limits<D>::max();
            return D(static_cast<int64_t>(std::fmax(std::fmin(x, 9.2e18), -9.2e18)));
        }
        return D(x);
    } else if constexpr (std::is_integral_v<D>) {
        if (!saturate) return D(value);
        const int64_t x = int64_t(value), low = int64_t(std::numeric_limits<D>::lowest());
        const int64_t high =
            sizeof(D) == 8 ? std::numeric_limits<int64_t>::max() : int64_t(std::numeric_limits<D>::max());
        return D(x < low ? low : x > high ? high : x);
    } else if constexpr (is_short<D> && is_floating<A> && !std::is_same_v<A, D>) {
        return narrowed<D>(static_cast<float>(value), mode);
    } else {
        return D(Work<A>(value));
    }
}

template <typename D, typename A> RecordEvent convert(D& d, A& a, RoundMode mode, bool saturate) {
    same_valid("TCVT", a, d.GetValidRow(), d.GetValidCol());
    announce("TCVT", PIPE_V, d, a);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c)
            d.at(r, c) = converted<typename D::DType>(a.at(r, c), mode, saturate);
    return {};
}

}  // namespace standin

template <typename D, typename A> RecordEvent TCVT(D& d, A& a, RoundMode mode) {
    return standin::convert(d, a, mode, true);
}
template <typename D, typename A> RecordEvent TCVT(D& d, A& a, RoundMode mode, SaturationMode saturation) {
    return standin::convert(d, a, mode, saturation == SaturationMode::ON);
}
template <typename D, typename A, typename S>
std::enable_if_t<is_tile_data_v<S>, RecordEvent> TCVT(D& d, A& a, S&, RoundMode mode) {
    return standin::convert(d, a, mode, true);
}

}  // namespace pto
