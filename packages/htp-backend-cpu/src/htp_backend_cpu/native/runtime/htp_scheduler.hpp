// A task region: submission, the window, and who waits for whom.
// Knows how the other parts of the runtime work together; tasks, boxes, lanes, simulated time and records have their own
// files.
//
// One thread runs the text of the region and submits; the others carry lanes. A submitter that has to wait runs tasks
// itself, so one thread alone gets everything done.
#pragma once
#include "htp_depend.hpp"
#include "htp_lanes.hpp"
#include "htp_record.hpp"
#include "htp_task.hpp"

#include <cstring>
#include <new>

namespace htp {
namespace tasking {

class Scheduler {
public:
    Scheduler(const Context& cx, const Settings& given)
        : cx(cx), settings(completed(cx, given)),
          lanes(settings.workers, settings.pools, cx.runtime->threads(), settings.steal), kept(cx),
          recording(static_cast<Recording*>(cx.recording)) {
        if (recording && recording->every) {
            region = &recording->regions.emplace_back();
            region->settings = settings, region->outside = recording->outside;
        }
        if (settings.abort) clock = std::make_unique<Clock<Now>>(settings, Now{this});
        while (capacity < most_tasks && (settings.window == 0 || settings.bytes || capacity < settings.window))
            capacity *= 2;
        chunks.resize(size_t(capacity / chunk));
    }
    Scheduler(const Scheduler&) = delete;

    /// The attributes of the next task.
    void next_has(const Attributes& given) {
        attributes = given;
        after.assign(given.after), at.assign(given.at);
    }

    void submit(const Submitted& given) {
        Task& task = begin(settings.bytes ? given.bytes : 1, given.bytes);
        task.closure = task.storage;
        if (size_t(given.size) > sizeof(task.storage)) task.closure = task.heap = ::operator new(size_t(given.size));
        std::memcpy(task.closure, given.closure, size_t(given.size));
        task.run = given.run;
        find_before(given.touched, given.count);
        if (region) record(task, given.kernel, given.place);
        if (!clock) link(task);
        else if (!clock->submit(task.placed, ids(before))) window_full(given.place, given.kernel);
        next++;
        attributes = {}, after.clear(), at.clear();
    }

    void wait_for(const Touched* touched, int count) {
        awaited.clear();
        for (int i = 0; i < count; i++) history_of(touched[i]).writers(*touched[i].box, gone(), awaited);
        wait();
    }
    void barrier() {
        awaited.clear();
        for (i64 id = kept_all() ? passed : oldest; id < next; id++) awaited.push_back(id);
        wait();
        passed = next;
    }

    i64 first_seen(i64 key) { return seen.try_emplace(key, i64(seen.size())).first->second; }
    void* keep(i64 bytes) { return kept.take(bytes); }

    void run(void (*body)(Scheduler&, void*), void* data) {
        auto share = [&](i64 carrier) {
            if (carrier == 0) drive(body, data);
            else while (!finished.load()) if (!serve(carrier, 32)) lanes.idle(carrier, [&] { return finished.load(); });
        };
        auto range = [](void* given, long long begin, long long end) {
            for (i64 carrier = begin; carrier < end; carrier++) (*static_cast<decltype(share)*>(given))(carrier);
        };
        if (clock) drive(body, data);
        else cx.runtime->parallel_for(lanes.carriers, range, &share);
        if (clock) high_water = clock->high_water, stalls = clock->stalls;
        if (recording) {
            recording->tasks += next, recording->stalls += stalls;
            recording->workers = std::max(recording->workers, lanes.count);
            recording->high_water = std::max(recording->high_water, high_water);
        }
    }

    /// Calls f(); false after a failure, which is recorded.
    template <class F> bool guarded(F f) {
        try {
            f();
            return true;
        } catch (const Stop&) {  // recorded where it was thrown
        } catch (const std::bad_alloc&) {
            fail(cx, Failure::out_of_memory, "", "", 0, 0);
        }
        return false;
    }

private:
    /// A task that the clock starts runs at once: in abort mode simulated time decides what runs before what.
    struct Now {
        Scheduler* scheduler;
        i64 operator()(i64 id) const {
            Task& task = *scheduler->stored[size_t(id)];
            scheduler->execute(task, scheduler->clock->times[size_t(id)].worker);
            scheduler->reclaim(task);
            const i64 cost = task.cost;
            if (!scheduler->region) work(scheduler->cx, cost);  // of whoever opened the tasks
            scheduler->stored[size_t(id)].reset();
            return cost;
        }
    };
    /// Whether nobody has to wait for a task any more.
    struct Gone {
        Scheduler* scheduler;
        bool all;
        bool operator()(i64 id) const { return !all && (id < scheduler->oldest || scheduler->slot(id).done()); }
    };
    static constexpr i64 most_tasks = 1 << 12, chunk = 64;

    const Context& cx;
    const Settings settings;
    Lanes lanes;
    Kept kept;
    Recording* const recording;
    Opened* region = nullptr;  // null where tasks are not recorded one by one
    std::unique_ptr<Clock<Now>> clock;
    std::vector<std::unique_ptr<Task>> stored;  // tasks that wait for the clock
    i64 capacity = chunk;
    std::vector<std::unique_ptr<Task[]>> chunks;  // a ring of `capacity` slots for tasks that are not retired
    i64 next = 0, oldest = 0, used = 0, passed = 0, high_water = 0, stalls = 0;
    Attributes attributes;
    std::vector<i64> after, at, awaited, numbers;
    std::vector<Before> before;
    std::unordered_map<i64, i64> seen, streams;
    std::unordered_map<i64, std::vector<i64>> tags;
    std::vector<std::unique_ptr<Link[]>> link_blocks;
    Link* free_links = nullptr;
    alignas(64) std::atomic<i64> waited_for{-1};
    std::atomic<bool> finished{false};

    static Settings completed(const Context& cx, Settings s) {
        if (s.workers < 1) s.workers = cx.runtime->threads();
        s.pools = std::max(s.pools, i64(1)), s.every = std::max(s.every, i64(1)), s.batch = std::max(s.batch, i64(1));
        return s;
    }
    i64 time() const { return nanoseconds() - recording->began; }
    Task& slot(i64 id) { return chunks[size_t((id & (capacity - 1)) / chunk)][size_t(id % chunk)]; }
    /// Whether dependences on tasks that are done are wanted too: where time is simulated, they are not over.
    bool kept_all() const { return region || clock; }
    Gone gone() { return {this, kept_all()}; }
    std::vector<i64>& ids(const std::vector<Before>& from) {
        numbers.clear();
        for (const auto& each : from) numbers.push_back(each.task);
        return numbers;
    }

    // ---- submission ----
    static History& history_of(const Touched& touched) {
        Accesses& own = *touched.accesses;
        if (!own.history) own.history = new History, own.drop = [](History* history) { delete history; };
        return *own.history;
    }
    /// The slot of the next task, when the window has room for it.
    Task& begin(i64 size, i64 bytes) {
        if (cx.failed()) throw Stop{};
        if (!clock) make_room(size);
        Task* task = clock ? stored.emplace_back(new Task).get() : &fresh_slot();
        task->id = next, task->size = size;
        task->placed.lane = lane_of_next(), task->placed.priority = attributes.priority;
        task->placed.stream = attributes.stream, task->placed.bytes = bytes;
        used += size;
        high_water = std::max(high_water, used);
        return *task;
    }
    Task& fresh_slot() {
        auto& tasks = chunks[size_t((next & (capacity - 1)) / chunk)];
        if (!tasks) tasks.reset(new Task[chunk]);
        Task& task = slot(next);
        task.behind.store(nullptr, std::memory_order_relaxed);
        return task;
    }
    i64 lane_of_next() const {
        const i64 worker = mod(attributes.worker < 0 ? next : attributes.worker, settings.workers);
        return mod(attributes.pool, settings.pools) * settings.workers + worker;
    }
    void make_room(i64 size) {
        if (settings.window || recording) retire();
        const bool full = settings.window && oldest != next && used + size > settings.window;
        stalls += full;
        while (next - oldest == capacity || (settings.window && oldest != next && used + size > settings.window)) {
            help_until_done(oldest);
            retire();
            if (cx.failed()) throw Stop{};
        }
    }

    /// All that the next task comes after, each once.
    void find_before(const Touched* touched, int count) {
        before.clear();
        for (int i = 0; i < count; i++) history_of(touched[i]).find(*touched[i].box, touched[i].mode, gone(), before);
        for (int i = 0; i < count; i++) touched[i].accesses->history->add(*touched[i].box, touched[i].mode, next, gone());
        for (int i = 0; i < count; i++) touched[i].accesses->history->forget_covered(next);
        for (i64 tag : after) {
            auto found = tags.find(tag);
            if (found == tags.end()) continue;
            auto& tagged = found->second;
            tagged.erase(std::remove_if(tagged.begin(), tagged.end(), gone()), tagged.end());
            for (i64 each : tagged) before.push_back({each, after_tag});
        }
        if (attributes.tag >= 0) tags[attributes.tag].push_back(next);
        if (attributes.stream >= 0) {
            auto [last, first] = streams.try_emplace(attributes.stream, next);
            if (!first && !gone()(last->second)) before.push_back({last->second, in_stream});
            last->second = next;
        }
        if (before.size() > 1) join_before();
    }
    void join_before() {
        std::sort(before.begin(), before.end(), [](auto& a, auto& b) { return a.task < b.task; });
        size_t last = 0;
        for (size_t each = 1; each < before.size(); each++) {
            if (before[each].task == before[last].task) before[last].kinds |= before[each].kinds;
            else before[++last] = before[each];
        }
        before.resize(last + 1);
    }

    /// Hangs the task behind what it comes after and is not done; it is ready when there is nothing.
    void link(Task& task) {
        if (before.empty()) return push(task);
        i64 missing = 1;
        int owned = 0;
        task.pending.store(1 + i64(before.size()), std::memory_order_relaxed);
        for (const auto& each : before) {
            if (each.task < oldest || slot(each.task).done()) {
                missing++;
                continue;
            }
            Link* link = owned < 3 ? &task.own[owned++] : take_link(task);
            link->target = &task;
            missing += !hang(slot(each.task), link);
        }
        if (task.pending.fetch_sub(missing) == missing) push(task);
    }
    static bool hang(Task& task, Link* link) {
        Link* head = task.behind.load();
        do {
            if (head == Task::closed()) return false;
            link->next = head;
        } while (!task.behind.compare_exchange_weak(head, link));
        return true;
    }
    void push(Task& task) { lanes.push(task.placed.lane, {&task, task.placed.priority, task.id}); }

    /// Links beyond a task's own come in pairs: the first is the link, the second chains the pairs of one owner.
    Link* take_link(Task& task) {
        if (!free_links) {
            link_blocks.emplace_back(new Link[512]);
            for (int i = 0; i < 512; i += 2) give_link(&link_blocks.back()[size_t(i)]);
        }
        Link* pair = free_links;
        free_links = pair[1].next;
        pair[1].next = task.more;
        task.more = pair;
        return pair;
    }
    void give_link(Link* pair) { pair[1].next = free_links, free_links = pair; }

    void record(Task& task, const char* name, const char* place) {
        task.submit = time();
        region->tasks.push_back({name, place, task.placed, 0, 0, task.submit, 0, 0, region->coordinates.size(), at.size()});
        region->coordinates.insert(region->coordinates.end(), at.begin(), at.end());
        for (const auto& each : before) region->edges.push_back({each.task, next, each.kinds});
    }

    // ---- running ----
    bool serve(i64 carrier, int most) {
        return lanes.serve(carrier, most, [this](Task* task, i64 lane) {
            execute(*task, lane);
            complete(*task);
        });
    }
    void execute(Task& task, i64 lane) {
        task.worker = lane, task.cost = 0;
        if (region) task.start = time();
        const Context own{cx.runtime, cx.failure, kept_all() ? &task.cost : cx.cost, nullptr};
        if (!cx.failed()) task.run(task.closure, own);
        if (region) task.end = time();
    }
    /// What waited for the task may run. Its slot may be used again as soon as it is done: nothing reads it behind that.
    void complete(Task& task) {
        const i64 id = task.id;
        Link* link = task.behind.exchange(Task::closed());
        while (link) {
            Task& target = *link->target;
            link = link->next;  // read before the target, which owns the link, may run
            if (target.pending.fetch_sub(1) == 1) push(target);
        }
        if (waited_for.load() == id) lanes.wake(0);
    }
    void help_until_done(i64 id) {
        Task& task = slot(id);
        while (!task.done()) {
            if (serve(0, 1)) continue;
            waited_for.store(id);
            lanes.idle(0, [&] { return task.done(); });
            waited_for.store(-1);
        }
    }

    // ---- the end of tasks ----
    void retire() {
        for (; oldest < next && slot(oldest).done(); oldest++) reclaim(slot(oldest));
    }
    void reclaim(Task& task) {
        used -= task.size;
        if (task.heap) ::operator delete(task.heap), task.heap = nullptr;
        for (Link *pair = task.more, *behind; pair; pair = behind) behind = pair[1].next, give_link(pair);
        task.more = nullptr;
        if (!region) return;
        Record& record = region->tasks[size_t(task.id)];
        record.cost = task.cost, record.worker = task.worker, record.start = task.start, record.end = task.end;
    }
    void wait() {
        if (region) region->waits.push_back({next, awaited});
        if (clock && !cx.failed() && !clock->wait(awaited)) window_full("", "");
        if (!clock)
            for (i64 id : awaited)
                if (id >= oldest) help_until_done(id);
        if (!clock) retire();
        if (cx.failed()) throw Stop{};
    }
    void drive(void (*body)(Scheduler&, void*), void* data) {
        body(*this, data);
        if (clock) guarded([&] { finish_clock(); });
        else
            for (; oldest < next; retire()) help_until_done(oldest);
        finished.store(true);
        lanes.wake_all();
    }
    void window_full(const char* place, const char* kernel) {
        fail(cx, Failure::window_full, place, kernel, next, settings.window);
    }
    void finish_clock() {
        if (!cx.failed() && !clock->finish()) window_full("", "");
        for (auto& task : stored)
            if (task) reclaim(*task);
    }
};

}  // namespace tasking
}  // namespace htp
