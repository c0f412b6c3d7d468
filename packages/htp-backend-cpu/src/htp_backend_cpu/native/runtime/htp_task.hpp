// One task: its closure and what waits for it, and the buffers that tasks may use.
// Knows memory; does not know when anything runs.
#pragma once
#include "htp_depend.hpp"
#include "htp_simulate.hpp"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace htp {
namespace tasking {

struct Task;

/// A task that waits for another one.
struct Link {
    Task* target;
    Link* next;
};

struct Task {
    // What runs a task reads one line, and the closure behind it; the rest is for who submits.
    alignas(64) std::atomic<i64> pending{0};  // unfinished tasks before this one, and one until it is submitted
    std::atomic<Link*> behind{nullptr};       // what waits for this one; `closed` when it is done
    void (*run)(const void* closure, const Context& cx) = nullptr;
    void *closure = nullptr, *heap = nullptr;
    i64 id = 0, cost = 0, worker = 0;
    alignas(64) unsigned char storage[256];
    Placed placed;
    i64 size = 0, submit = 0, start = 0, end = 0;  // size: what it takes of the window
    Link own[3], *more = nullptr;

    static Link* closed() { return reinterpret_cast<Link*>(1); }
    bool done() const { return behind.load() == closed(); }
};

/// Memory of buffers that tasks may use until the region closes.
class Kept {
public:
    explicit Kept(const Context& cx) : cx(cx) {}
    Kept(const Kept&) = delete;
    ~Kept() {
        for (const auto& each : blocks) cx.runtime->heap_free(each.first, each.second);
    }
    void* take(i64 bytes) {
        bytes = (bytes + 63) & ~63ll;
        if (bytes > left) {
            left = std::max(bytes, i64(1) << 20);
            place = static_cast<char*>(cx.runtime->heap_take(left));
            if (!place) left = 0, stop(cx, Failure::out_of_memory, "", "", bytes, 0);
            blocks.emplace_back(place, left);
        }
        left -= bytes;
        return (place += bytes) - bytes;
    }

private:
    const Context& cx;
    std::vector<std::pair<void*, i64>> blocks;
    char* place = nullptr;
    i64 left = 0;
};

}  // namespace tasking
}  // namespace htp
