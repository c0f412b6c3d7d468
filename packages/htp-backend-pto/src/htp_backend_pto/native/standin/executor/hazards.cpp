#include "hazards.hpp"

#include <map>

namespace htp_pto {

namespace {

// Which tasks come before which, through edges.
class Paths {
public:
    explicit Paths(const Graph& graph) : words_((graph.tasks.size() + 63) / 64) {
        for (const Task& task : graph.tasks) {
            std::vector<uint64_t> bits(words_, 0);
            for (int64_t from : task.before) {
                bits[size_t(from) / 64] |= uint64_t(1) << (from % 64);
                for (size_t w = 0; w < words_; ++w) bits[w] |= before_[size_t(from)][w];
            }
            before_.push_back(std::move(bits));
        }
    }
    bool ordered(int64_t first, int64_t then) const {
        return (before_[size_t(then)][size_t(first) / 64] >> (first % 64)) & 1;
    }

private:
    size_t words_;
    std::vector<std::vector<uint64_t>> before_;
};

// The tasks that touched one stretch of bytes since its last writer, and that writer.
struct Stretch {
    uint64_t end;
    int64_t writer = -1;
    std::vector<int64_t> readers, adders;
};

// Global memory cut into stretches whose history is the same.
class History {
public:
    template <typename F> void update(const Range& range, F f) {
        cut(range.begin);
        cut(range.end);
        uint64_t at = range.begin;
        while (at < range.end) {
            auto here = stretches_.find(at);
            if (here == stretches_.end()) {
                auto next = stretches_.lower_bound(at);
                uint64_t end = next == stretches_.end() ? range.end : std::min(next->first, range.end);
                here = stretches_.emplace(at, Stretch{end, -1, {}, {}}).first;
            }
            f(at, here->second);
            at = here->second.end;
        }
    }

private:
    void cut(uint64_t at) {
        auto after = stretches_.lower_bound(at);
        if (after == stretches_.begin()) return;
        auto here = std::prev(after);
        if (here->first >= at || here->second.end <= at) return;
        Stretch right = here->second;
        here->second.end = at;
        stretches_.emplace(at, right);
    }

    std::map<uint64_t, Stretch> stretches_;
};

}  // namespace

void report_hazards(const Graph& graph, const Memory& memory, Diagnostics& diagnostics,
                    const std::function<std::string(const Task&)>& name) {
    const Paths paths(graph);
    History history;
    std::set<std::pair<int64_t, int64_t>> told;
    auto check = [&](const char* kind, int64_t first, const Task& then, uint64_t at) {
        if (first < 0 || first == then.id || paths.ordered(first, then.id) || !told.insert({first, then.id}).second)
            return;
        const Task& earlier = graph.tasks[size_t(first)];
        Place place;
        place.task = then.id;
        place.kernel = name(then);
        std::string text = std::string(kind) + ": task " + std::to_string(first) + " (" + name(earlier) +
                           ") and task " + std::to_string(then.id) + " (" + name(then) + ") touch " + memory.name(at) +
                           ", and no edge orders them";
        diagnostics.report("task-hazard", text, place);
    };
    for (const Task& task : graph.tasks) {
        for (const Range& range : task.reads)
            history.update(range, [&](uint64_t at, Stretch& stretch) {
                check("RAW", stretch.writer, task, at);
                for (int64_t adder : stretch.adders) check("RAW", adder, task, at);
                stretch.readers.push_back(task.id);
            });
        for (const Range& range : task.adds)
            history.update(range, [&](uint64_t at, Stretch& stretch) {
                check("WAW", stretch.writer, task, at);
                for (int64_t reader : stretch.readers) check("WAR", reader, task, at);
                stretch.adders.push_back(task.id);
            });
        for (const Range& range : task.writes)
            history.update(range, [&](uint64_t at, Stretch& stretch) {
                check("WAW", stretch.writer, task, at);
                for (int64_t reader : stretch.readers) check("WAR", reader, task, at);
                for (int64_t adder : stretch.adders) check("WAW", adder, task, at);
                stretch.writer = task.id;
                stretch.readers.clear();
                stretch.adders.clear();
            });
    }
}

}  // namespace htp_pto
