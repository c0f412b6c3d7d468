// mma: one register block of a matrix product, acc (+)= a @ b, and transpose_block.
// Knows nothing of blocking for caches: the caller walks panels (see the notes on panels below).
//
// Shape: 8 rows by two registers (8x32 f32, 8x16 f64): 16 accumulators hide the 4-cycle latency of two FMA pipes and,
// with 2 registers of b and the broadcast of a, fit in 32 registers. b's rows must be contiguous; keep a panel of b
// (k x 32 f32, 32 KiB for k = 256) packed with b_ld = 32 so that it stays in L1. Rows with a power-of-two stride of
// 4 KiB or more fall into the same few cache sets: pack those. a is read in place, one element of 8 rows per step.
#pragma once
#include "htp_ops.hpp"

namespace htp {

// ---- the register block ----
template <class T> inline constexpr int mma_lanes = native_bytes / int(sizeof(T));
inline constexpr int mma_rows = native_bytes == 64 ? 8 : 4;  // 16 registers instead of 32 leave room for 4 x 2
template <class T> inline constexpr int mma_cols = 2 * mma_lanes<T>;

template <class T, int N> HTP_INLINE Vec<T, N> multiply_add(Vec<T, N> a, Vec<T, N> b, Vec<T, N> c) {
    if constexpr (is_float<T>) return fma(a, b, c);
    else return a * b + c;
}

/// `Rows` rows of one or two accumulator registers. Nested members and not an array: every register has a name, so no
/// compiler and no optimisation level spills the block.
template <int Rows, int Regs, class T, class A> struct MmaBlock {
    using V = Vec<T, mma_lanes<T>>;
    V c0, c1;
    const A* a;
    MmaBlock<Rows - 1, Regs, T, A> above;

    // Rows behind the last repeat it: their products are computed and not stored.
    HTP_INLINE void point(const A* first, i64 stride, i64 rows) {
        a = first + (Rows - 1 < rows ? Rows - 1 : rows - 1) * stride;
        above.point(first, stride, rows);
    }
    template <class L0, class L1> HTP_INLINE void start(const T* acc, i64 ld, i64 rows, L0 l0, L1 l1, bool zero) {
        above.start(acc, ld, rows, l0, l1, zero);
        c0 = c1 = V(T(0));
        if (zero || Rows > rows) return;
        c0 = load(acc + (Rows - 1) * ld, l0);
        if constexpr (Regs == 2) c1 = load(acc + (Rows - 1) * ld + mma_lanes<T>, l1);
    }
    HTP_INLINE void step(i64 offset, V b0, V b1) {
        above.step(offset, b0, b1);
        V x = V(cast<T>(a[offset]));
        c0 = multiply_add(x, b0, c0);
        if constexpr (Regs == 2) c1 = multiply_add(x, b1, c1);
    }
    template <class L0, class L1> HTP_INLINE void finish(T* acc, i64 ld, i64 rows, L0 l0, L1 l1) {
        above.finish(acc, ld, rows, l0, l1);
        if (Rows > rows) return;
        store(acc + (Rows - 1) * ld, c0, l0);
        if constexpr (Regs == 2) store(acc + (Rows - 1) * ld + mma_lanes<T>, c1, l1);
    }
};
template <int Regs, class T, class A> struct MmaBlock<0, Regs, T, A> {
    template <class... X> HTP_INLINE void point(X...) {}
    template <class... X> HTP_INLINE void start(X...) {}
    template <class... X> HTP_INLINE void step(X...) {}
    template <class... X> HTP_INLINE void finish(X...) {}
};

template <int Rows, int Regs, class T, class A, class B, class L0, class L1>
HTP_INLINE void mma_block(T* acc, i64 acc_ld, i64 rows, L0 l0, L1 l1, const A* a, i64 a_row, i64 a_col, const B* b,
                          i64 b_ld, i64 k, bool zero) {
    using V = Vec<T, mma_lanes<T>>;
    MmaBlock<Rows, Regs, T, A> block;
    block.point(a, a_row, rows);
    block.start(acc, acc_ld, rows, l0, l1, zero);
    i64 offset = 0;
#pragma GCC unroll 2
    for (i64 step = 0; step < k; step++) {
        V b0 = cast<T>(load(b, l0)), b1 = b0;
        if constexpr (Regs == 2) b1 = cast<T>(load(b + mma_lanes<T>, l1));
        block.step(offset, b0, b1);
        offset += a_col;
        b += b_ld;
    }
    block.finish(acc, acc_ld, rows, l0, l1);
}

/// Blocks at the edges: fewer rows, masked columns.
template <class T, class A, class B> __attribute__((noinline)) void mma_edge(T* acc, i64 acc_ld, i64 rows, i64 cols,
                                                                             const A* a, i64 a_row, i64 a_col,
                                                                             const B* b, i64 b_ld, i64 k, bool zero) {
    constexpr int L = mma_lanes<T>;
    auto run = [&](auto regs) HTP_LAMBDA {
        Part<L> l0{cols < L ? cols : L}, l1{cols - L};
        constexpr int count = decltype(regs)::width;
        if (rows == 1) mma_block<1, count>(acc, acc_ld, rows, l0, l1, a, a_row, a_col, b, b_ld, k, zero);
        else if (rows <= 4) mma_block<4, count>(acc, acc_ld, rows, l0, l1, a, a_row, a_col, b, b_ld, k, zero);
        else mma_block<mma_rows, count>(acc, acc_ld, rows, l0, l1, a, a_row, a_col, b, b_ld, k, zero);
    };
    if (cols > L) run(Full<2>{});
    else run(Full<1>{});
}

/// acc[rows, cols] (+)= a[rows, k] @ b[k, cols]; `zero` starts from 0 instead of from acc. rows <= 8 and cols <= 32
/// lanes of 4 bytes (or 128 bytes of another type) are one register block with AVX-512; anything larger is walked in
/// blocks. The accumulator's type is computed in: narrower a and b are converted as they are read.
template <class T, class A, class B> HTP_INLINE void mma(T* acc, i64 acc_ld, i64 rows, i64 cols, const A* a, i64 a_row,
                                                         i64 a_col, const B* b, i64 b_ld, i64 k, bool zero) {
    constexpr int R = mma_rows, C = mma_cols<T>, L = mma_lanes<T>;
    for (i64 r = 0; r < rows; r += R)
        for (i64 c = 0; c < cols; c += C) {
            T* to = acc + r * acc_ld + c;
            i64 height = rows - r, width = cols - c;
            if (height >= R && width >= C)
                mma_block<R, 2>(to, acc_ld, R, Full<L>{}, Full<L>{}, a + r * a_row, a_row, a_col, b + c, b_ld, k, zero);
            else
                mma_edge(to, acc_ld, height < R ? height : R, width < C ? width : C, a + r * a_row, a_row, a_col, b + c,
                         b_ld, k, zero);
        }
}

// ---- transpose ----
/// Lane order of one output of the exchange below: blocks of S lanes alternate between two registers.
template <int S, bool Upper, int Lane, int N> inline constexpr int exchanged =
    (Lane & S) == 0 ? (Upper ? Lane + S : Lane) : (Upper ? Lane + N : Lane + N - S);
template <int S, bool Upper, int From, int... I, class R> HTP_INLINE R exchange(Indices<From, I...>, R a, R b) {
    return __builtin_shufflevector(a, b, exchanged<S, Upper, I, int(sizeof...(I))>...);
}
/// One stage on rows a[i], a[i + S]: swaps the off-diagonal S x S blocks.
template <int S, class V, int N> HTP_INLINE void transpose_stages(V (&row)[N]) {
    using Order = typename CountUp<0, N>::type;
#pragma GCC unroll 16
    for (int i = 0; i < N; i++) {
        if (i & S) continue;
        auto low = exchange<S, false>(Order{}, row[i].raw, row[i + S].raw);
        auto high = exchange<S, true>(Order{}, row[i].raw, row[i + S].raw);
        row[i].raw = low;
        row[i + S].raw = high;
    }
    if constexpr (S > 1) transpose_stages<S / 2>(row);
}

template <int N, class T>
HTP_INLINE void transpose_square(T* dst, i64 dst_ld, const T* src, i64 src_ld, i64 rows, i64 cols) {
    Vec<T, N> row[N];
    if (rows == N && cols == N) {
#pragma GCC unroll 16
        for (int i = 0; i < N; i++) row[i] = load(src + i * src_ld, Full<N>{});
        transpose_stages<N / 2>(row);
#pragma GCC unroll 16
        for (int i = 0; i < N; i++) store(dst + i * dst_ld, row[i], Full<N>{});
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < N; i++) row[i] = load(src + (i < rows ? i : 0) * src_ld, Part<N>{cols});
        transpose_stages<N / 2>(row);
#pragma GCC unroll 16
        for (int i = 0; i < N; i++)
            if (i < cols) store(dst + i * dst_ld, row[i], Part<N>{rows});
    }
}

/// dst[j, i] = src[i, j] for i < rows, j < cols: log2(N) stages of register shuffles for each N x N block, N = the
/// lanes of a register, at most 16. Rows of both must be contiguous.
template <class T> HTP_INLINE void transpose_block(T* dst, i64 dst_ld, const T* src, i64 src_ld, i64 rows, i64 cols) {
    using U = uint<sizeof(T)>;
    constexpr int most = native_bytes / int(sizeof(T)), N = most < 16 ? most : 16;
    for (i64 i = 0; i < rows; i += N)
        for (i64 j = 0; j < cols; j += N)
            transpose_square<N>((U*)(void*)(dst + j * dst_ld + i), dst_ld,
                                (const U*)(const void*)(src + i * src_ld + j), src_ld, rows - i < N ? rows - i : N,
                                cols - j < N ? cols - j : N);
}

}  // namespace htp
