// Row intrinsics: sort, stable argsort, top-k, argmax and argmin of one strided row.
// Knows NumPy's order: NaN sorts behind every number, the first NaN wins argmax and argmin, ties keep the lowest index.
#pragma once
#include "htp_ops.hpp"

namespace htp {

template <class T> HTP_INLINE bool is_nan(T x) {
    if constexpr (is_float<T>) return x != x;
    else return false;
}
/// Ascending order with NaN last.
template <class T> HTP_INLINE bool before(T a, T b) { return a < b || (is_nan(b) && !is_nan(a)); }

// ---- sorting by an exchange and a comparison of positions; no memory beyond the row ----
/// Restores the heap order of [0, n) below `root`; less(i, j) compares the elements at i and j.
template <class Less, class Swap> inline void sift(i64 root, i64 n, Less less, Swap swap) {
    for (i64 child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && less(child, child + 1)) child++;
        if (!less(root, child)) return;
        swap(root, child);
    }
}
template <class Less, class Swap> inline void heap_sort(i64 n, Less less, Swap swap) {
    for (i64 i = n / 2; i-- > 0;) sift(i, n, less, swap);
    for (i64 last = n; --last > 0;) {
        swap(0, last);
        sift(0, last, less, swap);
    }
}

/// Quicksort of the keys at p[i * stride] under a strict order: median of three, insertion sort below 24 elements, heap
/// sort when 2 log2(n) levels were not enough (Musser, "Introspective Sorting and Selection Algorithms", 1997).
template <class T, class Before> void quick_sort(T* p, i64 stride, i64 n, int levels, Before less) {
    while (n > 24) {
        if (levels-- == 0) {
            heap_sort(
                n, [&](i64 i, i64 j) { return less(p[i * stride], p[j * stride]); },
                [&](i64 i, i64 j) {
                    T t = p[i * stride];
                    p[i * stride] = p[j * stride];
                    p[j * stride] = t;
                });
            return;
        }
        T a = p[0], b = p[(n / 2) * stride], c = p[(n - 1) * stride];
        T pivot = less(a, b) ? (less(b, c) ? b : less(a, c) ? c : a) : (less(a, c) ? a : less(b, c) ? c : b);
        i64 i = -1, j = n;
        for (;;) {
            do i++;
            while (less(p[i * stride], pivot));
            do j--;
            while (less(pivot, p[j * stride]));
            if (i >= j) break;
            T t = p[i * stride];
            p[i * stride] = p[j * stride];
            p[j * stride] = t;
        }
        // [0, j] and (j, n): recursion into the smaller, so the depth is logarithmic.
        i64 left = j + 1;
        if (left < n - left) {
            quick_sort(p, stride, left, levels, less);
            p += left * stride;
            n -= left;
        } else {
            quick_sort(p + left * stride, stride, n - left, levels, less);
            n = left;
        }
    }
    for (i64 i = 1; i < n; i++) {
        T x = p[i * stride];
        i64 j = i;
        for (; j > 0 && less(x, p[(j - 1) * stride]); j--) p[j * stride] = p[(j - 1) * stride];
        p[j * stride] = x;
    }
}
HTP_INLINE int level_limit(i64 n) {
    int levels = 0;
    for (; n > 1; n >>= 1) levels += 2;
    return levels;
}

/// Sorts p[0], p[stride], … in place; descending is ascending reversed (NaN first), as numpy.sort(x)[::-1].
template <class T> void sort_row(T* p, i64 stride, i64 n, bool descending) {
    if constexpr (is_float<T>) {
        // NaNs go to the end first, so that the sort itself compares with one instruction.
        i64 numbers = n;
        for (i64 i = n; i-- > 0;)
            if (is_nan(p[i * stride])) {
                T nan = p[i * stride];
                p[i * stride] = p[--numbers * stride];
                p[numbers * stride] = nan;
            }
        quick_sort(p, stride, numbers, level_limit(numbers), [](T a, T b) { return a < b; });
    } else {
        quick_sort(p, stride, n, level_limit(n), [](T a, T b) { return a < b; });
    }
    if (descending)
        for (i64 i = 0, j = n - 1; i < j; i++, j--) {
            T t = p[i * stride];
            p[i * stride] = p[j * stride];
            p[j * stride] = t;
        }
}

/// The stable order of a row: indices of src ascending with NaN last, or descending with NaN first and still the lowest
/// index first among equals.
template <class I, class T>
void argsort_row(I* indices, i64 indices_stride, const T* src, i64 stride, i64 n, bool descending) {
    for (i64 i = 0; i < n; i++) indices[i * indices_stride] = I(i);
    quick_sort(indices, indices_stride, n, level_limit(n), [=](I i, I j) {
        T a = src[i64(i) * stride], b = src[i64(j) * stride];
        bool less = before(a, b), greater = before(b, a);
        return less == greater ? i < j : descending ? greater : less;
    });
}

/// The k largest of a row, largest first, ties with the lowest index first, NaN counted as largest (as it sorts last).
/// The results are kept as a heap whose root is the weakest, so a long row costs one comparison per element.
template <class T, class I>
void topk_row(T* values, i64 values_stride, I* indices, i64 indices_stride, i64 k, const T* src, i64 stride, i64 n) {
    if (k > n) k = n;
    if (k <= 0) return;
    // weaker(x, i, y, j): element i would be returned after element j
    auto weaker = [](T x, i64 i, T y, i64 j) HTP_LAMBDA { return before(x, y) || (!before(y, x) && i > j); };
    auto value = [=](i64 i) -> T& { return values[i * values_stride]; };
    auto index = [=](i64 i) -> I& { return indices[i * indices_stride]; };
    auto stronger_at = [=](i64 i, i64 j) { return weaker(value(j), i64(index(j)), value(i), i64(index(i))); };
    auto swap = [=](i64 i, i64 j) {
        T t = value(i);
        value(i) = value(j);
        value(j) = t;
        I u = index(i);
        index(i) = index(j);
        index(j) = u;
    };
    for (i64 i = 0; i < k; i++) {
        value(i) = src[i * stride];
        index(i) = I(i);
    }
    // less(i, j) = i is stronger than j: the root of a max-heap under it is the weakest element.
    for (i64 i = k / 2; i-- > 0;) sift(i, k, stronger_at, swap);
    for (i64 i = k; i < n; i++) {
        T x = src[i * stride];
        if (!before(value(0), x)) continue;  // an equal element came earlier and stays
        value(0) = x;
        index(0) = I(i);
        sift(0, k, stronger_at, swap);
    }
    for (i64 last = k; --last > 0;) {
        swap(0, last);
        sift(0, last, stronger_at, swap);
    }
}

/// The first position whose element every other one does not beat; the first NaN beats all. 0 for an empty row.
template <bool Largest, class T> i64 arg_row(const T* p, i64 stride, i64 n) {
    i64 best = 0;
    for (i64 i = 0; i < n; i++) {
        T x = p[i * stride];
        if (is_nan(x)) return i;
        if (Largest ? p[best * stride] < x : x < p[best * stride]) best = i;
    }
    return best;
}
template <class T> i64 argmax_row(const T* p, i64 stride, i64 n) { return arg_row<true>(p, stride, n); }
template <class T> i64 argmin_row(const T* p, i64 stride, i64 n) { return arg_row<false>(p, stride, n); }

}  // namespace htp
