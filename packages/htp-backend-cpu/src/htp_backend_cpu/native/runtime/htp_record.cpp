// The text of a recording: JSON with the tasks of a run, their graph and simulated time, as `htp.runs` spells them.
// Knows records; does not know how tasks are run.
#include "htp_record.hpp"
#include "htp_json.hpp"

namespace htp {

thread_local Recording* recording = nullptr;

void tell(void* recording, const char* members, long long cycles) {
    Recording& run = *static_cast<Recording*>(recording);
    run.networks.push_back({members, cycles, run.outside, run.regions.size()});
    run.outside += cycles;
}

namespace tasking {
namespace {

/// The runs of a region's tasks in simulated time, from what is recorded of them.
auto simulated(const Opened& region) {
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

class Text {
public:
    explicit Text(const Recording& run) : run(run) {}

    std::string all(bool trace, bool simulate) const {
        Json json;
        json.open("", '{').open("tasks", '{').number("tasks", run.tasks).number("workers", run.workers);
        json.number("window_high_water", run.high_water).number("window_stalls", run.stalls);
        if (trace) add_runs(json);
        json.close('}');
        if (simulate) add_simulated(json);
        if (trace) add_graph(json);
        return json.close('}').text;
    }

private:
    const Recording& run;

    void add_runs(Json& json) const {
        json.open("runs", '[');
        for (const auto& region : run.regions)
            for (const auto& each : region.tasks) json.run(each.worker, each.submit, each.start, each.end);
        json.close(']');
    }

    /// Regions and networks follow each other; what is spent outside of them lies between.
    void add_simulated(Json& json) const {
        i64 time = 0, spent = 0, most = 0, waits = 0;
        std::vector<i64> starts;
        auto start_networks = [&](size_t regions) {
            for (size_t at; (at = starts.size()) < run.networks.size() && run.networks[at].regions == regions;)
                starts.push_back(time + run.networks[at].outside - spent);
        };
        json.open("simulated", '{').open("tasks", '[');
        size_t regions = 0;
        for (const auto& region : run.regions) {
            start_networks(regions++);
            time += region.outside - spent, spent = region.outside;
            const auto clock = simulated(region);
            for (const auto& each : clock.times)
                json.run(each.worker, time + each.submit, time + each.start, time + each.end);
            time += clock.makespan, waits += clock.stalls, most = std::max(most, clock.high_water);
        }
        start_networks(regions);
        json.close(']').number("makespan", time + run.outside - spent);
        if (!run.networks.empty()) add_networks(json, starts);
        if (!run.regions.empty()) json.number("window_high_water", most).number("window_stalls", waits);
        json.close('}');
    }

    /// The last network as part of the run, those before it one after the other.
    void add_networks(Json& json, const std::vector<i64>& starts) const {
        json.text += "," + run.networks.back().members;
        json.number("networks", i64(run.networks.size())).number("start", starts.back()).open("earlier", '[');
        for (size_t at = 0; at + 1 < run.networks.size(); at++) {
            json.open("", '{').number("start", starts[at]).number("makespan", run.networks[at].cycles);
            json.text += "," + run.networks[at].members;
            json.close('}');
        }
        json.close(']');
    }
    void add_graph(Json& json) const {
        json.open("graph", '{').open("tasks", '[');
        for (const auto& region : run.regions)
            for (const auto& each : region.tasks) {
                json.open("", '{').string("kernel", each.kernel).string("place", each.place).open("at", '[');
                for (size_t axis = 0; axis < each.axes; axis++) json.number("", region.coordinates[each.at + axis]);
                json.close(']').close('}');
            }
        json.close(']').open("edges", '[');
        i64 first = 0;
        for (const auto& region : run.regions) {
            for (const auto& each : region.edges) {
                json.open("", '{').number("source", first + each.source).number("target", first + each.target);
                json.string("kind", kinds(each.kinds).c_str()).close('}');
            }
            first += i64(region.tasks.size());
        }
        json.close(']').close('}');
    }
    static std::string kinds(unsigned bits) {
        static const char* const names[] = {"RAW", "WAR", "WAW", "after", "stream"};  // the bits of Kind
        std::string text;
        for (int bit = 0; bit < 5; bit++)
            if (bits >> bit & 1) text += text.empty() ? "" : "+", text += names[bit];
        return text;
    }
};

}  // namespace
}  // namespace tasking
}  // namespace htp

// Runs of this thread are recorded between begin and end; the text lives until the next end.
extern "C" __attribute__((visibility("default"))) void htp_record_begin(int every) {
    delete htp::recording;
    htp::recording = new htp::Recording();
    htp::recording->every = every != 0;
    htp::recording->began = htp::tasking::nanoseconds();
}
extern "C" __attribute__((visibility("default"))) const char* htp_record_end(int trace, int simulate) {
    static thread_local std::string text;
    text = htp::recording ? htp::tasking::Text(*htp::recording).all(trace != 0, simulate != 0) : "";
    delete htp::recording;
    htp::recording = nullptr;
    return text.c_str();
}
