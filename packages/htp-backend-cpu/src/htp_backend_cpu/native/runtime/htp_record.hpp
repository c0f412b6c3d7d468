// Recording: what one run of a program did: its regions and their tasks.
// Knows records; does not know how tasks are run nor how records are written.
#pragma once
#include "htp_simulate.hpp"

#include <ctime>
#include <string>

namespace htp {
namespace tasking {

inline i64 nanoseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return i64(now.tv_sec) * 1000000000 + now.tv_nsec;
}

struct Edge { i64 source, target; unsigned kinds; };
struct Record {
    const char *kernel, *place;
    Placed placed;
    i64 cost, worker, submit, start, end;  // the last three in nanoseconds since the run began
    size_t at, axes;                       // coordinates: where they begin in `Opened::coordinates`, and how many
};
/// Before the task of this number was submitted, these had to be complete.
struct Wait { i64 task; std::vector<i64> awaited; };

/// One region: its settings with the number of workers filled in, and its tasks in program order.
struct Opened {
    Settings settings;
    std::vector<Record> tasks;
    std::vector<Edge> edges;  // ordered by target
    std::vector<Wait> waits;
    std::vector<i64> coordinates;
    i64 outside = 0;  // the cycles spent before the region
};

}  // namespace tasking

/// One network that has run: its processes and channels, as members of a JSON object, and its cycles.
struct Streamed {
    std::string members;
    i64 cycles, outside;  // the cycles spent before it, outside of regions
    size_t regions;       // how many ran before it
};

/// What is kept of one run; `every` keeps the tasks themselves, not only their number.
struct Recording {
    bool every = false;
    i64 outside = 0;  // simulated cycles spent outside of tasks, so far; those of networks are among them
    i64 began = 0;
    i64 tasks = 0, workers = 0, high_water = 0, stalls = 0;
    std::vector<tasking::Opened> regions;
    std::vector<Streamed> networks;
};

/// The recording of the run that this thread makes next, null for none.
extern thread_local Recording* recording;

}  // namespace htp
