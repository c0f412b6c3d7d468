// Processes that run at the same time: they only send and receive, so values and times are the same in any order.
// Knows how a process waits for another one, and when all of them wait for each other.
#pragma once
#include "htp_process.hpp"

#include <sched.h>

#include <ctime>
#include <mutex>

namespace htp {
namespace streams {

class Kahn {
public:
    bool stuck = false;  // it was a deadlock
    // The process that failed first: the time of its last operation is the earliest, then its index. So it is the same
    // one in every run, whatever else has failed by then.
    Process* failing = nullptr;

    /// A process that waits turns on the spot for some time, unless others need its processor, then lets others go before
    /// it, the fewer times the more there are, and sleeps at last: to sleep and be woken costs as much as many tokens.
    void begin(std::vector<std::unique_ptr<Process>>& given, i64 processors) {
        processes = &given;
        live.store(i64(given.size()));
        doublings = live.load() <= processors ? 8 : 0;
        rounds = doublings + int(256 * processors / live.load());
    }

    /// Whether some process failed before the next operation of this one. The others go on up to that time, for one of
    /// them may have failed before; those whose time stands still would go on for ever.
    HTP_INLINE bool is_behind(Process& me) const {
        const i64 time = last.load(std::memory_order_relaxed), now = me.now();
        return __builtin_expect(now >= time, 0) && (now > time || ++me.after_failure > most_at_once);
    }
    void failed(Process& me) {
        std::lock_guard<std::mutex> hold(lock);
        if (failing && (failing->at < me.at || (failing->at == me.at && failing->index < me.index))) return;
        failing = &me;
        last.store(me.at);
    }
    /// Returns when `pending` can be done.
    void wait(Process& me, const Pending& pending) {
        const Link& link = *pending.links[0];
        const bool sends = pending.kind == Kind::send;
        for (int step = 0; step < rounds; step++) {
            if (over.load(std::memory_order_relaxed)) throw Stop{};
            if (sends ? half_free(link) : ready(link, sends)) return;
            if (step >= doublings) sched_yield();
            else for (int i = 0; i < 1 << step; i++) pause_cpu();
        }
        if (ready(link, sends)) return;
        me.pending = pending;
        me.waits.store(mark(link, sends));
        tell(me);
        while (!ready(link, sends)) {
            if (over.load()) throw Stop{};
            me.bed.lie_down();
            const bool last = asleep.fetch_add(1) + 1 >= live.load();
            me.bed.settle();
            if (over.load() || ready(link, sends)) {
                rouse(me);
                continue;
            }
            if (last) look_for_deadlock();
            me.bed.sleep();
        }
    }

    /// A token was put: its receiver is told, but one that sleeps not for every single token of a fast sender.
    HTP_INLINE void put(Link& link) {
        if (link.receiver && link.receiver->bed.asleep()) tell_receiver(link);
    }
    /// A slot was freed: its sender is told when half of them are.
    HTP_INLINE void taken(Link& link) {
        if (link.sender && link.sender->bed.asleep()) tell_sender(link);
    }
    void closed(Link& link) {
        if (link.receiver) wake(*link.receiver);
    }
    void ended(Process& me) {
        tell(me);
        me.waits.store(has_ended);
        const i64 left = live.fetch_sub(1) - 1;
        if (asleep.load() >= left) look_for_deadlock();
    }

private:
    std::atomic<bool> over{false};  // nobody can go on
    std::atomic<i64> last{i64(~u64(0) >> 1)};  // the time of the first failure
    std::mutex lock;
    std::vector<std::unique_ptr<Process>>* processes = nullptr;
    int doublings = 0, rounds = 0;
    alignas(64) std::atomic<i64> live{0}, asleep{0}, woken{0};
    // Process::waits: the address of the channel, and in the lowest bit whether it sends there.
    static constexpr __UINTPTR_TYPE__ has_ended = 1;
    // Nanoseconds between two tokens of a fast sender: ten times what waking somebody costs.
    static constexpr i64 fast = 50000;
    // Operations at the time of a failure: more than networks have whose times differ, and done within a second.
    static constexpr i64 most_at_once = 1 << 22;

    static __UINTPTR_TYPE__ mark(const Link& link, bool sends) { return reinterpret_cast<__UINTPTR_TYPE__>(&link) | sends; }
    /// What a wait is for: at a rendezvous a sender waits until its token is taken, else for a slot.
    static bool ready(const Link& link, bool sends) {
        if (!sends) return link.is_closed() || link.counter_sent() != link.receives();
        return link.counter_sent() - link.counter_taken() < std::max<i64>(link.timing.capacity, 1);
    }
    /// Senders go on when half of the slots are free: with every single one they and their receivers would hold each
    /// other up at every token.
    static bool half_free(const Link& link) {
        return 2 * (link.counter_sent() - link.counter_taken()) <= link.timing.capacity;
    }
    static i64 nanoseconds() {
        timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return i64(now.tv_sec) * 1000000000 + now.tv_nsec;
    }
    bool rouse(Process& who) {
        if (!who.bed.asleep()) return false;
        woken.fetch_add(1);
        const bool slept = who.bed.rouse();
        if (slept) asleep.fetch_sub(1);
        return slept;
    }
    void wake(Process& who) {
        if (rouse(who)) who.bed.wake();
    }
    __attribute__((noinline)) void tell_receiver(Link& link) {
        if (link.receiver->waits.load() != mark(link, false)) return;
        const i64 now = nanoseconds();
        const bool many = 2 * (link.counter_sent() - link.counter_taken()) >= link.timing.capacity;
        link.owes_receiver = now - link.told < fast && !many;
        link.told = now;
        if (!link.owes_receiver) wake(*link.receiver);
    }
    __attribute__((noinline)) void tell_sender(Link& link) {
        if (link.sender->waits.load() != mark(link, true)) return;
        link.owes_sender = !half_free(link);
        if (!link.owes_sender) wake(*link.sender);
    }
    /// Everybody is told what was kept from them; without it they might wait for one who waits for them.
    void tell(Process& me) {
        for (Link* link : me.ends) {
            if (link->sender == &me && link->owes_receiver) link->owes_receiver = false, wake(*link->receiver);
            if (link->receiver == &me && link->owes_sender) link->owes_sender = false, wake(*link->sender);
        }
    }

    /// Called when all live processes lie down. Some may get up again by themselves, because what they wait for has come
    /// while they lay down; then nothing is wrong, and whoever lies down last looks again. When none of them does, and
    /// nobody was woken while all were looked at twice, then nobody is left to change anything.
    void look_for_deadlock() {
        const i64 before = woken.load();
        for (int pass = 0; pass < 2; pass++)
            for (auto& each : *processes) {
                const auto waits = each->waits.load();
                if (waits == has_ended) continue;
                if (!each->bed.asleep() || ready(*reinterpret_cast<const Link*>(waits & ~has_ended), waits & 1)) return;
            }
        if (woken.load() != before || live.load() == 0 || over.exchange(true)) return;
        stuck = !failing;
        for (auto& each : *processes) wake(*each);
    }
};

}  // namespace streams
}  // namespace htp
