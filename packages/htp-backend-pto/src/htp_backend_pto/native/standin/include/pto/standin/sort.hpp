// Sorting, gathering and scattering within the core. Sorted lists are of 8-byte records: the value, then the index in
// the last 4 bytes (a 16-bit value is followed by 2 bytes of zero).
#pragma once
#include <algorithm>
#include <vector>

#include "operands.hpp"

namespace pto {

struct MrgSortExecutedNumList {
    uint16_t mrgSortList0 = 0, mrgSortList1 = 0, mrgSortList2 = 0, mrgSortList3 = 0;
};

namespace standin {

template <typename T> constexpr int64_t record = 8 / sizeof(T);

inline bool selected(MaskPattern pattern, int64_t index) {
    switch (pattern) {
        case MaskPattern::P0101:
            return index % 2 == 0;
        case MaskPattern::P1010:
            return index % 2 == 1;
        case MaskPattern::P0001:
            return index % 4 == 0;
        case MaskPattern::P0010:
            return index % 4 == 1;
        case MaskPattern::P0100:
            return index % 4 == 2;
        case MaskPattern::P1000:
            return index % 4 == 3;
        default:
            return true;
    }
}
inline int64_t count_selected(MaskPattern pattern, int64_t length) {
    int64_t count = 0;
    for (int64_t i = 0; i < length; ++i) count += selected(pattern, i);
    return count;
}

// Merges sorted lists of records, largest first, earlier lists first among equals. Gives how many records were taken
// from each list; with `exhausted` it ends when one list does.
template <typename T>
std::vector<int64_t> merge(std::vector<std::pair<const T*, int64_t>> lists, T* out, int64_t room, bool exhausted) {
    std::vector<int64_t> taken(lists.size(), 0);
    for (int64_t done = 0; done < room; ++done) {
        int64_t best = -1;
        for (size_t k = 0; k < lists.size(); ++k) {
            if (taken[k] == lists[k].second) continue;
            using W = Work<T>;
            if (best < 0 || W(lists[k].first[taken[k] * record<T>]) > W(lists[best].first[taken[best] * record<T>]))
                best = int64_t(k);
        }
        if (best < 0) break;
        std::copy_n(lists[best].first + taken[best] * record<T>, record<T>, out + done * record<T>);
        ++taken[best];
        if (exhausted && taken[best] == lists[best].second) break;
    }
    return taken;
}

template <typename D, typename S, typename... A>
void merge_lists(D& d, MrgSortExecutedNumList& executed, S& scratch, bool exhausted, A&... a) {
    using T = typename D::DType;
    announce_scratch("TMRGSORT", PIPE_V, d, scratch, a...);
    std::vector<std::vector<T>> copies{std::vector<T>(a.data(), a.data() + a.GetValidCol())...};
    std::vector<std::pair<const T*, int64_t>> lists;
    for (auto& copy : copies) lists.push_back({copy.data(), int64_t(copy.size()) / record<T>});
    std::vector<int64_t> taken = merge<T>(lists, d.data(), d.GetValidCol() / record<T>, exhausted);
    taken.resize(4, 0);
    executed = {uint16_t(taken[0]), uint16_t(taken[1]), uint16_t(taken[2]), uint16_t(taken[3])};
}

}  // namespace standin

// Sorts every 32 elements of a row, largest first, smaller index first among equals, into records.
template <typename D, typename A, typename I> RecordEvent TSORT32(D& d, A& a, I& index) {
    using T = typename A::DType;
    static_assert(std::is_same_v<typename D::DType, T> && sizeof(typename I::DType) == 4, "TSORT32: types");
    standin::same_valid("TSORT32", index, a.GetValidRow(), a.GetValidCol());
    const int64_t cols = a.GetValidCol();
    standin::Instruction instruction("TSORT32", PIPE_V);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_tile(instruction, index, standin::Mode::Read, 2);
    standin::add_window(instruction, d, standin::Mode::Write, 0, 0, 0, a.GetValidRow(), cols * standin::record<T>);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < a.GetValidRow(); ++r)
        for (int64_t first = 0; first < cols; first += 32) {
            std::vector<std::pair<T, uint32_t>> block;
            for (int64_t c = first; c < std::min<int64_t>(first + 32, cols); ++c)
                block.push_back({a.at(r, c), uint32_t(index.at(r, c))});
            std::stable_sort(block.begin(), block.end(), [](auto& x, auto& y) {
                using W = standin::Work<T>;
                return W(x.first) > W(y.first) || (W(x.first) == W(y.first) && x.second < y.second);
            });
            for (size_t k = 0; k < block.size(); ++k) {
                T* place = &d.at(r, (first + int64_t(k)) * standin::record<T>);
                std::fill_n(place, standin::record<T>, T(0));
                place[0] = block[k].first;
                std::memcpy(reinterpret_cast<uint8_t*>(place) + 4, &block[k].second, 4);
            }
        }
    return {};
}
template <typename D, typename A, typename I, typename S> RecordEvent TSORT32(D& d, A& a, I& index, S& scratch) {
    standin::Instruction instruction("TSORT32", PIPE_V);
    standin::add_scratch(instruction, scratch, 3);
    standin::core().issue(instruction);
    return TSORT32(d, a, index);
}

// Merges every four sorted lists of `length` elements (records x elements of a record) that lie one after the other.
template <typename D, typename A> RecordEvent TMRGSORT(D& d, A& a, uint32_t length) {
    using T = typename D::DType;
    standin::announce("TMRGSORT", PIPE_V, d, a);
    std::vector<T> in(a.data(), a.data() + a.GetValidCol());
    for (uint32_t first = 0; first + 4 * length <= in.size(); first += 4 * length) {
        std::vector<std::pair<const T*, int64_t>> lists;
        for (uint32_t k = 0; k < 4; ++k)
            lists.push_back({&in[first + k * length], int64_t(length) / standin::record<T>});
        standin::merge<T>(lists, d.data() + first, 4 * int64_t(length) / standin::record<T>, false);
    }
    return {};
}
template <typename D, typename S, typename A, typename B, typename C, typename E, bool Exhausted>
RecordEvent TMRGSORT(D& d, MrgSortExecutedNumList& executed, S& scratch, A& a, B& b, C& c, E& e) {
    standin::merge_lists(d, executed, scratch, Exhausted, a, b, c, e);
    return {};
}
template <typename D, typename S, typename A, typename B, typename C, bool Exhausted>
RecordEvent TMRGSORT(D& d, MrgSortExecutedNumList& executed, S& scratch, A& a, B& b, C& c) {
    standin::merge_lists(d, executed, scratch, Exhausted, a, b, c);
    return {};
}
template <typename D, typename S, typename A, typename B, bool Exhausted>
RecordEvent TMRGSORT(D& d, MrgSortExecutedNumList& executed, S& scratch, A& a, B& b) {
    standin::merge_lists(d, executed, scratch, Exhausted, a, b);
    return {};
}

// d = a[index], the index counting the elements of a row by row. Outside: zero.
template <typename D, typename A, typename I, typename S> RecordEvent TGATHER(D& d, A& a, I& index, S& scratch) {
    static_assert(std::is_integral_v<typename I::DType>, "TGATHER: the index tile holds integers");
    standin::announce_scratch("TGATHER", PIPE_V, d, scratch, a, index);
    std::vector<typename D::DType> out;
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) {
            int64_t at = int64_t(index.at(r, c));
            out.push_back(at >= 0 && at < A::Numel ? typename D::DType(a.at(at / A::Cols, at % A::Cols))
                                                   : typename D::DType(0));
        }
    size_t next = 0;
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c) d.at(r, c) = out[next++];
    return {};
}

// d = the columns of a that the pattern selects, one row after the other.
template <typename D, typename A, MaskPattern Pattern, auto Axis = GatherAxis::GATHER_ROW>
RecordEvent TGATHER(D& d, A& a) {
    constexpr bool by_row = Axis == GatherAxis::GATHER_ROW;
    standin::announce("TGATHER", PIPE_V, d, a);
    int64_t next = 0;
    for (int64_t r = 0; r < a.GetValidRow(); ++r) {
        if (!by_row && !standin::selected(Pattern, r)) continue;
        for (int64_t c = 0; c < a.GetValidCol(); ++c) {
            if (by_row && !standin::selected(Pattern, c)) continue;
            auto value = standin::bits_as<typename D::DType>(a.at(r, c));
            if constexpr (by_row) d.data()[next++] = value;
            else d.at(next, c) = value;
        }
        if (!by_row) ++next;
    }
    return {};
}

// d = the 32-byte blocks of a at byte offsets, one offset for a block.
template <typename D, typename A, typename I> RecordEvent TGATHERB(D& d, A& a, I& offset) {
    constexpr int64_t block = 32 / sizeof(typename D::DType);
    const int64_t blocks = d.GetValidCol() / block;
    standin::Instruction instruction("TGATHERB", PIPE_V);
    standin::add_tile(instruction, a, standin::Mode::Read, 1);
    standin::add_window(instruction, offset, standin::Mode::Read, 2, 0, 0, d.GetValidRow(), blocks);
    standin::add_window(instruction, d, standin::Mode::Write, 0, 0, 0, d.GetValidRow(), blocks * block);
    standin::core().issue(instruction);
    const auto* from = reinterpret_cast<const uint8_t*>(a.data());
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t k = 0; k < blocks; ++k) {
            uint64_t at = uint32_t(offset.at(r, k));
            if (at + 32 <= A::Numel * sizeof(typename A::DType)) std::memcpy(&d.at(r, k * block), from + at, 32);
        }
    return {};
}

// d[index] = a, the index counting the elements of d as they lie in memory; later elements win.
template <typename D, typename A, typename I> RecordEvent TSCATTER(D& d, A& a, I& index) {
    standin::Instruction instruction("TSCATTER", PIPE_V);
    standin::add_tile(instruction, index, standin::Mode::Read, 2);
    standin::add_window(instruction, a, standin::Mode::Read, 1, 0, 0, index.GetValidRow(), index.GetValidCol());
    for (int64_t r = 0; r < index.GetValidRow(); ++r)
        for (int64_t c = 0; c < index.GetValidCol(); ++c)
            if (uint64_t(index.at(r, c)) >= uint64_t(D::Numel))
                standin::core().stop("index-range", "TSCATTER", "an index lies outside the destination");
    standin::add_tile(instruction, d, standin::Mode::Write, 0);
    standin::core().issue(instruction);
    for (int64_t r = 0; r < index.GetValidRow(); ++r)
        for (int64_t c = 0; c < index.GetValidCol(); ++c) d.data()[int64_t(index.at(r, c))] = a.at(r, c);
    return {};
}
// d = a spread to the places that the pattern selects, zero elsewhere.
template <MaskPattern Pattern, auto Axis = ScatterAxis::SCATTER_ROW, typename D, typename A>
RecordEvent TSCATTER(D& d, A& a) {
    constexpr bool by_row = Axis == ScatterAxis::SCATTER_ROW;
    standin::announce("TSCATTER", PIPE_V, d, a);
    int64_t row = 0;
    for (int64_t r = 0; r < d.GetValidRow(); ++r) {
        int64_t next = 0;
        bool whole = !by_row && standin::selected(Pattern, r);
        for (int64_t c = 0; c < d.GetValidCol(); ++c) {
            if constexpr (by_row) d.at(r, c) = standin::selected(Pattern, c) ? a.at(r, next++) : typename D::DType(0);
            else d.at(r, c) = whole ? a.at(row, c) : typename D::DType(0);
        }
        row += whole;
    }
    return {};
}

// Consecutive integers from `start`, up or down.
template <typename D, typename T, int Descending> RecordEvent TCI(D& d, T start) {
    static_assert(D::Rows == 1 && std::is_same_v<typename D::DType, T>, "TCI: one row of the start's type");
    standin::announce("TCI", PIPE_V, d);
    for (int64_t c = 0; c < d.GetValidCol(); ++c) d.at(0, c) = T(Descending ? start - T(c) : start + T(c));
    return {};
}

// Ones below (0) or above (1) the diagonal and on it, zeros elsewhere.
template <typename D, int Upper> RecordEvent TTRI(D& d, int diagonal) {
    standin::announce("TTRI", PIPE_V, d);
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t c = 0; c < d.GetValidCol(); ++c)
            d.at(r, c) = typename D::DType((Upper ? c >= r + diagonal : c <= r + diagonal) ? 1 : 0);
    return {};
}

}  // namespace pto
