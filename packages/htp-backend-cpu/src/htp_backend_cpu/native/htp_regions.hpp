// Regions: arrays with dims and strides, the pieces of them that statements name, and the row and block operations on them.
// Knows nothing of who owns the memory, nor of what is computed with it.
#pragma once
#include "htp.hpp"

namespace htp {

struct Unit {};     // the last axis is contiguous
struct Strided {};  // nothing is known of the strides

/// Lanes along an axis that is not contiguous.
template <class T> struct Line { T* data; i64 stride; };

template <class T, int R, class Layout = Unit> struct Region {
    T* data;
    i64 dims[R ? R : 1];
    i64 strides[R ? R : 1];

    HTP_INLINE i64 dim(int axis) const { return dims[axis]; }
    HTP_INLINE i64 stride(int axis) const { return same<Layout, Unit> && axis == R - 1 ? 1 : strides[axis]; }
    template <class... I> HTP_INLINE T* at(I... index) const {
        static_assert(sizeof...(I) == R, "one index for each axis");
        i64 offset = 0;
        int axis = 0;
        ((offset += i64(index) * stride(axis++)), ...);
        return data + offset;
    }
    template <class... I> HTP_INLINE T& operator()(I... index) const { return *at(index...); }
};

/// Contiguous memory in row-major order as a region with these dims.
template <class T, class... I> HTP_INLINE Region<T, int(sizeof...(I))> region(T* data, I... dims) {
    constexpr int rank = int(sizeof...(I));
    Region<T, rank> result{data, {i64(dims)...}, {}};
    i64 stride = 1;
    for (int axis = rank - 1; axis >= 0; axis--) {
        result.strides[axis] = stride;
        stride *= result.dims[axis];
    }
    return result;
}

/// A variable as a region without axes.
template <class T> HTP_INLINE Region<T, 0> only(const T& variable) { return region(const_cast<T*>(&variable)); }

// ---- lines: where lanes are loaded from and stored to ----
template <int Axis, class T, int R, class Layout, class... I> HTP_INLINE auto along(const Region<T, R, Layout>& a, I... index) {
    if constexpr (same<Layout, Unit> && Axis == R - 1) return a.at(index...);
    else return Line<T>{a.at(index...), a.stride(Axis)};
}
template <class T, int R, class Layout, class... I> HTP_INLINE auto row(const Region<T, R, Layout>& a, I... index) {
    return along<R - 1>(a, index...);
}
template <class T, class Lanes> HTP_INLINE auto load(Line<T> line, Lanes n) { return load(line.data, line.stride, n); }
template <class T, class V, class Lanes> HTP_INLINE void store(Line<T> line, V value, Lanes n) { store(line.data, line.stride, value, n); }
template <class T, class V, class Lanes> HTP_INLINE auto gather(Line<T> line, V index, Lanes n) { return gather(line.data, line.stride, index, n); }
template <class T, class V, class Lanes> HTP_INLINE auto gather(T* line, V index, Lanes n) { return gather(line, i64(1), index, n); }
template <class T, class I, class V, class Lanes> HTP_INLINE void scatter(Line<T> line, I index, V value, Lanes n) { scatter(line.data, line.stride, index, value, n); }
template <class T, class I, class V, class Lanes> HTP_INLINE void scatter(T* line, I index, V value, Lanes n) { scatter(line, i64(1), index, value, n); }

// ---- blocks: `a[i, lo:hi, :]`; slices clip at the edges as in Python ----
struct Span { i64 start, stop; };
inline constexpr i64 to_the_end = i64(~u64(0) >> 1);
inline constexpr Span whole{0, to_the_end};
HTP_INLINE Span span(i64 start, i64 stop = to_the_end) { return Span{start, stop}; }

/// Where a bound of a Python slice falls on an axis of `extent` elements.
HTP_INLINE i64 clip_index(i64 index, i64 extent) {
    index = index < 0 ? index + extent : index;
    return index < 0 ? 0 : index > extent ? extent : index;
}

template <class P> inline constexpr bool is_span = same<P, Span>;

template <class T, int R, class Layout, class... P> HTP_INLINE auto cut(const Region<T, R, Layout>& a, P... pieces) {
    static_assert(sizeof...(P) == R, "one piece for each axis");
    constexpr int kept = (0 + ... + int(is_span<P>));
    constexpr bool ends = (false, ..., is_span<P>);
    Region<T, kept, choose<ends && same<Layout, Unit>, Unit, Strided>> result{a.data, {}, {}};
    int from = 0, to = 0;
    auto take = [&](auto piece) HTP_LAMBDA {
        if constexpr (is_span<decltype(piece)>) {
            i64 start = clip_index(piece.start, a.dim(from)), stop = clip_index(piece.stop, a.dim(from));
            result.data += start * a.stride(from);
            result.dims[to] = stop > start ? stop - start : 0;
            result.strides[to++] = a.stride(from);
        } else {
            result.data += i64(piece) * a.stride(from);
        }
        from++;
    };
    (take(pieces), ...);
    return result;
}

// ---- row and block operations ----
template <class C, class LC, class A, class LA, class B>
HTP_INLINE void mma(const Region<C, 2, LC>& acc, const Region<A, 2, LA>& a, const Region<B, 2, Unit>& b, bool zero) {
    static_assert(same<LC, Unit>, "the rows of an accumulator are contiguous");
    mma(acc.data, acc.stride(0), acc.dim(0), acc.dim(1), a.data, a.stride(0), a.stride(1), b.data, b.stride(0), a.dim(1), zero);
}
template <class T, class LT, class LS> HTP_INLINE void transpose_block(const Region<T, 2, LT>& target, const Region<T, 2, LS>& source) {
    if constexpr (same<LT, Unit> && same<LS, Unit>) {
        transpose_block(target.data, target.stride(0), source.data, source.stride(0), source.dim(0), source.dim(1));
    } else {
        for (i64 i = 0; i < source.dim(0); ++i)
            for (i64 j = 0; j < source.dim(1); ++j) target(j, i) = source(i, j);
    }
}
template <class T, class L> HTP_INLINE void sort_row(const Region<T, 1, L>& line, bool descending) {
    sort_row(line.data, line.stride(0), line.dim(0), descending);
}
template <class I, class LI, class T, class LS>
HTP_INLINE void argsort_row(const Region<I, 1, LI>& indices, const Region<T, 1, LS>& source, bool descending) {
    argsort_row(indices.data, indices.stride(0), source.data, source.stride(0), source.dim(0), descending);
}
template <class T, class LV, class I, class LI, class LS>
HTP_INLINE void topk_row(const Region<T, 1, LV>& values, const Region<I, 1, LI>& indices, const Region<T, 1, LS>& source) {
    topk_row(values.data, values.stride(0), indices.data, indices.stride(0), values.dim(0), source.data, source.stride(0), source.dim(0));
}
template <class T, class L> HTP_INLINE i64 argmax_row(const Region<T, 1, L>& line) { return argmax_row(line.data, line.stride(0), line.dim(0)); }
template <class T, class L> HTP_INLINE i64 argmin_row(const Region<T, 1, L>& line) { return argmin_row(line.data, line.stride(0), line.dim(0)); }

// ---- parallel loops over ranges ----
struct Range {
    i64 start, stop, step;
    HTP_INLINE i64 count() const {
        i64 length = step > 0 ? stop - start + step - 1 : start - stop - step - 1;
        return length <= 0 ? 0 : length / (step > 0 ? step : -step);
    }
    HTP_INLINE i64 operator[](i64 index) const { return start + index * step; }
};
HTP_INLINE Range range(i64 stop) { return Range{0, stop, 1}; }
HTP_INLINE Range range(i64 start, i64 stop, i64 step = 1) { return Range{start, stop, step}; }

template <class Body> HTP_INLINE void parallel(const Context& ctx, Range i, Body body) {
    parallel(ctx, i.count(), [=](i64 at) HTP_LAMBDA { body(i[at]); });
}
template <class Body> HTP_INLINE void parallel(const Context& ctx, Range i, Range j, Body body) {
    const i64 width = j.count();
    parallel(ctx, i.count() * width, [=](i64 at) HTP_LAMBDA { body(i[at / width], j[at % width]); });
}
template <class Body> HTP_INLINE void parallel(const Context& ctx, Range i, Range j, Range k, Body body) {
    const i64 width = j.count(), depth = k.count();
    parallel(ctx, i.count() * width * depth, [=](i64 at) HTP_LAMBDA { body(i[at / depth / width], j[at / depth % width], k[at % depth]); });
}

// ---- buffers and printing ----
/// Memory of constant size in the frame of a function.
template <class T, i64 Count> struct Stack { alignas(64) T data[Count ? Count : 1]; };

template <class T, int R, class Layout> inline void print_one(const Context& ctx, const Region<T, R, Layout>& a) {
    i64 strides[R ? R : 1];
    for (int axis = 0; axis < R; axis++) strides[axis] = a.stride(axis);
    ctx.runtime->print_value(dtype_name<T>, a.data, R, a.dims, strides);
}

}  // namespace htp
