// Placing tiles, and moving them: global memory to and from the core, between on-chip memories, windows of tiles,
// transposition, padding.
#pragma once
#include "operands.hpp"

namespace pto {

namespace standin {

// The pipe that carries a copy from one on-chip memory to another.
constexpr pipe_t pipe_between(Space from, Space to) {
    if (from == Space::L0c) return PIPE_FIX;
    if (from == Space::L1) return to == Space::Fbuf ? PIPE_FIX : PIPE_MTE1;
    return to == Space::Ub ? PIPE_V : PIPE_MTE3;
}

template <bool Relu, typename D, typename A> typename D::DType moved(A value) {
    using W = Work<A>;
    W x = value;
    if constexpr (Relu) x = x > 0 ? x : W(0);
    return typename D::DType(x);
}

template <bool Relu, typename D, typename A> void copy_window(const char* name, D& d, int64_t to_row, int64_t to_col,
                                                              A& a, int64_t row, int64_t col, int64_t rows,
                                                              int64_t cols) {
    auto inside = [&](const char* what, int64_t end, int64_t limit) {
        if (end > limit) extent_is(name, what, end, limit);
    };
    inside("the last row of the window", row + rows, a.GetValidRow());
    inside("the last column of the window", col + cols, a.GetValidCol());
    if (to_row + rows > D::Rows || to_col + cols > D::Cols)
        core().stop("valid-shape", name, "the window does not lie inside the destination");
    Instruction instruction(name, pipe_between(A::space, D::space));
    add_window(instruction, a, Mode::Read, 1, row, col, rows, cols);
    add_window(instruction, d, Mode::Write, 0, to_row, to_col, rows, cols);
    core().issue(instruction);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) d.at(to_row + r, to_col + c) = moved<Relu, D>(a.at(row + r, col + c));
}

// Whether a row lies as densely in global memory as in the tile.
template <typename T, typename G> bool dense_rows(const G& g) {
    return T::isRowMajor && !T::isBoxedLayout && G::layout == Layout::ND && g.GetStride(4) == 1;
}

template <PadValue P, typename T> T pad_value() {
    if constexpr (static_cast<uint64_t>(P) >= static_cast<uint64_t>(PadValue::CustomBase)) {
        uint32_t bits = static_cast<uint32_t>(static_cast<uint64_t>(P));
        T value;
        std::memcpy(&value, &bits, sizeof(T));
        return value;
    }
    if (P == PadValue::Max) return infinity_or_max<T>();
    if (P == PadValue::Min) return minus_infinity_or_min<T>();
    return T(0);
}

template <typename D, typename A> void fill_pad(const char* name, D& d, A& a) {
    static_assert(D::PadVal != PadValue::Null, "TFILLPAD: the destination's type must name a pad value");
    same_valid(name, d, D::Rows, D::Cols);
    announce(name, PIPE_V, d, a);
    for (int64_t r = 0; r < D::Rows; ++r)
        for (int64_t c = 0; c < D::Cols; ++c)
            d.at(r, c) = r < a.GetValidRow() && c < a.GetValidCol() ? typename D::DType(a.at(r, c))
                                                                    : pad_value<D::PadVal, typename D::DType>();
}

}  // namespace standin

// A pad value of one's own, for the type of the tile: the bits of the number.
constexpr PadValue PadValueCustom(float value) {
    return static_cast<PadValue>(0x100000000ULL | __builtin_bit_cast(uint32_t, value));
}
template <typename T> constexpr std::enable_if_t<std::is_integral_v<T>, PadValue> PadValueCustom(T value) {
    return static_cast<PadValue>(0x100000000ULL | static_cast<std::make_unsigned_t<T>>(value));
}

template <typename T> void TASSIGN(T& object, uint64_t address) {
    if constexpr (is_global_data_v<T>) object.SetAddr(reinterpret_cast<typename T::DType*>(address));
    else object.place(address);
}
template <typename T> std::enable_if_t<is_global_data_v<T>> TASSIGN(T& object, typename T::DType* address) {
    object.SetAddr(address);
}
template <std::size_t Address, typename T> void TASSIGN(T& object) { object.place(Address); }

template <typename D, typename G> RecordEvent TLOAD(D& d, G& g) {
    static_assert(sizeof(typename D::DType) == sizeof(typename G::DType), "TLOAD: element sizes differ");
    static_assert(D::Loc == TileType::Vec || D::Loc == TileType::Mat, "TLOAD: only into Vec and Mat tiles");
    standin::extent_is("TLOAD", "the number of rows in global memory", g.rows(), d.GetValidRow());
    standin::extent_is("TLOAD", "the number of columns in global memory", g.cols(), d.GetValidCol());
    if (D::Loc == TileType::Vec && d.GetValidRow() > 4095)
        standin::core().broken("rows-4095", "TLOAD", "more than 4095 rows into a Vec tile");
    constexpr int64_t block = 32 / sizeof(typename D::DType);
    int64_t rows = d.GetValidRow(), cols = d.GetValidCol(), filled = cols;
    if constexpr (D::PadVal != PadValue::Null && D::isRowMajor && !D::isBoxedLayout)
        filled = (cols + block - 1) / block * block;
    standin::Instruction instruction("TLOAD", PIPE_MTE2);
    standin::add_global(instruction, g, standin::Mode::Read, 1);
    standin::add_window(instruction, d, standin::Mode::Write, 0, 0, 0, rows, filled);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < rows; ++r) {
        if (standin::dense_rows<D>(g))
            std::memcpy(&d.at(r, 0), &g.data()[g.offset(r, 0)], cols * sizeof(typename D::DType));
        else
            for (int64_t c = 0; c < cols; ++c)
                std::memcpy(&d.at(r, c), &g.data()[g.offset(r, c)], sizeof(typename D::DType));
        for (int64_t c = cols; c < filled; ++c) d.at(r, c) = standin::pad_value<D::PadVal, typename D::DType>();
    }
    return {};
}
template <typename D, typename G> RecordEvent TPREFETCH(D&, G&) { return {}; }

namespace standin {
template <bool Add, bool Relu, typename G, typename A> RecordEvent store(G& g, A& a) {
    extent_is("TSTORE", "the number of rows in global memory", g.rows(), a.GetValidRow());
    extent_is("TSTORE", "the number of columns in global memory", g.cols(), a.GetValidCol());
    Instruction instruction("TSTORE", A::Loc == TileType::Acc ? PIPE_FIX : PIPE_MTE3);
    add_tile(instruction, a, Mode::Read, 1);
    add_global(instruction, g, Add ? Mode::Atomic : Mode::Write, 0);
    core().issue(instruction);
    constexpr bool same = !Add && !Relu && std::is_same_v<typename A::DType, typename G::DType>;
    for (int64_t r = 0; r < a.GetValidRow(); ++r) {
        if (same && dense_rows<A>(g)) {
            std::memcpy(&g.data()[g.offset(r, 0)], &a.at(r, 0), a.GetValidCol() * sizeof(typename G::DType));
            continue;
        }
        for (int64_t c = 0; c < a.GetValidCol(); ++c) {
            auto& place = g.data()[g.offset(r, c)];
            auto value = moved<Relu, G>(a.at(r, c));
            if constexpr (Add)
                place = typename G::DType(Work<typename G::DType>(place) + Work<typename G::DType>(value));
            else place = value;
        }
    }
    return {};
}
}  // namespace standin

template <typename A, typename G> RecordEvent TSTORE(G& g, A& a) { return standin::store<false, false>(g, a); }
template <STPhase Phase, typename A, typename G> RecordEvent TSTORE(G& g, A& a) {
    return standin::store<false, false>(g, a);
}
template <typename A, typename G, AtomicType Atomic> RecordEvent TSTORE(G& g, A& a) {
    return standin::store < Atomic == AtomicType::AtomicAdd, false > (g, a);
}
template <typename A, typename G, AtomicType Atomic, ReluPreMode Relu> RecordEvent TSTORE(G& g, A& a) {
    return standin::store < Atomic == AtomicType::AtomicAdd, Relu == ReluPreMode::NormalRelu > (g, a);
}

template <typename D, typename A> RecordEvent TMOV(D& d, A& a) {
    standin::same_valid("TMOV", a, d.GetValidRow(), d.GetValidCol());
    standin::copy_window<false>("TMOV", d, 0, 0, a, 0, 0, d.GetValidRow(), d.GetValidCol());
    return {};
}
template <typename D, typename A, ReluPreMode Relu> RecordEvent TMOV(D& d, A& a) {
    standin::same_valid("TMOV", a, d.GetValidRow(), d.GetValidCol());
    standin::copy_window<Relu == ReluPreMode::NormalRelu>("TMOV", d, 0, 0, a, 0, 0, d.GetValidRow(), d.GetValidCol());
    return {};
}

// d = the window of a that begins at (row, col) and has d's valid shape.
template <typename D, typename A> RecordEvent TEXTRACT(D& d, A& a, uint32_t row = 0, uint32_t col = 0) {
    standin::copy_window<false>("TEXTRACT", d, 0, 0, a, row, col, d.GetValidRow(), d.GetValidCol());
    return {};
}
template <typename D, typename A, ReluPreMode Relu>
RecordEvent TEXTRACT(D& d, A& a, uint32_t row = 0, uint32_t col = 0) {
    standin::copy_window<Relu == ReluPreMode::NormalRelu>("TEXTRACT", d, 0, 0, a, row, col, d.GetValidRow(),
                                                          d.GetValidCol());
    return {};
}
template <typename D, typename A> RecordEvent TINSERT(D& d, A& a, uint32_t row = 0, uint32_t col = 0) {
    standin::copy_window<false>("TINSERT", d, row, col, a, 0, 0, a.GetValidRow(), a.GetValidCol());
    return {};
}

// The same bytes under another type. No instruction of any pipe.
template <typename D, typename A> RecordEvent TRESHAPE(D& d, A& a) {
    static_assert(D::Loc == A::Loc, "TRESHAPE: both tiles lie in one memory");
    static_assert(sizeof(typename D::DType) * D::Numel == sizeof(typename A::DType) * A::Numel,
                  "TRESHAPE: sizes in bytes differ");
    static_assert(D::isBoxedLayout == A::isBoxedLayout, "TRESHAPE: not between boxed and plain forms");
    d.place(a.address());
    return {};
}
template <typename D, typename A> RecordEvent TSUBVIEW(D& d, A& a, uint16_t row, uint16_t col) {
    static_assert(D::Loc == A::Loc, "TSUBVIEW: both tiles lie in one memory");
    d.place(a.address() + (row * A::RowStride + col * A::ColStride) * sizeof(typename A::DType));
    return {};
}

template <typename D, typename A, typename B> RecordEvent TCONCAT(D& d, A& a, B& b) {
    standin::extent_is("TCONCAT", "the number of columns of the result", d.GetValidCol(),
                       int64_t(a.GetValidCol()) + b.GetValidCol());
    standin::announce("TCONCAT", PIPE_V, d, a, b);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c)
            d.at(r, c) =
                c < a.GetValidCol() ? typename D::DType(a.at(r, c)) : typename D::DType(b.at(r, c - a.GetValidCol()));
    return {};
}

template <typename D, typename A, typename S> RecordEvent TTRANS(D& d, A& a, S& scratch) {
    standin::same_valid("TTRANS", d, a.GetValidCol(), a.GetValidRow());
    standin::announce_scratch("TTRANS", PIPE_V, d, scratch, a);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) d.at(r, c) = a.at(c, r);
    return {};
}

template <typename D, typename A> RecordEvent TFILLPAD(D& d, A& a) {
    static_assert(D::Rows == A::Rows && D::Cols == A::Cols, "TFILLPAD: both tiles have one shape");
    standin::fill_pad("TFILLPAD", d, a);
    return {};
}
template <typename D, typename A> RecordEvent TFILLPAD_INPLACE(D& d, A& a) {
    static_assert(D::Rows == A::Rows && D::Cols == A::Cols, "TFILLPAD_INPLACE: both tiles have one shape");
    if (d.address() != a.address())
        standin::core().broken("in-place", "TFILLPAD_INPLACE", "the two tiles lie at different addresses");
    standin::fill_pad("TFILLPAD_INPLACE", d, a);
    return {};
}
template <typename D, typename A> RecordEvent TFILLPAD_EXPAND(D& d, A& a) {
    static_assert(D::Rows >= A::Rows && D::Cols >= A::Cols, "TFILLPAD_EXPAND: the destination is the larger tile");
    standin::fill_pad("TFILLPAD_EXPAND", d, a);
    return {};
}

}  // namespace pto
