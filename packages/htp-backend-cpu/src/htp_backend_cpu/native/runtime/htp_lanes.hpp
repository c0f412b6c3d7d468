// Lanes: the workers of a task region. Each has a queue of ready tasks and runs them one at a time; threads carry lanes.
// Knows tasks that are ready, who may take which, and how threads without work sleep; does not know dependences.
#pragma once
#include "htp_parallel.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

namespace htp {
namespace tasking {

HTP_INLINE void pause_cpu() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// A lock for a few instructions; gives the processor away when its holder does not run.
class Lock {
public:
    void lock() {
        for (int spins = 0; taken.exchange(true, std::memory_order_acquire); spins++)
            if (spins < 64) pause_cpu();
            else sched_yield();
    }
    void unlock() { taken.store(false, std::memory_order_release); }

private:
    std::atomic<bool> taken{false};
};

struct Task;

/// What decides which of two ready tasks runs first.
struct Ready {
    Task* task;
    i64 priority, id;
    bool before(const Ready& other) const { return priority != other.priority ? priority > other.priority : id < other.id; }
};

/// Ready tasks, the first by `Ready::before` in front. Most become ready in this order: they are appended to a ring; the
/// others wait in a heap.
class Queue {
public:
    i64 size() const { return i64(last - first) + i64(late.size()); }

    void push(const Ready& task) {
        if (first != last && !ring[(last - 1) & mask].before(task)) {
            late.push_back(task);
            std::push_heap(late.begin(), late.end(), behind);
            return;
        }
        if (last - first == ring.size()) widen();
        ring[last++ & mask] = task;
    }
    Task* pop() {
        if (!late.empty() && (first == last || late.front().before(ring[first & mask]))) {
            std::pop_heap(late.begin(), late.end(), behind);
            return drop_late();
        }
        return ring[first++ & mask].task;
    }
    /// A task from the far end, where it is in nobody's way.
    Task* steal() { return first != last ? ring[--last & mask].task : drop_late(); }

private:
    std::vector<Ready> ring, late;
    size_t first = 0, last = 0, mask = 0;

    static bool behind(const Ready& a, const Ready& b) { return b.before(a); }
    Task* drop_late() {
        Task* task = late.back().task;
        late.pop_back();
        return task;
    }
    void widen() {
        std::vector<Ready> wider(std::max<size_t>(64, 2 * ring.size()));
        for (size_t at = first; at != last; at++) wider[at - first] = ring[at & mask];
        last -= first, first = 0;
        ring.swap(wider);
        mask = ring.size() - 1;
    }
};

struct alignas(64) Lane {
    Lock lock;
    std::atomic<bool> claimed{false};
    std::atomic<i64> ready{0};  // the size of the queue
    Queue queue;
};

/// All lanes of a region, pool after pool. A thread claims a free lane, runs some of its tasks and lets it go; it looks
/// at its own lane first, so that a lane usually stays with one thread, but nothing waits for a thread that is late.
class Lanes {
public:
    const i64 workers, count, carriers;  // lanes of a pool, of all pools; the threads that carry them

    Lanes(i64 workers, i64 pools, i64 threads, bool steal)
        : workers(workers), count(workers * pools), carriers(std::min(threads, count + 1)), stealing(steal),
          lanes(new Lane[size_t(count)]), beds(new Bed[size_t(carriers)]) {}

    void push(i64 number, const Ready& task) {
        Lane& lane = lanes[size_t(number)];
        lane.lock.lock();
        lane.queue.push(task);
        lane.ready.store(lane.queue.size());
        lane.lock.unlock();
        wake_one();
    }

    /// run(task, lane) for up to `most` tasks of one lane that is free; false where there is none.
    template <class Run> bool serve(i64 carrier, int most, Run run) {
        for (i64 step = 0; step < count; step++) {
            const i64 number = (carrier + step) % count;
            Lane& lane = lanes[size_t(number)];
            if (lane.ready.load(std::memory_order_relaxed) == 0 || !claim(lane)) continue;
            bool any = false;
            Task* tasks[batch];
            while (const int got = most > 0 ? take_some(lane, most, tasks) : 0) {
                for (int each = 0; each < got; each++) run(tasks[each], number);
                any = true, most -= got;
            }
            release(lane);
            if (any) return true;
        }
        return stealing && serve_stolen(carrier, run);
    }

    /// Whether `serve` would find something.
    bool available() const {
        for (i64 pool = 0; pool < count; pool += workers) {
            bool waiting = false, idle = false;
            for (i64 number = pool; number < pool + workers; number++) {
                const bool free = !lanes[size_t(number)].claimed.load(), some = lanes[size_t(number)].ready.load() > 0;
                if (some && free) return true;
                waiting |= some, idle |= free;
            }
            if (stealing && waiting && idle) return true;
        }
        return false;
    }

    /// The carrier waits until something is available or done() holds, or for no reason. Who makes done() true wakes it
    /// afterwards. A sleeper says so before it looks, and who brings work looks for sleepers afterwards: one sees the
    /// other.
    template <class Done> void idle(i64 carrier, Done done) {
        for (int pauses = 1; pauses < most_pauses; pauses += pauses) {
            if (done() || available()) return;
            for (int i = 0; i < pauses; i++) pause_cpu();
        }
        std::atomic<unsigned>& asleep = beds[size_t(carrier)].asleep;
        sleepers.fetch_add(1);
        asleep.store(1);
        if ((done() || available()) && rouse(carrier)) return;
        while (asleep.load()) syscall(SYS_futex, &asleep, FUTEX_WAIT_PRIVATE, 1u, nullptr, nullptr, 0);
    }
    bool wake(i64 carrier) {
        const bool slept = rouse(carrier);
        if (slept) syscall(SYS_futex, &beds[size_t(carrier)].asleep, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
        return slept;
    }
    void wake_one() {
        if (sleepers.load() == 0) return;
        for (i64 carrier = 0; carrier < carriers; carrier++)
            if (beds[size_t(carrier)].asleep.load() && wake(carrier)) return;
    }
    void wake_all() {
        for (i64 carrier = 0; carrier < carriers; carrier++) wake(carrier);
    }

private:
    // Looking less and less often leaves the lines to those that write them; all of it is about 20 us.
    static constexpr int most_pauses = 512;
    static constexpr int batch = 8;

    const bool stealing;
    std::unique_ptr<Lane[]> lanes;
    /// Where a carrier sleeps; a sleeper is woken once, however much is brought before it runs again.
    struct alignas(64) Bed { std::atomic<unsigned> asleep{0}; };
    static_assert(sizeof(std::atomic<unsigned>) == 4, "a futex is a plain 32-bit word");
    std::unique_ptr<Bed[]> beds;
    alignas(64) std::atomic<i64> sleepers{0};

    /// Whether this call ends the carrier's sleep.
    bool rouse(i64 carrier) {
        const bool slept = beds[size_t(carrier)].asleep.exchange(0);
        if (slept) sleepers.fetch_sub(1);
        return slept;
    }
    static bool claim(Lane& lane) {
        return !lane.claimed.load(std::memory_order_relaxed) && !lane.claimed.exchange(true);
    }
    /// Somebody may have gone to sleep because the lane was taken.
    void release(Lane& lane) {
        lane.claimed.store(false);
        if (stealing || lane.ready.load() > 0) wake_one();
    }
    /// Of a long queue several at a time, so that lock and counter are not handed back and forth.
    int take_some(Lane& lane, int most, Task** tasks) {
        if (lane.ready.load(std::memory_order_relaxed) == 0) return 0;
        lane.lock.lock();
        const i64 size = lane.queue.size(), share = std::max(i64(size > 0), size / (4 * workers));
        const int count = int(std::min({share, i64(most), i64(batch)}));
        for (int each = 0; each < count; each++) tasks[each] = lane.queue.pop();
        lane.ready.store(lane.queue.size());
        lane.lock.unlock();
        return count;
    }
    static Task* steal(Lane& lane) {
        lane.lock.lock();
        Task* task = lane.queue.size() ? lane.queue.steal() : nullptr;
        lane.ready.store(lane.queue.size());
        lane.lock.unlock();
        return task;
    }

    template <class Run> bool serve_stolen(i64 carrier, Run run) {
        for (i64 step = 0; step < count; step++) {
            const i64 number = (carrier + step) % count, pool = number - number % workers;
            Lane* longest = nullptr;
            for (i64 other = pool; other < pool + workers; other++) {
                Lane& lane = lanes[size_t(other)];
                const i64 ready = lane.ready.load(std::memory_order_relaxed);
                if (ready > (longest ? longest->ready.load(std::memory_order_relaxed) : 0)) longest = &lane;
            }
            Lane& own = lanes[size_t(number)];
            if (!longest || !claim(own)) continue;
            Task* task = steal(*longest);
            if (task) run(task, number);
            release(own);
            if (task) return true;
        }
        return false;
    }
};

}  // namespace tasking
}  // namespace htp
