// Reductions along rows and columns, and their opposite: one value per row or per column spread over a tile.
// A reduction runs from the first element to the last, in f32 for 16-bit floating point.
#pragma once
#include "operands.hpp"

namespace pto {

namespace standin {

// The vector of a row reduction: one value per row, column major (or in the first column of wider rows).
template <typename V, typename A> void per_row(const char* name, const V& v, const A& a) {
    extent_is(name, "the number of rows of the vector", v.GetValidRow(), a.GetValidRow());
}
template <typename V, typename A> void per_column(const char* name, const V& v, const A& a) {
    extent_is(name, "the number of columns of the vector", v.GetValidCol(), a.GetValidCol());
}

template <typename V> void add_first_column(Instruction& instruction, const V& v, Mode mode, uint8_t operand) {
    add_window(instruction, v, mode, operand, 0, 0, v.GetValidRow(), 1);
}
template <typename V> void add_first_row(Instruction& instruction, const V& v, Mode mode, uint8_t operand) {
    add_window(instruction, v, mode, operand, 0, 0, 1, v.GetValidCol());
}

// d[r] = fold over c of a[r, c].
template <typename D, typename A, typename S, typename F>
void row_reduction(const char* name, D& d, A& a, S& scratch, F fold) {
    per_row(name, d, a);
    Instruction instruction(name, PIPE_V);
    add_tile(instruction, a, Mode::Read, 1);
    add_scratch(instruction, scratch, 2);
    add_first_column(instruction, d, Mode::Write, 0);
    core().issue(instruction);
    using W = Work<typename A::DType>;
    for (int64_t r = 0; r < a.GetValidRow(); ++r) {
        W value = a.at(r, 0);
        for (int64_t c = 1; c < a.GetValidCol(); ++c) value = fold(value, W(a.at(r, c)));
        d.at(r, 0) = typename D::DType(value);
    }
}

template <typename D, typename A, typename F> void column_values(D& d, A& a, F fold) {
    using W = Work<typename A::DType>;
    for (int64_t c = 0; c < a.GetValidCol(); ++c) {
        W value = a.at(0, c);
        for (int64_t r = 1; r < a.GetValidRow(); ++r) value = fold(value, W(a.at(r, c)));
        d.at(0, c) = typename D::DType(value);
    }
}

// d[c] = fold over r of a[r, c].
template <typename D, typename A, typename F> void column_reduction(const char* name, D& d, A& a, F fold) {
    per_column(name, d, a);
    Instruction instruction(name, PIPE_V);
    add_tile(instruction, a, Mode::Read, 1);
    add_first_row(instruction, d, Mode::Write, 0);
    core().issue(instruction);
    column_values(d, a, fold);
}

// The position of the first best element of every row (or column), and its value where it is wanted.
template <bool ByRow, typename V, typename I, typename A, typename S, typename Better>
void best_position(const char* name, V* values, I& d, A& a, S& scratch, Better better) {
    Instruction instruction(name, PIPE_V);
    add_tile(instruction, a, Mode::Read, 1);
    add_scratch(instruction, scratch, 2);
    auto result = [&](const auto& tile, uint8_t operand) {
        if constexpr (ByRow) per_row(name, tile, a), add_first_column(instruction, tile, Mode::Write, operand);
        else per_column(name, tile, a), add_first_row(instruction, tile, Mode::Write, operand);
    };
    result(d, 0);
    if constexpr (!std::is_same_v<V, void>)
        if (values != nullptr) result(*values, 3);
    core().issue(instruction);
    using W = Work<typename A::DType>;
    const int64_t lines = ByRow ? a.GetValidRow() : a.GetValidCol(), length = ByRow ? a.GetValidCol() : a.GetValidRow();
    for (int64_t line = 0; line < lines; ++line) {
        auto element = [&](int64_t k) { return W(ByRow ? a.at(line, k) : a.at(k, line)); };
        int64_t best = 0;
        for (int64_t k = 1; k < length; ++k)
            if (better(element(k), element(best))) best = k;
        (ByRow ? d.at(line, 0) : d.at(0, line)) = typename I::DType(best);
        if constexpr (!std::is_same_v<V, void>)
            if (values != nullptr)
                (ByRow ? values->at(line, 0) : values->at(0, line)) = typename V::DType(element(best));
    }
}

struct Greater {
    template <typename T> bool operator()(T a, T b) const { return a > b; }
};
struct Less {
    template <typename T> bool operator()(T a, T b) const { return a < b; }
};

// d[r, c] = f(a[r, c], v[r]), or v[c] for columns.
template <bool ByRow, typename D, typename A, typename V, typename F>
void expansion(const char* name, D& d, A& a, V& v, F f) {
    same_valid(name, a, d.GetValidRow(), d.GetValidCol());
    Instruction instruction(name, PIPE_V);
    add_tile(instruction, a, Mode::Read, 1);
    if constexpr (ByRow) per_row(name, v, d), add_first_column(instruction, v, Mode::Read, 2);
    else per_column(name, v, d), add_first_row(instruction, v, Mode::Read, 2);
    add_tile(instruction, d, Mode::Write, 0);
    core().issue(instruction);
    using W = Work<typename A::DType>;
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c)
            d.at(r, c) = typename D::DType(f(W(a.at(r, c)), W(ByRow ? v.at(r, 0) : v.at(0, c))));
}

}  // namespace standin

#define HTP_PTO_ROW_REDUCTION(NAME, EXPR)                                                               \
    template <typename D, typename A, typename S> RecordEvent NAME(D& d, A& a, S& scratch) {            \
        standin::row_reduction(#NAME, d, a, scratch, [](auto x, auto y) { return decltype(x)(EXPR); }); \
        return {};                                                                                      \
    }
HTP_PTO_ROW_REDUCTION(TROWSUM, x + y)
HTP_PTO_ROW_REDUCTION(TROWPROD, (x * y))
HTP_PTO_ROW_REDUCTION(TROWMAX, x > y ? x : y)
HTP_PTO_ROW_REDUCTION(TROWMIN, x < y ? x : y)
#undef HTP_PTO_ROW_REDUCTION

#define HTP_PTO_COLUMN_REDUCTION(NAME, EXPR)                                                      \
    template <typename D, typename A> RecordEvent NAME(D& d, A& a) {                              \
        standin::column_reduction(#NAME, d, a, [](auto x, auto y) { return decltype(x)(EXPR); }); \
        return {};                                                                                \
    }
HTP_PTO_COLUMN_REDUCTION(TCOLSUM, x + y)
HTP_PTO_COLUMN_REDUCTION(TCOLPROD, (x * y))
HTP_PTO_COLUMN_REDUCTION(TCOLMAX, x > y ? x : y)
HTP_PTO_COLUMN_REDUCTION(TCOLMIN, x < y ? x : y)
#undef HTP_PTO_COLUMN_REDUCTION

// The form with a scratch tile adds in pairs on the NPU; here, as always, from the first row to the last.
template <typename D, typename A, typename S> RecordEvent TCOLSUM(D& d, A& a, S& scratch, bool /*pairs*/) {
    standin::per_column("TCOLSUM", d, a);
    standin::Instruction instruction("TCOLSUM", PIPE_V);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_scratch(instruction, scratch, 2);
    standin::add_first_row(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    standin::column_values(d, a, [](auto x, auto y) { return decltype(x)(x + y); });
    return {};
}

#define HTP_PTO_POSITION(NAME, BY_ROW, BETTER)                                                                      \
    template <typename I, typename A, typename S> RecordEvent NAME(I& d, A& a, S& scratch) {                        \
        standin::best_position<BY_ROW>(#NAME, static_cast<I*>(nullptr), d, a, scratch, standin::BETTER{});          \
        return {};                                                                                                  \
    }                                                                                                               \
    template <typename V, typename I, typename A, typename S> RecordEvent NAME(V& values, I& d, A& a, S& scratch) { \
        standin::best_position<BY_ROW>(#NAME, &values, d, a, scratch, standin::BETTER{});                           \
        return {};                                                                                                  \
    }
HTP_PTO_POSITION(TROWARGMAX, true, Greater)
HTP_PTO_POSITION(TROWARGMIN, true, Less)
HTP_PTO_POSITION(TCOLARGMAX, false, Greater)
HTP_PTO_POSITION(TCOLARGMIN, false, Less)
#undef HTP_PTO_POSITION

#define HTP_PTO_EXPANSION(NAME, BY_ROW, EXPR)                                                              \
    template <auto Precision = 0, typename D, typename A, typename V> RecordEvent NAME(D& d, A& a, V& v) { \
        standin::expansion<BY_ROW>(#NAME, d, a, v, [](auto x, auto y) { return decltype(x)(EXPR); });      \
        return {};                                                                                         \
    }                                                                                                      \
    template <auto Precision = 0, typename D, typename A, typename V, typename S>                          \
    RecordEvent NAME(D& d, A& a, V& v, S& scratch) {                                                       \
        standin::take_scratch(#NAME, scratch);                                                             \
        return NAME(d, a, v);                                                                              \
    }
namespace standin {
// A scratch tile beside operands announced elsewhere.
template <typename S> void take_scratch(const char* name, S& scratch) {
    Instruction instruction(name, PIPE_V);
    add_scratch(instruction, scratch, 9);
    core().issue(instruction);
}
}  // namespace standin
HTP_PTO_EXPANSION(TROWEXPANDADD, true, x + y)
HTP_PTO_EXPANSION(TROWEXPANDSUB, true, x - y)
HTP_PTO_EXPANSION(TROWEXPANDMUL, true, (x * y))
HTP_PTO_EXPANSION(TROWEXPANDDIV, true, x / y)
HTP_PTO_EXPANSION(TROWEXPANDMAX, true, x > y ? x : y)
HTP_PTO_EXPANSION(TROWEXPANDMIN, true, x < y ? x : y)
HTP_PTO_EXPANSION(TROWEXPANDEXPDIF, true, std::exp(x - y))
HTP_PTO_EXPANSION(TCOLEXPANDADD, false, x + y)
HTP_PTO_EXPANSION(TCOLEXPANDSUB, false, x - y)
HTP_PTO_EXPANSION(TCOLEXPANDMUL, false, (x * y))
HTP_PTO_EXPANSION(TCOLEXPANDDIV, false, x / y)
HTP_PTO_EXPANSION(TCOLEXPANDMAX, false, x > y ? x : y)
HTP_PTO_EXPANSION(TCOLEXPANDMIN, false, x < y ? x : y)
HTP_PTO_EXPANSION(TCOLEXPANDEXPDIF, false, std::exp(x - y))
#undef HTP_PTO_EXPANSION

// d[r, c] = a[r, 0]
template <typename D, typename A> RecordEvent TROWEXPAND(D& d, A& a) {
    standin::per_row("TROWEXPAND", a, d);
    standin::Instruction instruction("TROWEXPAND", PIPE_V);
    standin::add_first_column(instruction, a, standin::Mode::Read, 1);
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = d.GetValidCol() - 1; c >= 0; --c) d.at(r, c) = a.at(r, 0);
    return {};
}

// d[r, c] = a[0, c]
template <typename D, typename A> RecordEvent TCOLEXPAND(D& d, A& a) {
    standin::per_column("TCOLEXPAND", a, d);
    standin::Instruction instruction("TCOLEXPAND", PIPE_V);
    standin::add_first_row(instruction, a, standin::Mode::Read, 1);
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = d.GetValidRow() - 1; r >= 0; --r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) d.at(r, c) = a.at(0, c);
    return {};
}

// The sums of neighbouring columns, then zeros: d[r, c] = a[r, 2c] + a[r, 2c + 1] in the first half.
template <typename D, typename A> RecordEvent TPAIRREDUCESUM(D& d, A& a) {
    standin::extent_is("TPAIRREDUCESUM", "the number of rows of the result", d.GetValidRow(), a.GetValidRow());
    standin::announce("TPAIRREDUCESUM", PIPE_V, d, a);
    using W = standin::Work<typename A::DType>;
    const int64_t cols = a.GetValidCol();
    for (int64_t r = 0; r < d.GetValidRow(); ++r) {
        auto at = [&](int64_t c) { return c < cols ? W(a.at(r, c)) : W(0); };
        for (int64_t c = 0; c < d.GetValidCol(); ++c) d.at(r, c) = typename D::DType(at(2 * c) + at(2 * c + 1));
    }
    return {};
}

}  // namespace pto
