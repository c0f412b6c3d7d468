// Lane counts, strips, and every way between memory and Vec: full, partial, strided, indexed.
// Knows nothing of bounds: a partial access touches exactly its first n elements.
#pragma once
#include "htp_machine.hpp"

namespace htp {

// ---- lane counts ----
/// All N lanes; the count is part of the type, so that the whole-strip loop body has no masks.
template <int N> struct Full {
    static constexpr int width = N;
    HTP_INLINE constexpr operator i64() const { return N; }
};
/// The first n of N lanes.
template <int N> struct Part {
    static constexpr int width = N;
    i64 n;
    HTP_INLINE constexpr operator i64() const { return n; }
};

/// body(j, Full<N>) for every whole strip of [start, stop), then body(j, Part<N>) once for a rest.
template <int N, class F> HTP_INLINE void strips(i64 start, i64 stop, F body) {
    i64 j = start;
    for (; j + N <= stop; j += N) body(j, Full<N>{});
    if (j < stop) body(j, Part<N>{stop - j});
}

// ---- making vectors ----
template <class T, int N> HTP_INLINE Vec<T, N> splat(T x) { return Vec<T, N>(x); }
template <class T, int N> struct Ramp {
    T lane[N];
    constexpr Ramp() : lane() {
        for (int i = 0; i < N; i++) lane[i] = T(i);
    }
};
template <class T, int N> inline constexpr Ramp<T, N> ramp{};

/// start, start + 1, …, start + N - 1 (integers wrap; narrow floats round).
template <class T, int N> HTP_INLINE Vec<T, N> iota(i64 start) {
    if constexpr (is_small<T>) {
        return narrow<T>(iota<f32, N>(start));
    } else if constexpr (kind_of<T, N> == Kind::wide) {
        return Vec<T, N>(iota<T, N / 2>(start), iota<T, N / 2>(start + N / 2));
    } else {
        Vec<T, N> r;
        __builtin_memcpy(&r, ramp<T, N>.lane, sizeof(r));
        return r + Vec<T, N>(T(start));
    }
}

/// The first n of N lanes as a mask of lanes as wide as T.
template <class T, int N> HTP_INLINE Mask<sizeof(T), N> lane_mask(i64 n) {
    using I = sint<sizeof(T)>;
    static_assert(N <= 64, "");
    return iota<I, N>(0) < Vec<I, N>(I(n));
}

// ---- contiguous ----
template <class T, int N> HTP_INLINE Vec<T, N> load(const T* p, Full<N>) {
    // Register by register: GCC copies larger structs through memory.
    if constexpr (kind_of<T, N> == Kind::wide) return Vec<T, N>(load(p, Full<N / 2>{}), load(p + N / 2, Full<N / 2>{}));
    Vec<T, N> r;
    __builtin_memcpy(&r, p, sizeof(r));
    return r;
}
template <class T, int N> HTP_INLINE Vec<T, N> load(const T* p, Part<N> lanes) {
    constexpr Kind kind = kind_of<T, N>;
    if constexpr (kind == Kind::wide) {
        return Vec<T, N>(load(p, Part<N / 2>{lanes.n}), load(p + N / 2, Part<N / 2>{lanes.n - N / 2}));
    } else if constexpr (kind == Kind::native && masked_memory<T, N>) {
        return Vec<T, N>::of(load_first<T, N>(p, lanes.n));
    } else if constexpr (kind == Kind::small || kind == Kind::boolean) {
        using Storage = uint<sizeof(T)>;
        return Vec<T, N>::of(load((const Storage*)(const void*)p, lanes));
    } else {
        T lane[N] = {};
        for (i64 i = 0; i < lanes.n && i < N; i++) lane[i] = p[i];
        return load(lane, Full<N>{});
    }
}
template <class T, int N> HTP_INLINE void store(T* p, Vec<T, N> x, Full<N>) {
    if constexpr (kind_of<T, N> == Kind::wide) {
        store(p, x.lo, Full<N / 2>{});
        store(p + N / 2, x.hi, Full<N / 2>{});
    } else {
        __builtin_memcpy(p, &x, sizeof(x));
    }
}
template <class T, int N> HTP_INLINE void store(T* p, Vec<T, N> x, Part<N> lanes) {
    constexpr Kind kind = kind_of<T, N>;
    if constexpr (kind == Kind::wide) {
        store(p, x.lo, Part<N / 2>{lanes.n});
        store(p + N / 2, x.hi, Part<N / 2>{lanes.n - N / 2});
    } else if constexpr (kind == Kind::native && masked_memory<T, N>) {
        store_first<T, N>(p, x.raw, lanes.n);
    } else if constexpr (kind == Kind::small || kind == Kind::boolean) {
        store((uint<sizeof(T)>*)(void*)p, x.bits, lanes);
    } else {
        T lane[N];
        store(lane, x, Full<N>{});
        for (i64 i = 0; i < lanes.n && i < N; i++) p[i] = lane[i];
    }
}
template <class T, class L> HTP_INLINE void store(T* p, T x, L lanes) { store(p, Vec<T, L::width>(x), lanes); }
template <int B, int N, class L> HTP_INLINE void store(bool_* p, Mask<B, N> x, L lanes) {
    store(p, Vec<bool_, N>(x), lanes);
}

// ---- strided and indexed: lane by lane (gather instructions are no faster on the machines measured) ----
template <class T, class L> HTP_INLINE Vec<T, L::width> load(const T* p, i64 stride, L lanes) {
    T lane[L::width] = {};
    for (i64 i = 0; i < i64(lanes); i++) lane[i] = p[i * stride];
    return load(lane, Full<L::width>{});
}
template <class T, int N, class L> HTP_INLINE void store(T* p, i64 stride, Vec<T, N> x, L lanes) {
    T lane[N];
    store(lane, x, Full<N>{});
    for (i64 i = 0; i < i64(lanes); i++) p[i * stride] = lane[i];
}
template <class T, class L> HTP_INLINE void store(T* p, i64 stride, T x, L lanes) {
    store(p, stride, Vec<T, L::width>(x), lanes);
}
template <int B, int N, class L> HTP_INLINE void store(bool_* p, i64 stride, Mask<B, N> x, L lanes) {
    store(p, stride, Vec<bool_, N>(x), lanes);
}

/// p[index[i] * stride] for the first lanes, zero in the others.
template <class T, class I, int N, class L>
HTP_INLINE Vec<T, N> gather(const T* p, i64 stride, Vec<I, N> index, L lanes) {
    T lane[N] = {};
    I at[N];
    store(at, index, Full<N>{});
    for (i64 i = 0; i < i64(lanes); i++) lane[i] = p[i64(at[i]) * stride];
    return load(lane, Full<N>{});
}
/// p[index[i] * stride] = x[i] for the first lanes in order: the last of equal indices wins.
template <class T, class I, int N, class L>
HTP_INLINE void scatter(T* p, i64 stride, Vec<I, N> index, Vec<T, N> x, L lanes) {
    T lane[N];
    I at[N];
    store(lane, x, Full<N>{});
    store(at, index, Full<N>{});
    for (i64 i = 0; i < i64(lanes); i++) p[i64(at[i]) * stride] = lane[i];
}

/// r[:n] = x: only the first lanes change (accumulators keep their start value in lanes a tail does not reach).
template <class T, int N> HTP_INLINE void assign(Vec<T, N>& r, Full<N>, Vec<T, N> x) { r = x; }
template <class T, int N> HTP_INLINE void assign(Vec<T, N>& r, Part<N> lanes, Vec<T, N> x) {
    r = where(lane_mask<T, N>(lanes.n), x, r);
}
template <class T, int N, class L> HTP_INLINE void assign(Vec<T, N>& r, L lanes, T x) {
    assign(r, lanes, Vec<T, N>(x));
}
template <int N, int B, class L> HTP_INLINE void assign(Vec<bool_, N>& r, L lanes, Mask<B, N> x) {
    assign(r, lanes, Vec<bool_, N>(x));
}

}  // namespace htp
