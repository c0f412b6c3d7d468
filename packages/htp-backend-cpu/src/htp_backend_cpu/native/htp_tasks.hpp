// Task regions: kernel calls that run on several threads, in an order that their data allows.
// Knows what a kernel call touches and how it becomes a closure; all else is behind the table of the runtime.
#pragma once
#include "htp_regions.hpp"
#include "htp_task_table.hpp"

namespace htp {

/// An argument of a task: the region, and what the task does to which box of its array.
template <class T, int R, class Layout> struct Use {
    Region<T, R, Layout> region;
    Accesses* accesses;  // null where the array needs no order
    Mode mode;
    tasking::Box box;
};

template <class T, int R, class Layout>
HTP_INLINE Use<T, R, Layout> use_of(const Region<T, R, Layout>& region, Accesses* accesses, Mode mode, const tasking::Box& box) {
    return {region, accesses, mode, box};
}
template <class T, int R, class Layout, class... P>
HTP_INLINE auto use(Mode mode, Accesses* accesses, const Region<T, R, Layout>& a, P... pieces) {
    auto region = [&] {
        if constexpr (sizeof...(P) == 0) return a;
        else return cut(a, pieces...);
    }();
    tasking::Box box;
    if constexpr (R <= tasking::most_axes) {
        box.rank = R;
        for (int d = 0; d < R; d++) box.side[d].lo = 0, box.side[d].hi = a.dim(d);
        [[maybe_unused]] int axis = 0;
        auto take = [&](auto piece) HTP_LAMBDA {
            if constexpr (is_span<decltype(piece)>) {
                box.side[axis].lo = clip_index(piece.start, a.dim(axis));
                box.side[axis].hi = clip_index(piece.stop, a.dim(axis));
            } else {
                box.side[axis].lo = i64(piece), box.side[axis].hi = i64(piece) + 1;
            }
            axis++;
        };
        (take(pieces), ...);
    }
    return use_of(region, accesses, mode, box);
}

/// `a[pieces]` as an argument that a task reads, writes, or both; `a` alone is the whole array.
template <class... A> HTP_INLINE auto reads(Accesses& accesses, A... a) { return use(reading, &accesses, a...); }
template <class... A> HTP_INLINE auto writes(Accesses& accesses, A... a) { return use(writing, &accesses, a...); }
template <class... A> HTP_INLINE auto updates(Accesses& accesses, A... a) { return use(updating, &accesses, a...); }
/// Written, and proven to need no order.
template <class... A> HTP_INLINE auto writes_freely(A... a) { return use(writing, nullptr, a...); }

namespace tasking {

template <class A> HTP_INLINE A argument(A value) { return value; }
template <class T, int R, class L> HTP_INLINE Region<T, R, L> argument(const Use<T, R, L>& use) { return use.region; }

template <class A> HTP_INLINE void touch(const A&, Submitted&, Touched*) {}
template <class T, int R, class L> HTP_INLINE void touch(const Use<T, R, L>& use, Submitted& task, Touched* touched) {
    i64 elements = 1;
    for (int d = 0; d < R; d++) elements *= use.region.dim(d);
    if (elements <= 0) return;  // touches nothing
    if (use.mode & writing) task.bytes += elements * i64(sizeof(T));
    if (use.accesses) touched[task.count++] = {use.accesses, use.mode, &use.box};
}

template <class Closure> void run_closure(const void* closure, const Context& cx) {
    try {
        (*static_cast<const Closure*>(closure))(cx);
    } catch (const Stop&) {}  // recorded where it was thrown
}

}  // namespace tasking

/// What the text of a region calls.
class Tasks {
public:
    Tasks(const Context& cx, tasking::Scheduler& scheduler) : cx(cx), table(*cx.runtime->tasks), scheduler(scheduler) {}
    Tasks(const Tasks&) = delete;

    /// The attributes of the next task.
    void task(const Attributes& given) { go_on(table.attributes(scheduler, given)); }

    /// `kernel(context, arguments...)` as a task.
    template <class Kernel, class... A>
    void submit(const char* name, const char* place, Kernel kernel, const A&... arguments) {
        tasking::Touched touched[sizeof...(A) + 1];
        tasking::Submitted task{name, place, nullptr, nullptr, 0, 0, touched, 0};
        (tasking::touch(arguments, task, touched), ...);
        give(task, kernel, tasking::argument(arguments)...);
    }

    /// Returns when every task so far that writes one of these has run.
    template <class... U> void wait_for(const U&... uses) {
        const tasking::Touched touched[] = {{uses.accesses, uses.mode, &uses.box}...};
        go_on(table.wait_for(scheduler, touched, int(sizeof...(U))));
    }
    /// Returns when every task so far has run.
    void barrier() { go_on(table.barrier(scheduler)); }

    i64 first_seen(i64 key) {
        const i64 found = table.first_seen(scheduler, key);
        go_on(found >= 0);
        return found;
    }
    /// A buffer that lives until the region closes.
    template <class T> T* keep(i64 count) {
        void* memory = table.keep(scheduler, bytes_of<T>(cx, count));
        go_on(memory);
        return static_cast<T*>(memory);
    }

private:
    const Context& cx;
    const htp_tasks_table& table;
    tasking::Scheduler& scheduler;

    HTP_INLINE void go_on(bool good) {
        if (__builtin_expect(!good, 0)) throw Stop{};
    }
    template <class Kernel, class... V> HTP_INLINE void give(tasking::Submitted& task, Kernel kernel, V... values) {
        auto closure = [kernel, values...](const Context& cx) { kernel(cx, values...); };
        using Closure = decltype(closure);
        static_assert(__is_trivially_copyable(Closure) && alignof(Closure) <= 16, "a closure is copied as bytes");
        task.run = tasking::run_closure<Closure>;
        task.closure = &closure, task.size = i64(sizeof(Closure));
        go_on(table.submit(scheduler, task));
    }
};

/// A region: `body(tasks)` submits, and what it submitted has run when this returns. After a failure nothing more is
/// run, and what follows the region is left out too.
template <class Body> void run_tasks(const Context& cx, const Settings& settings, Body body) {
    struct Text { const Context& cx; Body& body; } text{cx, body};
    auto submit = [](tasking::Scheduler& scheduler, void* data) {
        Text& own = *static_cast<Text*>(data);
        Tasks tasks(own.cx, scheduler);
        try {
            own.body(tasks);
        } catch (const Stop&) {}  // recorded where it was thrown
    };
    cx.runtime->tasks->run(cx, settings, submit, &text);
    if (cx.failed()) throw Stop{};
}

/// The 64-bit FNV-1a hash of `key` as 8 little-endian bytes, modulo `modulus`.
/// Constants: http://www.isthe.com/chongo/tech/comp/fnv/
inline i64 fnv1a(i64 key, i64 modulus) {
    u64 value = 0xcbf29ce484222325u;
    for (int byte = 0; byte < 8; byte++) value = (value ^ (u64(key) >> 8 * byte & 0xff)) * 0x100000001b3u;
    return modulus > 0 ? i64(value % u64(modulus)) : 0;
}

}  // namespace htp
