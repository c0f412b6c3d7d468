// The two 16-bit floating point formats with correct rounding (to nearest, ties to even), and what every element type
// needs: its widest working type, its limits. Arithmetic on 16-bit values is done in f32, as the interface promises.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace pto::standin {

template <typename To, typename From> inline To bits_as(From value) {
    static_assert(sizeof(To) == sizeof(From), "bits_as: sizes differ");
    To result;
    std::memcpy(&result, &value, sizeof(To));
    return result;
}

// IEEE 754 binary16 from binary32, ties to even.
inline uint16_t half_bits(float value) {
    uint32_t x = bits_as<uint32_t>(value);
    uint16_t sign = static_cast<uint16_t>((x >> 16) & 0x8000u);
    x &= 0x7fffffffu;
    if (x > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);   // NaN
    if (x >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to infinity
    if (x < 0x38800000u) {                                               // subnormal or zero: one exact addition rounds
        float shifted = bits_as<float>(x) + bits_as<float>(0x3f000000u);
        return static_cast<uint16_t>(sign | (bits_as<uint32_t>(shifted) - 0x3f000000u));
    }
    x += 0xc8000fffu + ((x >> 13) & 1u);
    return static_cast<uint16_t>(sign | (x >> 13));
}

inline float half_value(uint16_t bits) {
    uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
    uint32_t rest = static_cast<uint32_t>(bits & 0x7fffu) << 13;
    if (rest >= 0x0f800000u) return bits_as<float>(sign | (rest + 0x70000000u));  // infinity, NaN
    float scaled = bits_as<float>(rest + 0x38000000u);
    if (rest < 0x00800000u) scaled = 2.0f * (scaled - bits_as<float>(0x38000000u));  // subnormal or zero
    return bits_as<float>(sign | bits_as<uint32_t>(scaled));
}

inline uint16_t bfloat_bits(float value) {
    uint32_t x = bits_as<uint32_t>(value);
    if ((x & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((x >> 16) | 0x40u);
    return static_cast<uint16_t>((x + 0x7fffu + ((x >> 16) & 1u)) >> 16);
}

inline float bfloat_value(uint16_t bits) { return bits_as<float>(static_cast<uint32_t>(bits) << 16); }

// A 16-bit floating point number: stored in its format, computed with as f32.
template <uint16_t (*Encode)(float), float (*Decode)(uint16_t)> struct Short {
    uint16_t bits;

    Short() = default;
    template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>> Short(T value)
        : bits(Encode(static_cast<float>(value))) {}
    operator float() const { return Decode(bits); }
    Short& operator+=(float other) { return *this = Short(Decode(bits) + other); }
    Short& operator-=(float other) { return *this = Short(Decode(bits) - other); }
    Short& operator*=(float other) { return *this = Short(Decode(bits) * other); }
    Short& operator/=(float other) { return *this = Short(Decode(bits) / other); }
};

}  // namespace pto::standin

typedef pto::standin::Short<pto::standin::half_bits, pto::standin::half_value> half;
typedef pto::standin::Short<pto::standin::bfloat_bits, pto::standin::bfloat_value> bfloat16_t;
typedef half float16_t;
typedef half aclFloat16;
typedef float float32_t;

namespace pto::standin {

template <typename T> inline constexpr bool is_short = std::is_same_v<T, half> || std::is_same_v<T, bfloat16_t>;
template <typename T> inline constexpr bool is_floating = std::is_same_v<T, float> || is_short<T>;

// The type in which values of T are computed.
template <typename T> using Work = std::conditional_t<is_short<T>, float, T>;

template <typename T> inline T infinity_or_max() {
    if constexpr (is_floating<T>) return T(std::numeric_limits<float>::infinity());
    else return std::numeric_limits<T>::max();
}

template <typename T> inline T minus_infinity_or_min() {
    if constexpr (is_floating<T>) return T(-std::numeric_limits<float>::infinity());
    else return std::numeric_limits<T>::lowest();
}

}  // namespace pto::standin
