// Narrow integers and the rest: dequantisation, symmetric and asymmetric int8, partial operands, histogram,
// interleaving.
#pragma once
#include "convert.hpp"
#include "reductions.hpp"

namespace pto {

// d = (a - offset) * scale, one pair of parameters for a row (or one for every column of the parameter tiles).
template <typename D, typename A, typename P> RecordEvent TDEQUANT(D& d, A& a, P& scale, P& offset) {
    standin::same_valid("TDEQUANT", a, d.GetValidRow(), d.GetValidCol());
    standin::announce("TDEQUANT", PIPE_V, d, a, scale, offset);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) {
            int64_t p = c < scale.GetValidCol() ? c : scale.GetValidCol() - 1;
            d.at(r, c) = typename D::DType((float(a.at(r, c)) - float(offset.at(r, p))) * float(scale.at(r, p)));
        }
    return {};
}

// d = relu((a + b) * scale), int32 sums as f16.
template <typename D, typename A, typename B, typename S>
RecordEvent TADDDEQRELU(D& d, A& a, B& b, float scale, S& scratch) {
    standin::elementwise_scratch(
        "TADDDEQRELU", d, scratch,
        [scale](auto x, auto y) {
            float value = static_cast<float>(x + y) * scale;
            return value > 0 ? value : 0.0f;
        },
        a, b);
    return {};
}

namespace standin {
template <QuantType Q, typename D, typename A, typename P> void quantise(D& d, A& a, P& scale, const P* offset) {
    static_assert(Q == QuantType::INT8_SYM || Q == QuantType::INT8_ASYM,
                  "TQUANT: the stand-in has the int8 forms only");
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) {
            auto parameter = [&](const P& p) {
                return float(
                    p.at(r < p.GetValidRow() ? r : p.GetValidRow() - 1, c < p.GetValidCol() ? c : p.GetValidCol() - 1));
            };
            float value = float(a.at(r, c)) * parameter(scale) + (offset ? parameter(*offset) : 0.0f);
            d.at(r, c) = converted<typename D::DType>(value, RoundMode::CAST_RINT, true);
        }
}
}  // namespace standin

template <QuantType Q, typename D, typename A, typename P> RecordEvent TQUANT(D& d, A& a, P& scale) {
    standin::same_valid("TQUANT", a, d.GetValidRow(), d.GetValidCol());
    standin::announce("TQUANT", PIPE_V, d, a, scale);
    standin::quantise<Q>(d, a, scale, static_cast<const P*>(nullptr));
    return {};
}
template <QuantType Q, typename D, typename A, typename P> RecordEvent TQUANT(D& d, A& a, P& scale, P* offset) {
    standin::same_valid("TQUANT", a, d.GetValidRow(), d.GetValidCol());
    standin::announce("TQUANT", PIPE_V, d, a, scale, *offset);
    standin::quantise<Q>(d, a, scale, offset);
    return {};
}

namespace standin {
// d = f(a, b) where both are valid, else the one that is.
template <typename D, typename A, typename B, typename F> RecordEvent partial(const char* name, D& d, A& a, B& b, F f) {
    announce(name, PIPE_V, d, a, b);
    using W = Work<typename D::DType>;
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) {
            bool first = r < a.GetValidRow() && c < a.GetValidCol(),
                 second = r < b.GetValidRow() && c < b.GetValidCol();
            if (first && second) d.at(r, c) = typename D::DType(f(W(a.at(r, c)), W(b.at(r, c))));
            else if (first) d.at(r, c) = a.at(r, c);
            else if (second) d.at(r, c) = b.at(r, c);
            else core().stop("valid-shape", name, "neither operand is valid at an element of the result");
        }
    return {};
}

template <typename D, typename A>
void announce_pair(const char* name, const D& first, const D& second, const A& a, const A& b) {
    Instruction instruction(name, PIPE_V);
    add_tile(instruction, a, Mode::Read, 1), add_tile(instruction, b, Mode::Read, 2);
    add_tile(instruction, first, Mode::Write, 0), add_tile(instruction, second, Mode::Write, 3);
    core().issue(instruction);
}

template <typename D, typename A, typename B, typename DI, typename AI, typename BI, typename Better>
RecordEvent partial_position(const char* name, D& d, A& a, B& b, DI& di, AI& ai, BI& bi, Better better) {
    Instruction instruction(name, PIPE_V);
    add_tile(instruction, a, Mode::Read, 1), add_tile(instruction, b, Mode::Read, 2);
    add_tile(instruction, ai, Mode::Read, 3), add_tile(instruction, bi, Mode::Read, 4);
    add_tile(instruction, d, Mode::Write, 0), add_tile(instruction, di, Mode::Write, 5);
    core().issue(instruction);
    using W = Work<typename D::DType>;
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) {
            bool first = r < a.GetValidRow() && c < a.GetValidCol(),
                 second = r < b.GetValidRow() && c < b.GetValidCol();
            bool take_second = second && (!first || better(W(b.at(r, c)), W(a.at(r, c))));
            auto value = take_second ? b.at(r, c) : a.at(r, c);
            auto position = take_second ? bi.at(r, c) : ai.at(r, c);
            d.at(r, c) = value, di.at(r, c) = position;
        }
    return {};
}
}  // namespace standin

#define HTP_PTO_PARTIAL(NAME, EXPR)                                                                \
    template <typename D, typename A, typename B> RecordEvent NAME(D& d, A& a, B& b) {             \
        return standin::partial(#NAME, d, a, b, [](auto x, auto y) { return decltype(x)(EXPR); }); \
    }
HTP_PTO_PARTIAL(TPARTADD, x + y)
HTP_PTO_PARTIAL(TPARTMUL, (x * y))
HTP_PTO_PARTIAL(TPARTMAX, x > y ? x : y)
HTP_PTO_PARTIAL(TPARTMIN, x < y ? x : y)
#undef HTP_PTO_PARTIAL

template <typename D, typename A, typename B, typename DI, typename AI, typename BI>
RecordEvent TPARTARGMAX(D& d, A& a, B& b, DI& di, AI& ai, BI& bi) {
    return standin::partial_position("TPARTARGMAX", d, a, b, di, ai, bi, standin::Greater{});
}
template <typename D, typename A, typename B, typename DI, typename AI, typename BI>
RecordEvent TPARTARGMIN(D& d, A& a, B& b, DI& di, AI& ai, BI& bi) {
    return standin::partial_position("TPARTARGMIN", d, a, b, di, ai, bi, standin::Less{});
}

// Alternates the elements of a and b: `low` is the first half of the result, `high` the second.
template <typename D, typename A> RecordEvent TINTERLEAVE(D& high, D& low, A& b, A& a) {
    standin::announce_pair("TINTERLEAVE", high, low, b, a);
    const int64_t cols = a.GetValidCol();
    for (int64_t r = 0; r < a.GetValidRow(); ++r) {
        std::vector<typename A::DType> both;
        for (int64_t c = 0; c < cols; ++c) both.push_back(a.at(r, c)), both.push_back(b.at(r, c));
        for (int64_t c = 0; c < cols; ++c) low.at(r, c) = both[c], high.at(r, c) = both[cols + c];
    }
    return {};
}
// The even columns of a and then of b, and the odd ones.
template <typename D, typename A> RecordEvent TDEINTERLEAVE(D& odd, D& even, A& b, A& a) {
    standin::announce_pair("TDEINTERLEAVE", odd, even, b, a);
    const int64_t cols = a.GetValidCol();
    for (int64_t r = 0; r < a.GetValidRow(); ++r) {
        std::vector<typename A::DType> both;
        for (int64_t c = 0; c < cols; ++c) both.push_back(a.at(r, c));
        for (int64_t c = 0; c < cols; ++c) both.push_back(b.at(r, c));
        for (int64_t c = 0; c < cols; ++c) even.at(r, c) = both[2 * c], odd.at(r, c) = both[2 * c + 1];
    }
    return {};
}

namespace standin {
// Cumulative counts, row by row, of the bytes of the elements that `counted` accepts.
template <HistByte Byte, typename D, typename A, typename I, typename F>
RecordEvent histogram(D& d, A& a, I& match, F counted) {
    if (d.GetValidCol() < 256) core().stop("valid-shape", "THISTOGRAM", "the result needs 256 columns");
    announce("THISTOGRAM", PIPE_V, d, a, match);
    for (int64_t r = 0; r < a.GetValidRow(); ++r) {
        uint32_t counts[256] = {}, sum = 0;
        for (int64_t c = 0; c < a.GetValidCol(); ++c)
            if (counted(r, a.at(r, c))) ++counts[(a.at(r, c) >> (8 * int(Byte))) & 255];
        for (int64_t bin = 0; bin < 256; ++bin) d.at(r, bin) = typename D::DType(sum += counts[bin]);
    }
    return {};
}
}  // namespace standin

// 16-bit elements: byte 1 of all of them, or byte 0 of those whose byte 1 is the row's `match`.
// 32-bit elements: those whose higher bytes are the first rows of `match`, highest first.
template <HistByte Byte, typename D, typename A, typename I> RecordEvent THISTOGRAM(D& d, A& a, I& match) {
    if constexpr (sizeof(typename A::DType) == 2) {
        return standin::histogram<Byte>(
            d, a, match, [&](int64_t r, uint16_t x) { return Byte == HistByte::BYTE_1 || (x >> 8) == match.at(r, 0); });
    } else {
        return standin::histogram<Byte>(d, a, match, [&](int64_t, uint32_t x) {
            for (int byte = 3; byte > int(Byte); --byte)
                if (((x >> (8 * byte)) & 255) != match.at(3 - byte, 0)) return false;
            return true;
        });
    }
}

}  // namespace pto
