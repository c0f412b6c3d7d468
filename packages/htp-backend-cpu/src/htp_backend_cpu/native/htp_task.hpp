// One task: its attributes, its kernel with the arguments, what waits for it, and the buffers it may use.
// Knows memory; does not know when anything runs.
#pragma once
#include "htp_depend.hpp"
#include "htp_simulate.hpp"

#include <atomic>
#include <initializer_list>
#include <memory>
#include <new>
#include <tuple>

namespace htp {

/// What holds of the next task only.
struct Attributes {
    i64 worker = -1, pool = 0, priority = 0, stream = -1, tag = -1;
    std::initializer_list<i64> after = {}, at = {};
};

namespace tasking {

struct Task;

/// A task that waits for another one.
struct Link {
    Task* target;
    Link* next;
};

struct Task {
    std::atomic<i64> pending{0};          // unfinished tasks before this one, and one until it is submitted
    std::atomic<Link*> behind{nullptr};   // what waits for this one; `closed` when it is done
    i64 id = 0, size = 0;                 // size: what it takes of the window
    Placed placed;
    i64 cost = 0, worker = 0, submit = 0, start = 0, end = 0;
    Link own[4], *more = nullptr;
    void (*run)(void* closure, const Context& cx) = nullptr;
    void *closure = nullptr, *heap = nullptr;
    alignas(64) unsigned char storage[256];

    static Link* closed() { return reinterpret_cast<Link*>(1); }
    bool done() const { return behind.load() == closed(); }
};

/// A kernel and its arguments.
template <class Kernel, class... A> struct Closure {
    Kernel kernel;
    std::tuple<A...> arguments;
    static void run(void* closure, const Context& cx) {
        Closure& own = *static_cast<Closure*>(closure);
        std::apply([&](const A&... each) { own.kernel(cx, each...); }, own.arguments);
    }
};

template <class A> HTP_INLINE A argument(A value) { return value; }
template <class T, int R, class L> HTP_INLINE Region<T, R, L> argument(const Use<T, R, L>& use) { return use.region; }

/// Memory of buffers that tasks may use until the region closes.
class Kept {
public:
    explicit Kept(const Context& cx) : cx(cx) {}
    Kept(const Kept&) = delete;
    ~Kept() {
        for (const auto& each : blocks) cx.runtime->heap_free(each.first, each.second);
    }
    template <class T> T* take(i64 count) {
        const i64 bytes = (bytes_of<T>(cx, count) + 63) & ~63ll;
        if (bytes > left) {
            left = std::max(bytes, i64(1) << 20);
            place = static_cast<char*>(cx.runtime->heap_take(left));
            if (!place) left = 0, stop(cx, Failure::out_of_memory, "", "", bytes, 0);
            blocks.emplace_back(place, left);
        }
        left -= bytes;
        return reinterpret_cast<T*>((place += bytes) - bytes);
    }

private:
    const Context& cx;
    std::vector<std::pair<void*, i64>> blocks;
    char* place = nullptr;
    i64 left = 0;
};

/// What a task does to one box.
struct Touched { Accesses* accesses; Mode mode; const Box* box; };

}  // namespace tasking
}  // namespace htp
