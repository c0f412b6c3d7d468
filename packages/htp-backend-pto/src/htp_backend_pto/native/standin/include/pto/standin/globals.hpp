// Views of global memory: up to five dimensions, each size and stride static or dynamic (-1).
// Interface facts: hw-native-sys/pto-isa@cd4a3d3, include/pto/common/pto_tile.hpp.
#pragma once
#include <type_traits>

#include "core.hpp"
#include "tiles.hpp"

namespace pto {

namespace standin {

// Five numbers of which those spelled -1 are given to the constructor, in order (or all five, then the others are
// ignored).
template <int64_t... N> struct Five {
    static constexpr int64_t fixed[5] = {N...};
    static constexpr int dynamic = ((N == DYNAMIC ? 1 : 0) + ...);
    int64_t values[5] = {(N == DYNAMIC ? 1 : N)...};

    Five() = default;
    template <typename... Sizes,
              typename = std::enable_if_t<(sizeof...(Sizes) > 0) && (std::is_convertible_v<Sizes, int64_t> && ...)>>
    explicit Five(Sizes... sizes) {
        static_assert(sizeof...(Sizes) == 5 || sizeof...(Sizes) == dynamic,
                      "give all five numbers, or the dynamic ones");
        int64_t given[] = {int64_t(sizes)...};
        int next = 0;
        for (int i = 0; i < 5; ++i)
            if (fixed[i] == DYNAMIC) values[i] = given[sizeof...(Sizes) == 5 ? i : next++];
    }
};

}  // namespace standin

template <int64_t N1 = DYNAMIC, int64_t N2 = DYNAMIC, int64_t N3 = DYNAMIC, int64_t N4 = DYNAMIC, int64_t N5 = DYNAMIC>
struct Shape : standin::Five<N1, N2, N3, N4, N5> {
    using standin::Five<N1, N2, N3, N4, N5>::Five;
};
template <int64_t N1 = DYNAMIC, int64_t N2 = DYNAMIC, int64_t N3 = DYNAMIC, int64_t N4 = DYNAMIC, int64_t N5 = DYNAMIC>
struct Stride : standin::Five<N1, N2, N3, N4, N5> {
    using standin::Five<N1, N2, N3, N4, N5>::Five;
};

template <typename Element_, typename Shape_, typename Stride_, Layout Layout_ = Layout::ND> struct GlobalTensor {
    using Shape = Shape_;
    using Stride = Stride_;
    using RawDType = std::remove_cv_t<Element_>;
    using DType = RawDType;
    static constexpr Layout layout = Layout_;

    GlobalTensor() = default;
    GlobalTensor(DType* data, const Shape& shape = Shape(), const Stride& stride = Stride())
        : data_(data), shape_(shape), stride_(stride) {}

    int64_t GetShape(int dim) const { return shape_.values[dim]; }
    int64_t GetStride(int dim) const { return stride_.values[dim]; }
    DType* data() const { return data_; }
    void SetAddr(DType* data) { data_ = data; }

    // Rows and columns of the region as a matrix.
    int64_t rows() const {
        if constexpr (layout == Layout::NZ) return GetShape(2) * GetShape(3);
        else if constexpr (layout == Layout::DN) return GetShape(3);
        else return GetShape(0) * GetShape(1) * GetShape(2) * GetShape(3);
    }
    int64_t cols() const {
        if constexpr (layout == Layout::NZ) return GetShape(0) * GetShape(1) * GetShape(4);
        else if constexpr (layout == Layout::DN) return GetShape(0) * GetShape(1) * GetShape(2) * GetShape(4);
        else return GetShape(4);
    }
    // Where element (row, col) of that matrix lies, in elements from data().
    int64_t offset(int64_t row, int64_t col) const {
        int64_t at[5];
        if constexpr (layout == Layout::NZ) {
            int64_t outer = col / GetShape(4);
            at[0] = outer / GetShape(1), at[1] = outer % GetShape(1);
            at[2] = row / GetShape(3), at[3] = row % GetShape(3), at[4] = col % GetShape(4);
        } else if constexpr (layout == Layout::DN) {
            at[3] = row, at[4] = col % GetShape(4), col /= GetShape(4);
            at[2] = col % GetShape(2), col /= GetShape(2), at[1] = col % GetShape(1), at[0] = col / GetShape(1);
        } else {
            at[4] = col, at[3] = row % GetShape(3), row /= GetShape(3);
            at[2] = row % GetShape(2), row /= GetShape(2), at[1] = row % GetShape(1), at[0] = row / GetShape(1);
        }
        int64_t sum = 0;
        for (int i = 0; i < 5; ++i) sum += at[i] * GetStride(i);
        return sum;
    }

private:
    DType* data_ = nullptr;
    Shape shape_;
    Stride stride_;
};

template <typename T> struct is_global : std::false_type {};
template <typename E, typename S, typename D, Layout L> struct is_global<GlobalTensor<E, S, D, L>> : std::true_type {};
template <typename T> inline constexpr bool is_global_data_v =
    is_global<std::remove_cv_t<std::remove_reference_t<T>>>::value;

namespace standin {

// The bytes of the region: one access for every run of outer indices that strides cannot describe.
template <typename G> void add_global(Instruction& instruction, const G& global, Mode mode, uint8_t operand) {
    constexpr uint64_t E = sizeof(typename G::DType);
    uint64_t base = reinterpret_cast<uint64_t>(global.data());
    instruction.extents.push_back({Space::Gm, mode, global.rows(), global.cols(), int64_t(E)});
    auto n = [&](int i) { return uint64_t(global.GetShape(i)); };
    auto s = [&](int i) { return uint64_t(global.GetStride(i)) * E; };
    int last = global.GetStride(4) == 1 ? 4 : (global.GetStride(3) == 1 ? 3 : -1);  // the contiguous axis
    int other = last == 4 ? 3 : 4;
    for (uint64_t i = 0; i < n(0); ++i)
        for (uint64_t j = 0; j < n(1); ++j) {
            uint64_t start = base + i * s(0) + j * s(1);
            if (last >= 0) {
                instruction.add({Space::Gm, mode, operand, start, n(2), s(2), n(other), s(other), n(last) * E});
                continue;
            }
            for (uint64_t k = 0; k < n(2); ++k)
                instruction.add({Space::Gm, mode, operand, start + k * s(2), n(3), s(3), n(4), s(4), E});
        }
}

}  // namespace standin

}  // namespace pto
