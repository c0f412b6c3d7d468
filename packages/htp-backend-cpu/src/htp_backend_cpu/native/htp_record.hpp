// Recording: what one run of a program did, written as JSON for the caller: tasks, their graph, simulated time.
// Knows records and their text, which is that of the structs in `htp.runs`; does not know how tasks are run.
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

/// The runs of a region's tasks in simulated time, from what is recorded of them.
inline auto simulated(const Opened& region) {
    auto cost = [&region](i64 task) { return region.tasks[size_t(task)].cost; };
    Clock<decltype(cost)> clock(region.settings, cost);
    std::vector<i64> before;
    auto edge = region.edges.begin();
    auto wait = region.waits.begin();
    for (i64 task = 0; task < i64(region.tasks.size()); task++) {
        for (; wait != region.waits.end() && wait->task == task; ++wait) clock.wait(wait->awaited);
        before.clear();
        for (; edge != region.edges.end() && edge->target == task; ++edge) before.push_back(edge->source);
        clock.submit(region.tasks[size_t(task)].placed, before);
    }
    clock.finish();
    return clock;
}

/// JSON with commas in the right places.
class Json {
public:
    std::string text;

    Json& open(const char* name, char bracket) { return begin(name), text += bracket, first = true, *this; }
    Json& close(char bracket) { return text += bracket, first = false, *this; }
    Json& number(const char* name, i64 value) { return begin(name), text += std::to_string(value), *this; }
    Json& string(const char* name, const char* value) {
        begin(name);
        text += '"';
        for (; *value; value++) {
            if (*value == '"' || *value == '\\') text += '\\';
            if ((unsigned char)*value >= 0x20) text += *value;
        }
        text += '"';
        return *this;
    }
    Json& run(i64 worker, i64 submit, i64 start, i64 end) {
        open("", '{').number("worker", worker).number("submit", submit).number("start", start).number("end", end);
        return close('}');
    }

private:
    bool first = true;
    void begin(const char* name) {
        if (!first) text += ',';
        first = false;
        if (*name) text += '"', text += name, text += "\":";
    }
};

}  // namespace tasking

/// What is kept of one run; `every` keeps the tasks themselves, not only their number.
struct Recording {
    bool every = false;
    i64 outside = 0;  // simulated cycles spent outside of tasks, so far
    i64 began = 0;
    i64 tasks = 0, workers = 0, high_water = 0, stalls = 0;
    std::vector<tasking::Opened> regions;
    std::string streams;  // the processes and channels of a network, as members of `simulated`
    i64 streamed = 0;     // the simulated cycles of networks

    std::string text(bool trace, bool simulate) const {
        tasking::Json json;
        json.open("", '{').open("tasks", '{').number("tasks", tasks).number("workers", workers);
        json.number("window_high_water", high_water).number("window_stalls", stalls);
        if (trace) add_runs(json);
        json.close('}');
        if (simulate) add_simulated(json);
        if (trace) add_graph(json);
        return json.close('}').text;
    }

private:
    void add_runs(tasking::Json& json) const {
        json.open("runs", '[');
        for (const auto& region : regions)
            for (const auto& each : region.tasks) json.run(each.worker, each.submit, each.start, each.end);
        json.close(']');
    }

    /// Regions follow each other; what is spent outside of them lies between.
    void add_simulated(tasking::Json& json) const {
        i64 time = 0, spent = 0, most = 0, waits = 0;
        json.open("simulated", '{').open("tasks", '[');
        for (const auto& region : regions) {
            time += region.outside - spent, spent = region.outside;
            const auto clock = tasking::simulated(region);
            for (const auto& each : clock.times)
                json.run(each.worker, time + each.submit, time + each.start, time + each.end);
            time += clock.makespan, waits += clock.stalls, most = std::max(most, clock.high_water);
        }
        json.close(']').number("makespan", time + outside - spent + streamed);
        if (!streams.empty()) json.text += "," + streams;
        if (!regions.empty()) json.number("window_high_water", most).number("window_stalls", waits);
        json.close('}');
    }

    void add_graph(tasking::Json& json) const {
        json.open("graph", '{').open("tasks", '[');
        for (const auto& region : regions)
            for (const auto& each : region.tasks) {
                json.open("", '{').string("kernel", each.kernel).string("place", each.place).open("at", '[');
                for (size_t axis = 0; axis < each.axes; axis++) json.number("", region.coordinates[each.at + axis]);
                json.close(']').close('}');
            }
        json.close(']').open("edges", '[');
        i64 first = 0;
        for (const auto& region : regions) {
            for (const auto& each : region.edges) {
                json.open("", '{').number("source", first + each.source).number("target", first + each.target);
                json.string("kind", kinds(each.kinds).c_str()).close('}');
            }
            first += i64(region.tasks.size());
        }
        json.close(']').close('}');
    }
    static std::string kinds(unsigned bits) {
        static const char* const names[] = {"RAW", "WAR", "WAW", "after", "stream"};  // the bits of tasking::Kind
        std::string text;
        for (int bit = 0; bit < 5; bit++)
            if (bits >> bit & 1) text += text.empty() ? "" : "+", text += names[bit];
        return text;
    }
};

/// The recording of the run that this thread makes next, null for none.
inline thread_local Recording* recording = nullptr;

/// The context of an entry whose runs may be recorded.
inline Context recorded(const htp_runtime_table* runtime, Failure* failure) {
    return {runtime, failure, recording ? &recording->outside : nullptr, recording};
}

}  // namespace htp

// Runs of this thread are recorded between begin and end; the text lives until the next end.
extern "C" __attribute__((used)) inline void htp_record_begin(int every) {
    delete htp::recording;
    htp::recording = new htp::Recording();
    htp::recording->every = every != 0;
    htp::recording->began = htp::tasking::nanoseconds();
}
extern "C" __attribute__((used)) inline const char* htp_record_end(int trace, int simulate) {
    static thread_local std::string text;
    text = htp::recording ? htp::recording->text(trace != 0, simulate != 0) : "";
    delete htp::recording;
    htp::recording = nullptr;
    return text.c_str();
}
