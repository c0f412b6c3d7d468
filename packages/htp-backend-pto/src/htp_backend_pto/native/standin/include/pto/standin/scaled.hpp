// Accumulators that leave L0C in fewer bits, each column by a scale of its own.
#pragma once
#include "convert.hpp"

namespace pto {

namespace standin {
// Scales of columns, one word of 64 bits each: bits 13 to 31 are the upper bits of the scale as f32, 37 to 45 what is
// added to it, and bit 46 says that the result has a sign. Only the fraction's first 10 bits are there.
inline float scale_of(uint64_t word) {
    const uint32_t bits = static_cast<uint32_t>(word) & 0xffffe000u;
    return (bits & 0x7f800000u) == 0 ? 0.0f : bits_as<float>(bits);
}

template <typename D> D scaled(const char* name, float value, uint64_t word) {
    value *= scale_of(word);
    if constexpr (is_short<D>) {
        return D(value < -65504.0f ? -65504.0f : value > 65504.0f ? 65504.0f : value);
    } else {
        if (((word >> 46) & 1) != std::is_signed_v<D>)
            core().broken("scale-sign", name, "bit 46 of a scale is not as the result's sign");
        return converted<D>(value + static_cast<float>((word >> 37) & 0x1ff), RoundMode::CAST_RINT, true);
    }
}

template <typename T, typename A, typename S> void check_scales(const char* name, const A& a, const S& scales) {
    using W = typename A::DType;
    static_assert(A::Loc == TileType::Acc && S::Loc == TileType::Scaling, "scaling: an accumulator and scales");
    static_assert(S::Rows == 1 && sizeof(typename S::DType) == 8, "scaling: scales are one row of 64-bit words");
    static_assert((S::Cols * 8) % 128 == 0, "scaling: the row is a multiple of 128 bytes");
    static_assert((sizeof(T) == 1 && (std::is_same_v<W, float> || std::is_same_v<W, int32_t>)) ||
                      (std::is_same_v<T, half> && std::is_same_v<W, int32_t>),
                  "scaling: f32 or i32 to 8 bits, or i32 to f16");
    extent_is(name, "the number of scales", scales.GetValidCol(), a.GetValidCol());
}

// d from (to_row, to_col) on = the window of a from (row, col) on, times the scales of its columns.
template <typename D, typename A, typename S>
void scale_window(const char* name, D& d, int64_t to_row, int64_t to_col, A& a, int64_t row, int64_t col, int64_t rows,
                  int64_t cols, S& scales) {
    check_scales<typename D::DType>(name, a, scales);
    const bool taken = row + rows <= a.GetValidRow() && col + cols <= a.GetValidCol();
    if (!taken || to_row + rows > D::Rows || to_col + cols > D::Cols)
        core().stop("valid-shape", name, "the window does not lie inside both tiles");
    Instruction instruction(name, PIPE_FIX);
    add_window(instruction, a, Mode::Read, 1, row, col, rows, cols);
    add_window(instruction, scales, Mode::Read, 2, 0, col, 1, cols);
    add_window(instruction, d, Mode::Write, 0, to_row, to_col, rows, cols);
    core().issue(instruction);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c)
            d.at(to_row + r, to_col + c) =
                scaled<typename D::DType>(name, float(a.at(row + r, col + c)), uint64_t(scales.at(0, col + c)));
}
}  // namespace standin

template <typename A, typename G, typename S> RecordEvent TSTORE_FP(G& g, A& a, S& scales) {
    using T = typename G::DType;
    standin::check_scales<T>("TSTORE_FP", a, scales);
    standin::extent_is("TSTORE_FP", "the number of rows in global memory", g.rows(), a.GetValidRow());
    standin::extent_is("TSTORE_FP", "the number of columns in global memory", g.cols(), a.GetValidCol());
    standin::Instruction instruction("TSTORE_FP", PIPE_FIX);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_tile(instruction, scales, standin::Mode::Read, 2);
    standin::add_global(instruction, g, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < a.GetValidRow(); ++r)
        for (int64_t c = 0; c < a.GetValidCol(); ++c)
            g.data()[g.offset(r, c)] = standin::scaled<T>("TSTORE_FP", float(a.at(r, c)), uint64_t(scales.at(0, c)));
    return {};
}
template <typename D, typename A, typename S> RecordEvent TMOV_FP(D& d, A& a, S& scales) {
    standin::same_valid("TMOV_FP", a, d.GetValidRow(), d.GetValidCol());
    standin::scale_window("TMOV_FP", d, 0, 0, a, 0, 0, d.GetValidRow(), d.GetValidCol(), scales);
    return {};
}
template <typename D, typename A, typename S>
RecordEvent TEXTRACT_FP(D& d, A& a, S& scales, uint16_t row, uint16_t col) {
    standin::scale_window("TEXTRACT_FP", d, 0, 0, a, row, col, d.GetValidRow(), d.GetValidCol(), scales);
    return {};
}
template <typename D, typename A, typename S>
RecordEvent TINSERT_FP(D& d, A& a, S& scales, uint16_t row, uint16_t col) {
    standin::scale_window("TINSERT_FP", d, row, col, a, 0, 0, a.GetValidRow(), a.GetValidCol(), scales);
    return {};
}

}  // namespace pto
