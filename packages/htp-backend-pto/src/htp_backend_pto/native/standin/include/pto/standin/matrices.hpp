// Sizes and strides of a region and of the matrix that it is part of, by rows and columns; row major or column major.
// Interface facts: hw-native-sys/pto-isa@cd4a3d3, include/pto/common/pto_tile.hpp.
#pragma once
#include "globals.hpp"

namespace pto {

namespace standin {
constexpr int64_t area(int64_t rows, int64_t cols) {
    return rows == DYNAMIC || cols == DYNAMIC ? DYNAMIC : rows * cols;
}
}  // namespace standin

template <typename T, int64_t R = DYNAMIC, int64_t C = DYNAMIC, Layout L = Layout::ND>
struct TileShape2D : Shape<1, 1, 1, R, C> {
    static_assert(L == Layout::ND || L == Layout::DN, "TileShape2D: ND and DN only");
    TileShape2D() = default;
    TileShape2D(int64_t rows, int64_t cols) : Shape<1, 1, 1, R, C>(1, 1, 1, rows, cols) {}
};

template <typename T, int64_t R = DYNAMIC, int64_t C = DYNAMIC, Layout L = Layout::ND>
struct BaseShape2D : Stride<standin::area(R, C), standin::area(R, C), standin::area(R, C), C, 1> {
    static_assert(L == Layout::ND, "BaseShape2D: ND and DN only");
    using Steps = Stride<standin::area(R, C), standin::area(R, C), standin::area(R, C), C, 1>;
    BaseShape2D() = default;
    BaseShape2D(int64_t rows, int64_t cols) : Steps(rows * cols, rows * cols, rows * cols, cols, 1) {}
};
template <typename T, int64_t R, int64_t C> struct BaseShape2D<T, R, C, Layout::DN>
    : Stride<standin::area(R, C), standin::area(R, C), standin::area(R, C), 1, R> {
    using Steps = Stride<standin::area(R, C), standin::area(R, C), standin::area(R, C), 1, R>;
    BaseShape2D() = default;
    BaseShape2D(int64_t rows, int64_t cols) : Steps(rows * cols, rows * cols, rows * cols, 1, rows) {}
};

}  // namespace pto
