// Simulated time: who runs each task and when, in cycles, the same on every machine.
// Knows costs, dependences and the settings of a region; does not know what tasks compute.
//
// Time stands still for a round of four steps: running tasks that are over complete, in the order of workers; `oldest`
// moves on over completed tasks; tasks are submitted while window and issue clock allow; every idle worker, from the
// lowest number up, starts a ready task. When a round changes nothing, time goes on to the next end of a task, or to the
// issue clock if tasks are left to submit.
#pragma once
#include "htp_task_table.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

namespace htp {

namespace tasking {

/// What the clock has to know of a task; `lane` counts the workers of all pools.
struct Placed { i64 lane = 0, priority = 0, stream = -1, bytes = 0; };
struct Timing { i64 worker, submit, start, end; };

/// Tasks are given to it one after the other, in program order. `Cost` is called with the number of a task when it
/// starts, which is after all that it depends on has ended.
template <class Cost> class Clock {
public:
    std::vector<Timing> times;
    i64 high_water = 0, stalls = 0, makespan = 0;

    Clock(const Settings& settings, Cost cost)
        : s(settings), cost(cost), ready(size_t(s.workers * s.pools)), running(ready.size(), idle) {}

    /// False when the window is full and the settings say abort.
    bool submit(const Placed& placed, const std::vector<i64>& before) {
        tasks.push_back({placed, 0, false, {}});
        times.push_back({placed.lane, -1, -1, -1});
        for (i64 each : before)
            if (!tasks[size_t(each)].complete) {
                tasks[size_t(each)].behind.push_back(i64(tasks.size()) - 1);
                tasks.back().pending++;
            }
        return i64(tasks.size()) - next < s.batch || submit_batch();
    }
    /// Goes on until these tasks are complete; what was given so far is submitted first.
    bool wait(const std::vector<i64>& awaited) {
        if (!submit_batch()) return false;
        for (i64 each : awaited)
            while (!tasks[size_t(each)].complete) pass(false);
        return true;
    }
    bool finish() {
        if (!submit_batch()) return false;
        while (oldest < next) pass(false);
        return true;
    }

private:
    static constexpr i64 idle = -1;
    struct Known {
        Placed placed;
        i64 pending;
        bool complete;
        std::vector<i64> behind;
    };
    /// The ready tasks of a worker, in the order in which it starts them within a stream.
    struct Set {
        std::set<std::pair<i64, i64>> order;                     // minus priority, task
        std::map<i64, std::set<std::pair<i64, i64>>> by_stream;  // the same, where streams take turns
    };

    const Settings s;
    Cost cost;
    std::vector<Set> ready;
    std::vector<i64> running;
    std::vector<Known> tasks;
    std::unordered_map<i64, i64> latest;  // the number of the latest start of each stream
    i64 now = 0, issue_at = 0, next = 0, oldest = 0, used = 0, starts = 0;

    i64 size_of(const Known& task) const { return s.bytes ? task.placed.bytes : 1; }

    bool submit_batch() {
        if (next == i64(tasks.size())) return true;
        i64 wanted = 0;
        for (size_t each = size_t(next); each < tasks.size(); each++) wanted += size_of(tasks[each]);
        for (bool stalled = false;; pass(issue_at > now)) {
            if (issue_at > now) continue;
            if (s.window == 0 || oldest == next || used + wanted <= s.window) break;
            if (s.abort) return false;
            stalls += !stalled, stalled = true;
        }
        while (next < i64(tasks.size())) {
            times[size_t(next)].submit = now;
            used += size_of(tasks[size_t(next)]);
            if (tasks[size_t(next)].pending == 0) offer(next);
            if (++next % s.every == 0) issue_at = std::max(issue_at, now) + s.issue;
        }
        high_water = std::max(high_water, used);
        return true;
    }

    /// Ends the round and begins the next one, at the same time or later.
    void pass(bool issuing) {
        start();
        i64 later = issuing ? issue_at : i64(~u64(0) >> 1);
        for (i64 task : running)
            if (task != idle) later = std::min(later, times[size_t(task)].end);
        now = std::max(now, later);
        complete();
        for (; oldest < next && tasks[size_t(oldest)].complete; oldest++) used -= size_of(tasks[size_t(oldest)]);
    }
    void complete() {
        for (i64& task : running) {
            if (task == idle || times[size_t(task)].end > now) continue;
            Known& done = tasks[size_t(task)];
            done.complete = true;
            for (i64 each : done.behind)
                if (--tasks[size_t(each)].pending == 0 && each < next) offer(each);
            done.behind = {};
            task = idle;
        }
    }
    void start() {
        for (size_t worker = 0; worker < running.size(); worker++) {
            if (running[worker] != idle) continue;
            const i64 task = taken(worker);
            if (task == idle) continue;
            latest[stream_of(task)] = starts++;
            running[worker] = task;
            Timing& time = times[size_t(task)];
            time.worker = i64(worker), time.start = now;
            const i64 cycles = cost(task);
            times[size_t(task)].end = now + cycles;
            makespan = std::max(makespan, now + cycles);
        }
    }

    i64 stream_of(i64 task) const { return std::max(tasks[size_t(task)].placed.stream, i64(-1)); }
    void offer(i64 task) {
        const Placed& placed = tasks[size_t(task)].placed;
        Set& set = ready[size_t(placed.lane)];
        set.order.insert({-placed.priority, task});
        if (s.interleaved) set.by_stream[stream_of(task)].insert({-placed.priority, task});
    }
    i64 remove(Set& set, i64 task) {
        const std::pair<i64, i64> key{-tasks[size_t(task)].placed.priority, task};
        set.order.erase(key);
        if (s.interleaved) {
            auto stream = set.by_stream.find(stream_of(task));
            stream->second.erase(key);
            if (stream->second.empty()) set.by_stream.erase(stream);
        }
        return task;
    }

    /// The task that an idle worker starts: of its own set, or with `steal` from the far end of its pool's largest.
    i64 taken(size_t worker) {
        Set& own = ready[worker];
        if (!own.order.empty()) return remove(own, s.interleaved ? first_by_turn(own) : own.order.begin()->second);
        if (!s.steal) return idle;
        const size_t pool = worker - worker % size_t(s.workers);
        Set* largest = &ready[pool];
        for (size_t other = pool; other < pool + size_t(s.workers); other++)
            if (ready[other].order.size() > largest->order.size()) largest = &ready[other];
        return largest->order.empty() ? idle : remove(*largest, largest->order.rbegin()->second);
    }
    /// Of the tasks of highest priority one of the stream whose latest start is longest ago.
    i64 first_by_turn(const Set& set) const {
        const i64 highest = set.order.begin()->first;
        i64 best = idle, longest_ago = 0;
        for (const auto& [stream, tasks_of_it] : set.by_stream) {
            if (tasks_of_it.begin()->first != highest) continue;
            const auto found = latest.find(stream);
            const i64 turn = found == latest.end() ? -1 : found->second;
            const i64 task = tasks_of_it.begin()->second;
            if (best == idle || turn < longest_ago || (turn == longest_ago && task < best))
                best = task, longest_ago = turn;
        }
        return best;
    }
};

}  // namespace tasking
}  // namespace htp
