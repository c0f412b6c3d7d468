// Processes that look at the time take turns, so that what they see is the same in every run: of those that can go on
// the one whose next operation completes first has the turn, then the one that was declared first. This is the rule of
// `htp.networks`, word for word; no two processes ever run at the same time.
#pragma once
#include "htp_process.hpp"

namespace htp {
namespace streams {

class Turns {
public:
    // Only whoever has the turn writes these.
    bool over = false, stuck = false;
    Process* failing = nullptr;

    void begin(std::vector<std::unique_ptr<Process>>& given) {
        processes = &given;
        live = i64(given.size());
        for (auto& each : given) each->bed.lie_down(), wake(*each);
        hand_to(next());
    }
    /// A process that the one that has the turn has started, and that waits for its first turn.
    void add(Process& started) {
        live++;
        wake(started);
    }
    /// The first turn of a process, which comes to its first operation at once.
    void first(Process& me) { sleep(me); }

    /// Waits until it is the turn of this process to do `pending`; its clock is when that completes.
    void turn(Process& me, const Pending& pending) {
        if (over) throw Stop{};
        me.pending = pending, me.turns++;
        wake(me);
        Process* chosen = next();
        if (chosen != &me) {
            me.bed.lie_down();
            hand_to(chosen);
            sleep(me);
        }
        me.until(time_of(me.pending));
    }
    /// Waits until everything that other processes do before this moment is done.
    void pause(Process& me, const char* place) { turn(me, {Kind::go_on, me.now(), nullptr, 0, place}); }

    /// Looks whether the process can go on, and if so when; `at_once` when its operation has been completed for it.
    void wake(const Process& who, bool at_once = false) {
        const i64 when = who.ended ? never : time_of(who.pending);
        if (when == never) return;
        ready.push_back({at_once ? -1 : when, who.index, who.turns});
        std::push_heap(ready.begin(), ready.end(), later);
    }
    void put(Link& link) {
        if (link.receiver) wake(*link.receiver);
    }
    void taken(Link& link, bool met) {
        if (link.sender) wake(*link.sender, met);
    }
    void failed(Process& me) {
        if (!over) failing = &me, end_all();
    }
    void ended(Process&) {
        if (over) return;
        live--;
        hand_to(next());
    }

    /// Whether the receiver waits at the rendezvous for nothing but this channel, and has not been given a token.
    static bool awaited(const Link& link, i64 now) {
        if (!link.receiver || link.receiver->ended || link.timing.capacity || link.count()) return false;
        const Pending& pending = link.receiver->pending;
        const bool receives = pending.kind == Kind::recv || pending.kind == Kind::select;
        return receives && pending.count == 1 && pending.links[0] == &link && pending.since <= now;
    }

private:
    struct Entry { i64 when, index, turn; };
    static constexpr i64 never = i64(~u64(0) >> 1);

    std::vector<std::unique_ptr<Process>>* processes = nullptr;
    std::vector<Entry> ready;
    i64 live = 0;

    static bool later(const Entry& a, const Entry& b) { return a.when != b.when ? a.when > b.when : a.index > b.index; }

    /// When an operation completes, as far as is known.
    static i64 time_of(const Pending& pending) {
        switch (pending.kind) {
            case Kind::start: return -1;
            case Kind::go_on: return pending.since;
            case Kind::send: {
                Link& link = *pending.links[0];
                if (link.timing.capacity == 0) return link.offered ? never : link.resume_time();
                return link.has_room() ? link.accept_time(pending.since) : never;
            }
            default: return receive_time(pending);
        }
    }
    static i64 receive_time(const Pending& pending) {
        i64 visible = never, end = pending.since, ended = 0;
        for (i64 each = 0; each < pending.count; each++) {
            Link& link = *pending.links[each];
            if (link.has_token()) visible = std::min(visible, link.visible_time());
            else if (link.closed()) end = std::max(end, link.end_time()), ended++;
        }
        if (visible != never) return std::max(pending.since, visible);
        return ended == pending.count ? end : never;
    }

    Process* next() {
        while (!ready.empty()) {
            std::pop_heap(ready.begin(), ready.end(), later);
            const Entry entry = ready.back();
            ready.pop_back();
            Process& process = *(*processes)[size_t(entry.index)];
            if (process.turns == entry.turn && !process.ended) return &process;
        }
        return nullptr;
    }
    void hand_to(Process* chosen) {
        if (chosen) {
            if (chosen->bed.rouse()) chosen->bed.wake();
        } else if (live) {
            stuck = true;
            end_all();
        }
    }
    void end_all() {
        over = true;
        for (auto& each : *processes)
            if (each->bed.rouse()) each->bed.wake();
    }
    void sleep(Process& me) {
        me.bed.sleep();
        if (over) throw Stop{};
    }
};

}  // namespace streams
}  // namespace htp
