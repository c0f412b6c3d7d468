// What packages and the runtime library tell each other about tasks: plain data and a table of calls.
// Knows neither kernels nor how tasks are ordered and run: kernels stay in packages, all else is built once, in runtime/.
//
// Nothing is thrown across: the runtime answers false or null after a failure that it recorded, a package catches `Stop`.
#pragma once
#include "htp_parallel.hpp"

#include <initializer_list>

namespace htp {

/// The settings of a region, as `open_tasks` takes them; a window counts bytes with `bytes`, and aborts with `abort`.
struct Settings {
    i64 workers = 0;
    bool steal = true;
    i64 window = 0;
    bool bytes = false, abort = false;
    i64 pools = 1, issue = 0, every = 1, batch = 1;
    bool interleaved = false;
};

/// What holds of the next task only.
struct Attributes {
    i64 worker = -1, pool = 0, priority = 0, stream = -1, tag = -1;
    std::initializer_list<i64> after = {}, at = {};
};

enum Mode : int { reading = 1, writing = 2, updating = 3 };

namespace tasking {

constexpr int most_axes = 8;

/// Half open along every axis. Arrays of more axes than `most_axes` are one box without axes: always the whole.
struct Box {
    struct Side { i64 lo, hi; };
    int rank = 0;
    Side side[most_axes];
};

class Scheduler;  // of one region
class History;    // of one array

}  // namespace tasking

/// What tasks have touched of one array, as far as later tasks have to know; the runtime makes it when a task does.
struct Accesses {
    tasking::History* history = nullptr;
    void (*drop)(tasking::History*) = nullptr;

    Accesses() = default;
    Accesses(const Accesses&) = delete;
    ~Accesses() {
        if (history) drop(history);
    }
};

namespace tasking {

/// What a task does to one box.
struct Touched { Accesses* accesses; Mode mode; const Box* box; };

/// One task: what it runs, and what orders it. All of it is copied before `submit` returns.
struct Submitted {
    const char *kernel, *place;
    void (*run)(const void* closure, const Context& cx);
    const void* closure;
    i64 size, bytes;  // of the closure; of all that the task writes
    const Touched* touched;
    int count;
};

}  // namespace tasking
}  // namespace htp

struct htp_tasks_table {
    /// Fills in what is kept of the run that this thread makes.
    void (*record)(htp::Context& cx);
    /// Runs the text of a region, which `body` submits, and all its tasks, on several threads.
    void (*run)(const htp::Context& cx, const htp::Settings& settings,
                void (*body)(htp::tasking::Scheduler& scheduler, void* data), void* data);
    /// Of the next task.
    bool (*attributes)(htp::tasking::Scheduler& scheduler, const htp::Attributes& given);
    bool (*submit)(htp::tasking::Scheduler& scheduler, const htp::tasking::Submitted& task);
    /// Return when every task so far that writes one of these, or every task, has run.
    bool (*wait_for)(htp::tasking::Scheduler& scheduler, const htp::tasking::Touched* touched, int count);
    bool (*barrier)(htp::tasking::Scheduler& scheduler);
    /// How many different keys came before this one did first; below 0 after a failure.
    htp::i64 (*first_seen)(htp::tasking::Scheduler& scheduler, htp::i64 key);
    /// Memory that lives until the region closes.
    void* (*keep)(htp::tasking::Scheduler& scheduler, htp::i64 bytes);
};

namespace htp {

/// The context of an entry whose runs may be recorded.
inline Context recorded(const htp_runtime_table* runtime, Failure* failure) {
    Context cx{runtime, failure, nullptr, nullptr};
    runtime->tasks->record(cx);
    return cx;
}

}  // namespace htp
