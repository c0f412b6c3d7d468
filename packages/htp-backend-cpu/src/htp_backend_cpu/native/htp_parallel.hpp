// Context: what an emitted function gets from its caller: threads, scratch memory, failures, printing.
// Knows the C interface of runtime/htp_runtime.cpp and nothing of how threads are kept.
#pragma once
#include "htp_ops.hpp"

// The runtime is one shared library per process; emitted code reaches it only through this table, so it links to
// nothing.
extern "C" {
struct htp_runtime_table {
    unsigned version;  // 3
    /// Calls body(data, begin, end) for disjoint ranges that cover [0, n), on several threads; returns when all are
    /// done.
    void (*parallel_for)(long long n, void (*body)(void*, long long, long long), void* data);
    long long (*threads)(void);
    /// A stack of memory per thread: take() returns 64-byte aligned bytes, release(mark()) frees all taken since.
    unsigned long long (*scratch_mark)(void);
    void* (*scratch_take)(long long bytes);
    void (*scratch_release)(unsigned long long mark);
    /// Zeroed-on-demand memory that lives until heap_free; huge pages where the system gives them.
    void* (*heap_take)(long long bytes);
    void (*heap_free)(void* memory, long long bytes);
    /// One print statement: begin, values, end. Lines of different threads do not mix.
    void (*print_begin)(const char* text);
    void (*print_value)(const char* dtype, const void* data, int rank, const long long* shape,
                        const long long* strides);
    void (*print_end)(void);
    const struct htp_tasks_table* tasks;  // see htp_task_table.hpp
    /// Calls body(data, i) for every i in [0, n), each on a thread of its own, all at the same time; false, and nothing
    /// was called, where there are no more threads.
    bool (*crew)(long long n, void (*body)(void*, long long), void* data);
    /// Adds the processes and channels of a network, as members of `simulated`, and its cycles to what is kept of a run.
    void (*tell)(void* recording, const char* members, long long cycles);
    /// Calls body(data, i) on one more thread: a further member of the crew that the calling thread is in, which is
    /// waited for with the others; false, and nothing was called, where there are no more threads.
    bool (*join_crew)(void (*body)(void*, long long), void* data, long long i);
};
}

namespace htp {

/// Why a run stopped: the first failure wins. `code` 0 is none.
struct Failure {
    enum Code : i32 {
        none = 0,
        index_out_of_range = 1,
        assertion_failed = 2,
        out_of_memory = 3,
        window_full = 4,
        deadlock = 5,
        stream_closed = 6,
        buffer_moved = 7,
        token_too_large = 8,
        unconnected = 9,
        end_shared = 10,
        no_token = 11,
    };
    i32 code;
    const char* place;  // "user.py:12"
    const char* text;   // the assertion's text, the kernel of the task, the channel, the report, or empty
    i64 value, extent;  // the index and the extent it missed; the row of the check, from 1; the task and the window;
                        // the line of the close, and 0 for a send behind it or 1 for a close; the line of the
                        // send that gave a buffer away; the size of a token along an axis and the largest there;
                        // 0 where nobody sends, or two do, and 1 where nobody receives, or two do
};

template <class T> struct Scratch;
template <class T> struct Heap;

struct Context {
    const htp_runtime_table* runtime;
    Failure* failure;
    i64* cost;        // where `work` counts, null where nobody asks
    void* recording;  // what the runtime keeps of the run, null for nothing

    /// `count` elements from the thread's arena, freed when the returned value's scope ends.
    template <class T> HTP_INLINE Scratch<T> scratch(i64 count) const { return Scratch<T>(*this, count); }
    template <class T> HTP_INLINE Heap<T> heap(i64 count) const { return Heap<T>(*this, count); }
    HTP_INLINE bool failed() const { return __atomic_load_n(&failure->code, __ATOMIC_RELAXED) != 0; }
};

__attribute__((noinline, cold)) inline void fail(const Context& cx, Failure::Code code, const char* place,
                                                 const char* text, i64 value, i64 extent) {
    i32 none = 0;
    // -1 claims the slot, so that a reader that sees a code sees the rest too.
    if (!__atomic_compare_exchange_n(&cx.failure->code, &none, -1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    cx.failure->place = place;
    cx.failure->text = text;
    cx.failure->value = value;
    cx.failure->extent = extent;
    __atomic_store_n(&cx.failure->code, i32(code), __ATOMIC_RELEASE);
}

/// Leaves the run after a failure: what comes next relies on what was checked. The entry and every chunk of a parallel
/// loop catch it.
struct Stop {};
[[noreturn]] __attribute__((noinline, cold)) inline void stop(const Context& cx, Failure::Code code, const char* place,
                                                              const char* text, i64 value, i64 extent) {
    fail(cx, code, place, text, value, extent);
    throw Stop{};
}
/// The size of a buffer; more bytes than an address has are refused before they wrap around.
template <class T> HTP_INLINE i64 bytes_of(const Context& cx, i64 count) {
    constexpr i64 most = i64(1) << 46;
    if (__builtin_expect(count > most, 0)) stop(cx, Failure::out_of_memory, "", "", count, 0);
    return (count < 0 ? 0 : count) * i64(sizeof(T));
}

template <class T> struct Scratch {
    const htp_runtime_table* runtime;
    u64 mark;
    T* data;
    HTP_INLINE Scratch(const Context& cx, i64 count) : runtime(cx.runtime), mark(runtime->scratch_mark()) {
        i64 bytes = bytes_of<T>(cx, count);
        data = (T*)runtime->scratch_take(bytes);
        if (__builtin_expect(!data, 0)) runtime->scratch_release(mark), stop(cx, Failure::out_of_memory, "", "", bytes, 0);
    }
    Scratch(const Scratch&) = delete;
    HTP_INLINE ~Scratch() { runtime->scratch_release(mark); }
    HTP_INLINE operator T*() const { return data; }
};
template <class T> struct Heap {
    const htp_runtime_table* runtime;
    i64 bytes;
    T* data;
    HTP_INLINE Heap(const Context& cx, i64 count)
        : runtime(cx.runtime), bytes(bytes_of<T>(cx, count)), data((T*)runtime->heap_take(bytes)) {
        if (__builtin_expect(!data, 0)) stop(cx, Failure::out_of_memory, "", "", bytes, 0);
    }
    Heap(const Heap&) = delete;
    HTP_INLINE ~Heap() { runtime->heap_free(data, bytes); }
    HTP_INLINE operator T*() const { return data; }
};

/// body(i) for every i in [0, n), in any order and on several threads.
template <class F> HTP_INLINE void parallel(const Context& cx, i64 n, F body) {
    auto range = [](void* data, long long begin, long long end) {
        F f = *(F*)data;  // a copy: what a vector store cannot alias stays in registers
        try {
            for (i64 i = begin; i < end; i++) f(i);
        } catch (const Stop&) {}  // recorded where it was thrown
    };
    cx.runtime->parallel_for(n, range, (void*)&body);
}
/// body(i, j) for every pair, j running fastest.
template <class F> HTP_INLINE void parallel(const Context& cx, i64 n, i64 m, F body) {
    parallel(cx, n > 0 && m > 0 ? n * m : 0, [&](i64 ij) HTP_LAMBDA { body(ij / m, ij % m); });
}

/// An index with Python's meaning: wrapped when negative; out of range stops the run.
HTP_INLINE i64 checked(const Context& cx, i64 index, i64 extent, const char* place) {
    i64 wrapped = index < 0 ? index + extent : index;
    if (__builtin_expect(u64(wrapped) < u64(extent), 1)) return wrapped;
    stop(cx, Failure::index_out_of_range, place, "", index, extent);
}
/// Lane by lane; lanes behind the count are not checked and give 0.
template <class I, int N, class L>
HTP_INLINE Vec<i64, N> checked(const Context& cx, Vec<I, N> index, i64 extent, const char* place, L lanes) {
    Vec<i64, N> i = pad(lanes, cast<i64>(index), i64(0));
    i = where(i < Vec<i64, N>(0), i + Vec<i64, N>(extent), i);
    auto good = (i >= Vec<i64, N>(0)) & (i < Vec<i64, N>(extent));
    if (__builtin_expect(!all(good), 0)) {
        for (i64 k = 0; k < i64(lanes); k++) checked(cx, i64(index[k]), extent, place);
        i = where(good, i, Vec<i64, N>(0));
    }
    return i;
}
/// `check` is the row of the contract's checks, from 1, that says more of this one; 0 for none.
HTP_INLINE void require(const Context& cx, bool condition, const char* text, const char* place, i64 check = 0) {
    if (__builtin_expect(!condition, 0)) stop(cx, Failure::assertion_failed, place, text, check, 0);
}
/// Simulated cycles for the task, or else the run, that this belongs to.
HTP_INLINE void work(const Context& cx, i64 cycles) {
    if (cx.cost && cycles > 0) __atomic_fetch_add(cx.cost, cycles, __ATOMIC_RELAXED);
}

// ---- printing ----
template <class T> inline constexpr const char* dtype_name = same<T, f64>      ? "f64"
                                                             : same<T, f32>    ? "f32"
                                                             : same<T, f16>    ? "f16"
                                                             : same<T, bf16>   ? "bf16"
                                                             : same<T, f8e4m3> ? "f8e4m3"
                                                             : same<T, f8e5m2> ? "f8e5m2"
                                                             : same<T, i64>    ? "i64"
                                                             : same<T, i32>    ? "i32"
                                                             : same<T, i16>    ? "i16"
                                                             : same<T, i8>     ? "i8"
                                                             : same<T, u64>    ? "u64"
                                                             : same<T, u32>    ? "u32"
                                                             : same<T, u16>    ? "u16"
                                                             : same<T, u8>     ? "u8"
                                                                               : "bool_";

/// A strided array in memory, for printing: strides count elements.
template <class T, int Rank> struct View {
    const T* data;
    i64 shape[Rank], strides[Rank];
};
template <class T, requires_<is_scalar<T>> = 0> inline void print_one(const Context& cx, T x) {
    cx.runtime->print_value(dtype_name<T>, &x, 0, nullptr, nullptr);
}
template <class T, int Rank> inline void print_one(const Context& cx, const View<T, Rank>& v) {
    cx.runtime->print_value(dtype_name<T>, v.data, Rank, v.shape, v.strides);
}
template <class T, int N> inline void print_one(const Context& cx, Vec<T, N> x) {
    T lane[N];
    store(lane, x, Full<N>{});
    print_one(cx, View<T, 1>{lane, {N}, {1}});
}
/// The text, then the values, separated by spaces as Python's print does.
template <class... A> __attribute__((noinline)) void print_tile(const Context& cx, const char* text, A... values) {
    cx.runtime->print_begin(text);
    (print_one(cx, values), ...);
    cx.runtime->print_end();
}

}  // namespace htp
