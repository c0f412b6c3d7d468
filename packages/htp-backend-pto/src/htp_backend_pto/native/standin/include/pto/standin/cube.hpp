// The cube unit: matrix products in L0C. f16, bf16 and f32 operands accumulate in f32, int8 in int32, along K from the
// first to the last; an accumulating product adds the finished sum to what was there.
#pragma once
#include <vector>

#include "operands.hpp"

namespace pto {

namespace standin {

template <typename C, typename A, typename B> void check_product(const char* name, const C& c, const A& a, const B& b) {
    using TA = typename A::DType;
    using TC = typename C::DType;
    static_assert(std::is_same_v<TA, typename B::DType>, "matmul: both operands have one type");
    static_assert(
        (std::is_same_v<TA, int8_t> && std::is_same_v<TC, int32_t>) || (is_floating<TA> && std::is_same_v<TC, float>),
        "matmul: int8 into int32, or f16, bf16, f32 into f32");
    static_assert(A::Loc == TileType::Left && B::Loc == TileType::Right && C::Loc == TileType::Acc,
                  "matmul: Acc, Left, Right");
    static_assert(A::Rows == C::Rows && A::Cols == B::Rows && B::Cols == C::Cols, "matmul: shapes do not fit");
    extent_is(name, "the number of rows of the right operand", b.GetValidRow(), a.GetValidCol());
    extent_is(name, "the number of rows of the result", c.GetValidRow(), a.GetValidRow());
    extent_is(name, "the number of columns of the result", c.GetValidCol(), b.GetValidCol());
    if (a.GetValidRow() > 4095 || a.GetValidCol() > 4095 || b.GetValidCol() > 4095)
        core().broken("matmul-4095", name, "m, k and n must be at most 4095");
}

// Dense copies make the inner loop plain; sums are the same.
template <typename W, typename T> std::vector<W> dense(const T& t) {
    std::vector<W> values(size_t(t.GetValidRow()) * t.GetValidCol());
    for (int64_t r = 0; r < t.GetValidRow(); ++r)
        for (int64_t c = 0; c < t.GetValidCol(); ++c) values[r * t.GetValidCol() + c] = W(t.at(r, c));
    return values;
}

template <typename C, typename Old, typename A, typename B, typename Bias>
void product(const char* name, C& c, Old* old, A& a, B& b, Bias* bias) {
    check_product(name, c, a, b);
    Instruction instruction(name, PIPE_M);
    add_tile(instruction, a, Mode::Read, 1);
    add_tile(instruction, b, Mode::Read, 2);
    if constexpr (!std::is_void_v<Bias>) add_window(instruction, *bias, Mode::Read, 3, 0, 0, 1, c.GetValidCol());
    if constexpr (!std::is_void_v<Old>) add_tile(instruction, *old, Mode::Read, 4);
    add_tile(instruction, c, Mode::Write, 0);
    core().issue(instruction);
    using W = typename C::DType;
    const int64_t M = a.GetValidRow(), K = a.GetValidCol(), N = b.GetValidCol();
    std::vector<W> left = dense<W>(a), right = dense<W>(b), sums(N);
    for (int64_t i = 0; i < M; ++i) {
        for (W& sum : sums) sum = 0;
        for (int64_t k = 0; k < K; ++k) {
            const W x = left[i * K + k];
            const W* row = &right[k * N];
            for (int64_t j = 0; j < N; ++j) sums[j] += x * row[j];
        }
        for (int64_t j = 0; j < N; ++j) {
            W sum = sums[j];
            if constexpr (!std::is_void_v<Bias>) sum += W(bias->at(0, j));
            if constexpr (!std::is_void_v<Old>) sum = old->at(i, j) + sum;
            c.at(i, j) = sum;
        }
    }
}

constexpr void* nothing = nullptr;

}  // namespace standin

#define HTP_PTO_PRODUCTS(NAME)                                                                           \
    template <AccPhase Phase = AccPhase::Unspecified, typename C, typename A, typename B>                \
    RecordEvent NAME(C& c, A& a, B& b) {                                                                 \
        standin::product(#NAME, c, standin::nothing, a, b, standin::nothing);                            \
        return {};                                                                                       \
    }                                                                                                    \
    template <AccPhase Phase = AccPhase::Unspecified, typename C, typename A, typename B>                \
    RecordEvent NAME##_ACC(C& c, C& old, A& a, B& b) {                                                   \
        standin::product(#NAME "_ACC", c, &old, a, b, standin::nothing);                                 \
        return {};                                                                                       \
    }                                                                                                    \
    template <AccPhase Phase = AccPhase::Unspecified, typename C, typename A, typename B, typename Bias> \
    RecordEvent NAME##_BIAS(C& c, A& a, B& b, Bias& bias) {                                              \
        static_assert(Bias::Loc == TileType::Bias && Bias::Rows == 1,                                    \
                      "matmul: the bias is one row in the bias table");                                  \
        standin::product(#NAME "_BIAS", c, standin::nothing, a, b, &bias);                               \
        return {};                                                                                       \
    }
HTP_PTO_PRODUCTS(TMATMUL)
HTP_PTO_PRODUCTS(TGEMV)
#undef HTP_PTO_PRODUCTS

}  // namespace pto
