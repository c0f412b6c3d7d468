// Gathering from and scattering to global memory, by rows or by elements. The scalar unit reads the indices and starts
// the copies, so both count as its work.
#pragma once
#include <string>

#include "moves.hpp"

namespace pto {

namespace standin {

// Stops where a tile of places on an axis of `size` has another number; `line` is that of the kernel's file.
template <typename T> void check_within(const T& tile, int64_t size, int line) {
    for (int64_t r = 0; r < tile.GetValidRow(); ++r)
        for (int64_t c = 0; c < tile.GetValidCol(); ++c) {
            const int64_t place = int64_t(tile.at(r, c));
            if (place >= 0 && place < size) continue;
            // Negative indices have counted from the end already.
            const int64_t index = place < 0 ? place - size : place;
            const std::string text = "index " + std::to_string(index) + " is out of range for an axis of " +
                                     std::to_string(size) + " elements, line " + std::to_string(line);
            core().stop("index-range", "", text.c_str());
        }
}

template <typename G> int64_t elements(const G& g) {
    return g.GetShape(0) * g.GetShape(1) * g.GetShape(2) * g.GetShape(3) * g.GetShape(4);
}

// The place an index means, or -1 for none.
inline int64_t gathered(int64_t index, int64_t capacity, GatherOOB outside) {
    bool inside = index >= 0 && index < capacity;
    switch (outside) {
        case GatherOOB::Clamp:
            return index < 0 ? 0 : index < capacity ? index : capacity - 1;
        case GatherOOB::Wrap:
            return ((index % capacity) + capacity) % capacity;
        case GatherOOB::Zero:
            return inside ? index : -1;
        default:
            break;
    }
    if (!inside) core().stop("index-range", "MGATHER", "an index lies outside the region in global memory");
    return index;
}
inline int64_t scattered(int64_t index, int64_t capacity, ScatterOOB outside) {
    bool inside = index >= 0 && index < capacity;
    switch (outside) {
        case ScatterOOB::Clamp:
            return index < 0 ? 0 : index < capacity ? index : capacity - 1;
        case ScatterOOB::Wrap:
            return ((index % capacity) + capacity) % capacity;
        case ScatterOOB::Skip:
            return inside ? index : -1;
        default:
            break;
    }
    if (!inside) core().stop("index-range", "MSCATTER", "an index lies outside the region in global memory");
    return index;
}

// The element offset of position (row, col) of the tile: by rows the index picks a row, by elements an element.
template <Coalesce By, typename G, typename I, typename Place>
std::vector<int64_t> places(const G& g, const I& index, int64_t rows, int64_t cols, Place place) {
    std::vector<int64_t> offsets;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) {
            int64_t at = By == Coalesce::Elem ? place(int64_t(index.at(r, c)), elements(g))
                                              : place(int64_t(index.data()[r]), g.GetShape(3));
            if (at < 0) offsets.push_back(-1);
            else offsets.push_back(By == Coalesce::Elem ? at : at * g.GetStride(3) + c * g.GetStride(4));
        }
    return offsets;
}

template <typename G>
void add_places(Instruction& instruction, const G& g, const std::vector<int64_t>& offsets, Mode mode) {
    constexpr int64_t E = sizeof(typename G::DType);
    const uint64_t base = reinterpret_cast<uint64_t>(g.data());
    for (size_t i = 0; i < offsets.size();) {
        size_t end = i + 1;
        while (offsets[i] >= 0 && end < offsets.size() && offsets[end] == offsets[end - 1] + 1) ++end;
        if (offsets[i] >= 0) instruction.add({Space::Gm, mode, 3, base + offsets[i] * E, 1, 0, 1, 0, (end - i) * E});
        i = end;
    }
}

}  // namespace standin

template <Coalesce By, GatherOOB Outside, typename D, typename G, typename I>
RecordEvent MGATHER(D& d, G& g, I& index) {
    static_assert(std::is_integral_v<typename I::DType> && sizeof(typename D::DType) == sizeof(typename G::DType),
                  "MGATHER: types");
    auto place = [](int64_t at, int64_t capacity) { return standin::gathered(at, capacity, Outside); };
    const int64_t rows = d.GetValidRow(), cols = d.GetValidCol();
    standin::Instruction instruction("MGATHER", PIPE_S);
    standin::add_tile(instruction, index, standin::Mode::Read, 2);
    std::vector<int64_t> offsets = standin::places<By>(g, index, rows, cols, place);
    standin::add_places(instruction, g, offsets, standin::Mode::Read);
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) {
            int64_t at = offsets[r * cols + c];
            d.at(r, c) = at < 0 ? typename D::DType(0) : standin::bits_as<typename D::DType>(g.data()[at]);
        }
    return {};
}
template <Coalesce By, typename D, typename G, typename I> RecordEvent MGATHER(D& d, G& g, I& index) {
    return MGATHER<By, GatherOOB::Undefined>(d, g, index);
}
template <typename D, typename G, typename I> RecordEvent MGATHER(D& d, G& g, I& index) {
    return MGATHER<Coalesce::Elem, GatherOOB::Undefined>(d, g, index);
}

template <Coalesce By, ScatterAtomicOp Atomic, ScatterOOB Outside, ScatterConflict Conflict, typename G, typename A,
          typename I>
RecordEvent MSCATTER(G& g, A& a, I& index) {
    static_assert(std::is_integral_v<typename I::DType> && sizeof(typename A::DType) == sizeof(typename G::DType),
                  "MSCATTER: types");
    auto place = [](int64_t at, int64_t capacity) { return standin::scattered(at, capacity, Outside); };
    const int64_t rows = a.GetValidRow(), cols = a.GetValidCol();
    standin::Instruction instruction("MSCATTER", PIPE_S);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_tile(instruction, index, standin::Mode::Read, 2);
    std::vector<int64_t> offsets = standin::places<By>(g, index, rows, cols, place);
    standin::add_places(instruction, g, offsets,
                        Atomic == ScatterAtomicOp::None ? standin::Mode::Write : standin::Mode::Atomic);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) {
            int64_t at = offsets[r * cols + c];
            if (at < 0) continue;
            using W = standin::Work<typename G::DType>;
            auto& old = g.data()[at];
            const W x = old, y = standin::bits_as<typename G::DType>(a.at(r, c));
            if constexpr (Atomic == ScatterAtomicOp::Add) old = typename G::DType(x + y);
            else if constexpr (Atomic == ScatterAtomicOp::Max) old = typename G::DType(x > y ? x : y);
            else if constexpr (Atomic == ScatterAtomicOp::Min) old = typename G::DType(x < y ? x : y);
            else old = standin::bits_as<typename G::DType>(a.at(r, c));
        }
    return {};
}
template <Coalesce By, ScatterAtomicOp Atomic, ScatterOOB Outside, typename G, typename A, typename I>
RecordEvent MSCATTER(G& g, A& a, I& index) {
    return MSCATTER<By, Atomic, Outside, ScatterConflict::Default>(g, a, index);
}
template <Coalesce By, ScatterAtomicOp Atomic, typename G, typename A, typename I>
RecordEvent MSCATTER(G& g, A& a, I& index) {
    return MSCATTER<By, Atomic, ScatterOOB::Undefined, ScatterConflict::Default>(g, a, index);
}
template <Coalesce By, typename G, typename A, typename I> RecordEvent MSCATTER(G& g, A& a, I& index) {
    return MSCATTER<By, ScatterAtomicOp::None, ScatterOOB::Undefined, ScatterConflict::Default>(g, a, index);
}
template <typename G, typename A, typename I> RecordEvent MSCATTER(G& g, A& a, I& index) {
    return MSCATTER<Coalesce::Elem, ScatterAtomicOp::None, ScatterOOB::Undefined, ScatterConflict::Default>(g, a,
                                                                                                            index);
}

}  // namespace pto
