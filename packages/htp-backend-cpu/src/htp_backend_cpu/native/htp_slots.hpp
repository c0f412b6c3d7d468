// Numbers and tiles in the slots of a channel. Knows where the parts of a slot are; buffers are `htp_buffers.hpp`'s.
//
// A slot has the time of its token, its sizes, then its elements.
#pragma once
#include "htp_link.hpp"
#include "htp_task_table.hpp"

namespace htp {

/// The parts of a slot for R axes of T.
template <class T, int R> struct SlotOf {
    static constexpr bool owns = false;
    static constexpr i64 data = R ? (8 * (1 + R) + 63) & ~63ll : 8;
    static_assert(sizeof(T) <= 8, "a number has at most 8 bytes");

    /// The bytes of a slot for `count` elements.
    static i64 bytes(const Context& cx, i64 count) {
        return R ? (data + bytes_of<T>(cx, count) + 63) & ~63ll : 16;
    }
    /// Writes a token into a slot, unless it was computed there.
    template <class V> static void fill(char* slot, const V& token, const streams::Link&, const char*) {
        T* target = reinterpret_cast<T*>(slot + data);
        if constexpr (R == 0) *target = T(token);
        else if (token.data != target) copy_in(slot, token);
    }
    static auto token(const Context&, const streams::Link& link, const char*) {
        if constexpr (R == 0) return *reinterpret_cast<const T*>(link.in_hand() + data);
        else return tile(const_cast<char*>(link.in_hand()));
    }
    static i64 size(const char* slot, int axis) { return reinterpret_cast<const i64*>(slot)[1 + axis]; }
    /// A tile with these sizes that lies in the slot.
    template <class... D> static Region<T, R> place(char* slot, D... sizes) {
        static_assert(sizeof...(D) == R, "one size for each axis");
        i64 given[] = {i64(sizes)...};
        for (int axis = 0; axis < R; axis++) reinterpret_cast<i64*>(slot)[1 + axis] = given[axis];
        return tile(slot);
    }

private:
    static Region<T, R> tile(char* slot) {
        Region<T, R> result{reinterpret_cast<T*>(slot + data), {}, {}};
        i64 stride = 1;
        for (int axis = R - 1; axis >= 0; axis--) {
            result.dims[axis] = size(slot, axis), result.strides[axis] = stride;
            stride *= result.dims[axis];
        }
        return result;
    }
    template <class L> static void copy_in(char* slot, const Region<T, R, L>& token) {
        i64 dense = 1;
        bool contiguous = true;
        for (int axis = R - 1; axis >= 0; axis--) {
            reinterpret_cast<i64*>(slot)[1 + axis] = token.dim(axis);
            contiguous &= token.stride(axis) == dense || token.dim(axis) == 1;
            dense *= token.dim(axis);
        }
        T* target = reinterpret_cast<T*>(slot + data);
        if (contiguous) __builtin_memcpy(target, token.data, size_t(dense) * sizeof(T));
        else copy<0>(target, token, token.data);
    }
    template <int Axis, class L> static void copy(T*& target, const Region<T, R, L>& token, const T* from) {
        for (i64 i = 0; i < token.dim(Axis); i++, from += token.stride(Axis)) {
            if constexpr (Axis + 1 == R) *target++ = *from;
            else copy<Axis + 1>(target, token, from);
        }
    }
};

}  // namespace htp
