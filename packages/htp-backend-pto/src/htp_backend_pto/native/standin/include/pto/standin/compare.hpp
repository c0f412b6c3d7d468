// Comparisons give packed masks, selections read them: bit c % 8 of byte c / 8 of a row stands for column c.
#pragma once
#include "operands.hpp"

namespace pto {

namespace standin {

template <typename T> bool compared(T a, T b, CmpMode mode) {
    switch (mode) {
        case CmpMode::NE:
            return a != b;
        case CmpMode::LT:
            return a < b;
        case CmpMode::LE:
            return a <= b;
        case CmpMode::GT:
            return a > b;
        case CmpMode::GE:
            return a >= b;
        default:
            return a == b;
    }
}

template <typename M> constexpr int64_t mask_bits = 8 * sizeof(typename M::DType);

// A mask has the rows of the data and one word for every 8 (or more) of its columns.
template <typename M> void check_mask(const char* name, const M& mask, int64_t rows, int64_t cols) {
    static_assert(std::is_integral_v<typename M::DType>, "masks are tiles of integers");
    extent_is(name, "the number of rows of the mask", mask.GetValidRow(), rows);
    int64_t words = (cols + mask_bits<M> - 1) / mask_bits<M>;
    if (mask.GetValidCol() < words) extent_is(name, "the number of columns of the mask", mask.GetValidCol(), words);
}

template <typename M>
void add_mask(Instruction& instruction, const M& mask, Mode mode, uint8_t operand, int64_t rows, int64_t cols) {
    add_window(instruction, mask, mode, operand, 0, 0, rows, (cols + mask_bits<M> - 1) / mask_bits<M>);
}

template <typename M> bool mask_bit(const M& mask, int64_t row, int64_t col) {
    return (uint64_t(mask.at(row, col / mask_bits<M>)) >> (col % mask_bits<M>)) & 1;
}

template <typename M, typename A, typename Second> void write_mask(M& d, A& a, CmpMode mode, Second second) {
    using W = Work<typename A::DType>;
    using Word = std::make_unsigned_t<typename M::DType>;
    const int64_t cols = a.GetValidCol();
    for (int64_t r = 0; r < a.GetValidRow(); ++r)
        for (int64_t first = 0; first < cols; first += mask_bits<M>) {
            Word word = 0;
            for (int64_t bit = 0; bit < mask_bits<M> && first + bit < cols; ++bit)
                if (compared(W(a.at(r, first + bit)), W(second(r, first + bit)), mode))
                    word = Word(word | Word(1) << bit);
            d.at(r, first / mask_bits<M>) = typename M::DType(word);
        }
}

// An operand of a selection. Columns up to a whole byte of flags may be padding, where nothing was written.
template <typename T> void add_choice(Instruction& instruction, const T& tile, uint8_t operand) {
    add_tile(instruction, tile, Mode::Read, operand);
    if (tile.GetValidCol() % 8 == 0) instruction.accesses.back().loose = 7 * sizeof(typename T::DType);
}

}  // namespace standin

template <typename M, typename A, typename B> RecordEvent TCMP(M& d, A& a, B& b, CmpMode mode) {
    standin::same_valid("TCMP", b, a.GetValidRow(), a.GetValidCol());
    standin::check_mask("TCMP", d, a.GetValidRow(), a.GetValidCol());
    standin::Instruction instruction("TCMP", PIPE_V);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_tile(instruction, b, standin::Mode::Read, 2);
    standin::add_mask(instruction, d, standin::Mode::Write, 0, a.GetValidRow(), a.GetValidCol());
    standin::core().issue(instruction);
    standin::write_mask(d, a, mode, [&](int64_t r, int64_t c) { return b.at(r, c); });
    return {};
}

template <typename M, typename A> RecordEvent TCMPS(M& d, A& a, typename A::DType scalar, CmpMode mode) {
    standin::check_mask("TCMPS", d, a.GetValidRow(), a.GetValidCol());
    standin::Instruction instruction("TCMPS", PIPE_V);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_mask(instruction, d, standin::Mode::Write, 0, a.GetValidRow(), a.GetValidCol());
    standin::core().issue(instruction);
    standin::write_mask(d, a, mode, [&](int64_t, int64_t) { return scalar; });
    return {};
}

// d = mask ? a : b
template <typename D, typename M, typename A, typename B, typename S>
std::enable_if_t<is_tile_data_v<B> && is_tile_data_v<S>, RecordEvent> TSEL(D& d, M& mask, A& a, B& b, S& scratch) {
    standin::same_valid("TSEL", a, d.GetValidRow(), d.GetValidCol());
    standin::same_valid("TSEL", b, d.GetValidRow(), d.GetValidCol());
    standin::check_mask("TSEL", mask, d.GetValidRow(), d.GetValidCol());
    standin::Instruction instruction("TSEL", PIPE_V);
    standin::add_choice(instruction, a, 1);
    standin::add_choice(instruction, b, 2);
    standin::add_mask(instruction, mask, standin::Mode::Read, 3, d.GetValidRow(), d.GetValidCol());
    standin::add_scratch(instruction, scratch, 4);
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c)
            d.at(r, c) = standin::mask_bit(mask, r, c) ? a.at(r, c) : b.at(r, c);
    return {};
}

// d = mask ? a : scalar
template <typename D, typename M, typename A, typename S>
RecordEvent TSELS(D& d, M& mask, A& a, S& scratch, typename A::DType scalar) {
    standin::same_valid("TSELS", a, d.GetValidRow(), d.GetValidCol());
    standin::check_mask("TSELS", mask, d.GetValidRow(), d.GetValidCol());
    standin::Instruction instruction("TSELS", PIPE_V);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_mask(instruction, mask, standin::Mode::Read, 3, d.GetValidRow(), d.GetValidCol());
    standin::add_scratch(instruction, scratch, 4);
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c)
            d.at(r, c) = standin::mask_bit(mask, r, c) ? a.at(r, c) : typename D::DType(scalar);
    return {};
}

}  // namespace pto
