// A network: channels and processes, and what a process does with its ends of channels.
// Knows the operations and the order of their steps; how processes wait is decided by Kahn or, where one of them looks
// at the time, by Turns.
#pragma once
#include "htp_kahn.hpp"
#include "htp_turns.hpp"

#include <deque>
#include <new>
#include <string>
#include <unordered_map>

namespace htp {
namespace streams {

/// The names that were given, each with the number that the next one of that name is tried with.
class Names {
public:
    /// `name`, or when that is taken `name_2`, `name_3`, …
    const char* unique(const char* name) {
        auto& [own, number] = *taken.try_emplace(name, 1).first;
        if (number++ == 1) return own.c_str();
        for (;; number++) {
            const auto [made, is_new] = taken.try_emplace(own + "_" + std::to_string(number - 1), 2);
            if (is_new) return made->first.c_str();
        }
    }

private:
    std::unordered_map<std::string, i64> taken;  // whose nodes stay where they are
};

/// A text of a failure, which the caller reads before its next run.
inline const char* kept_text(std::string text) {
    static thread_local std::string kept;
    kept = std::move(text);
    return kept.c_str();
}

class Network {
public:
    const Context& cx;
    const bool timed;  // some process looks at the time
    std::vector<std::unique_ptr<Link>> links;
    std::vector<std::unique_ptr<Process>> processes;

    Network(const Context& cx, bool timed) : cx(cx), timed(timed) {}
    Network(const Network&) = delete;
    ~Network() {
        for (auto& each : links)
            if (each->storage()) each->drop_all(), cx.runtime->heap_free(each->storage(), each->bytes());
    }

    /// A channel whose slots have `bytes` each.
    Link& add(const char* name, const Timing& timing, i64 bytes) {
        Process* const maker = here();
        const char* const own = maker ? texts.emplace_back("#" + std::to_string(links.size())).c_str() : names.unique(name);
        links.push_back(std::make_unique<Link>(own, timing, i64(links.size()), bytes));
        Link& link = *links.back();
        if (maker) made_late(link, name, *maker);
        void* memory = cx.runtime->heap_take(link.bytes());
        if (!memory) htp::stop(context(), Failure::out_of_memory, "", "", link.bytes(), 0);
        link.use(static_cast<char*>(memory));
        if (cx.recording) link.accepts = &kept.emplace_back(), link.dequeues = &kept.emplace_back();
        return link;
    }
    /// A process; its ends and its body are given next.
    Process& add(const char* name, const char* place, i64 clock = 0) {
        const char* const own = process_names.unique(name);
        processes.push_back(std::make_unique<Process>(*this, own, place, i64(processes.size()), clock));
        processes.back()->keeps = cx.recording;
        return *processes.back();
    }
    void sends(Link& link) { claim(link, link.sender); }
    void receives(Link& link) { claim(link, link.receiver); }

    /// Runs all processes to their end; whether they came to it.
    bool run(const char* place) {
        for (auto& each : links)
            if (!each->sender || !each->receiver)
                htp::stop(cx, Failure::unconnected, place, kept_text(each->name), each->sender != nullptr, 0);
        const i64 count = i64(processes.size());
        std::vector<Process*> first;  // `processes` may grow while they start
        for (auto& each : processes) first.push_back(each.get());
        if (timed) turns.begin(processes);
        else kahn.begin(processes, cx.runtime->threads());
        if (!cx.runtime->crew(count, live, first.data())) htp::stop(cx, Failure::out_of_memory, "", "", i64(count * crew_stack), 0);
        if (const Process* failing = timed ? turns.failing : kahn.failing) {
            const Failure& why = failing->failure;
            fail(cx, Failure::Code(why.code), why.place, kept_text(why.text), why.value, why.extent);
        }
        return !kahn.stuck && !turns.stuck && !cx.failed();
    }

    // ---- processes that start others ----
    /// The process of this network that this thread runs; null while the network is declared.
    Process* here() const { return running && &running->network == this ? running : nullptr; }
    /// When it is the turn of the process that runs, another one, which begins at its time; what it is comes next.
    Process& begin_spawn(const char* name, const char* place) {
        Process& parent = *here();
        turns.pause(parent, place);
        name_made(parent);
        return add(name, place, parent.now());
    }
    void end_spawn(Process& child) {
        child.bed.lie_down();
        if (!cx.runtime->join_crew(live, const_cast<Process**>(&child.self), 0)) {
            child.ended = true;
            htp::stop(context(), Failure::out_of_memory, "", "", crew_stack, 0);
        }
        turns.add(child);
    }

    /// Channels that a process has made are named when it starts another one, or when it is told where it is stuck.
    void name_made(Process& maker) {
        for (Link* link : maker.unnamed) link->name = names.unique(link->wanted);
        maker.unnamed.clear();
    }

    /// The context of what a process does.
    Context own(Process& me) const { return {cx.runtime, &me.failure, &me.busy, nullptr}; }
    /// The channel that has a token in the hand.
    Link& held(Link& link, const char* place) const {
        if (__builtin_expect(!link.in_hand(), 0)) no_token(link, place);
        return link;
    }
    void no_token(const Link& link, const char* place) const {
        htp::stop(own(*link.receiver), Failure::no_token, place, link.name, 0, 0);
    }

    // ---- sending; `fill(memory)` writes the token ----
    /// Leaves the process when a token is larger along an axis than those that the channel carries.
    void check_size(const Link& link, int axis, i64 size, const char* place) {
        const i64 most = link.sizes[size_t(axis)];
        if (__builtin_expect(size > most, 0))
            htp::stop(own(*link.sender), Failure::token_too_large, place, link.name, size, most);
    }
    template <class Fill> void send(Link& link, const char* place, Fill fill) {
        Process& me = entered(*link.sender);
        check_open(me, link, place, 0);
        const i64 since = me.now();
        if (link.timing.capacity == 0) return offer(me, link, place, since, fill);
        if (timed) turns.turn(me, {Kind::send, since, &link.self, 1, place});
        else {
            if (!link.has_room()) kahn.wait(me, {Kind::send, since, &link.self, 1, place});
            me.until(link.accept_time(since));
        }
        const i64 now = me.now();
        accept(link, since, now, fill);
        me.waited_for(Why::full, link, since);
    }
    template <class Fill> bool try_send(Link& link, const char* place, Fill fill) {
        Process& me = entered(*link.sender);
        check_open(me, link, place, 0);
        turns.pause(me, place);
        const i64 now = me.now();
        if (!accepts(link, now)) return false;
        accept(link, now, now, fill);
        return true;
    }
    bool full(Link& link, const char* place) {
        turns.pause(*here(), place);
        return !accepts(link, here()->now());
    }
    i64 occupancy(Link& link, const char* place) {
        turns.pause(*here(), place);
        return link.count();
    }
    void close(Link& link, const char* place) {
        Process& me = entered(*link.sender);
        check_open(me, link, place, 1);
        if (timed) turns.pause(me, place);
        me.at = me.now();
        finish(link, me, line_of(place));
    }

    // ---- receiving ----
    /// Whether there is a token, which is in the hand then, and not the end of the stream.
    bool advance(Link& link, const char* place) {
        Process& me = entered(*link.receiver);
        const i64 since = me.now();
        if (timed) {
            turns.turn(me, {Kind::recv, since, &link.self, 1, place});
            if (!link.has_token()) return me.waited_for(Why::end, link, since), false;
        } else {
            while (!link.has_token()) {
                if (link.is_closed() && !link.has_token()) {
                    me.until(std::max(since, link.end_time()));
                    me.waited_for(Why::end, link, since);
                    return false;
                }
                if (!link.has_token()) kahn.wait(me, {Kind::recv, since, &link.self, 1, place});
            }
            me.until(std::max(since, link.visible_time()));
        }
        take(me, link, since);
        return true;
    }
    /// 0 for nothing yet, 1 for a token, 2 for the end of the stream; the token is in the hand, and with `stay` also in
    /// the channel.
    i64 look(Link& link, const char* place, bool stay) {
        Process& me = entered(*link.receiver);
        turns.pause(me, place);
        if (!link.has_token()) return link.closed() && link.end_time() <= me.now() ? 2 : 0;
        if (link.visible_time() > me.now()) return 0;
        if (stay) link.look();
        else take(me, link, me.now());
        return 1;
    }
    /// Which of the channels gave a token first, -1 when all streams have ended.
    i64 select(Link* const* links, i64 count, const char* place) {
        Process& me = entered(*links[0]->receiver);
        const i64 since = me.now();
        me.choices.assign(links, links + count);
        turns.turn(me, {Kind::select, since, me.choices.data(), count, place});
        for (i64 each = 0; each < count; each++)
            if (links[each]->has_token() && links[each]->visible_time() <= me.now()) {
                take(me, *links[each], since);
                return each;
            }
        me.waited_for(Why::end, *links[0], since);
        return -1;
    }

private:
    static constexpr i64 crew_stack = 512 << 10;
    Kahn kahn;
    Turns turns;
    std::deque<std::vector<i64>> kept;
    std::deque<std::string> texts;
    Names names, process_names;

    Context context() const { return here() ? own(*here()) : cx; }
    /// A channel that a process makes, whose ends are its own until it gives them away; it is named when it does.
    void made_late(Link& link, const char* name, Process& maker) {
        link.wanted = name, link.made_late = true;
        link.sender = link.receiver = &maker;
        maker.ends.push_back(&link), maker.unnamed.push_back(&link);
    }
    /// The newest process gets an end that nobody has, or the one that starts it.
    void claim(Link& link, Process*& end) {
        Process *const mine = processes.back().get(), *const parent = here();
        if (end && end != mine && end != parent) {
            std::string text = link.name;
            for (const char* each : {end->name, end->place, mine->name}) text += std::string("\n") + each;
            htp::stop(context(), Failure::end_shared, mine->place, kept_text(text), &end == &link.receiver, 0);
        }
        end = mine;
        if (std::find(end->ends.begin(), end->ends.end(), &link) == end->ends.end()) end->ends.push_back(&link);
        if (parent && link.sender != parent && link.receiver != parent)
            parent->ends.erase(std::remove(parent->ends.begin(), parent->ends.end(), &link), parent->ends.end());
    }
    /// The memory of channels that processes made goes with the last process that had an end: there may be any number.
    void retire(const Process& me) {
        for (Link* link : me.ends)
            if (link->made_late && link->storage() && link->sender->ended && link->receiver->ended)
                cx.runtime->heap_free(link->retire(), link->bytes());
    }
    /// Every operation begins here: behind a failure none is done any more.
    Process& entered(Process& me) {
        if (!timed && kahn.is_behind(me)) throw Stop{};
        return me;
    }
    void check_open(Process& me, const Link& link, const char* place, i64 closes) {
        if (__builtin_expect(link.closed(), 0))
            htp::stop(own(me), Failure::stream_closed, place, link.name, link.line_of_close(), closes);
    }
    /// Whether a token would be accepted at once.
    static bool accepts(Link& link, i64 now) {
        if (link.timing.capacity == 0) return Turns::awaited(link, now);
        return link.has_room() && link.accept_time(now) == now;
    }
    template <class Fill> void accept(Link& link, i64 offered, i64 now, Fill fill) {
        fill(link.writing());
        link.accepted(offered, now), link.keep_accept(now);
        link.put(now);
        if (timed) turns.put(link);
        else kahn.put(link);
    }
    /// An offer stands from the moment its sender reaches it, and the sender waits until it is taken.
    template <class Fill> void offer(Process& me, Link& link, const char* place, i64 since, Fill fill) {
        fill(link.writing());
        link.offered = true;
        link.put(since);
        if (timed) {
            turns.put(link);
            turns.turn(me, {Kind::send, since, &link.self, 1, place});
        } else {
            kahn.put(link);
            if (!link.all_taken()) kahn.wait(me, {Kind::send, since, &link.self, 1, place});
            link.offered = false;
            me.until(link.resume_time());
            me.at = link.met_time();
        }
        const i64 now = me.now();
        link.accepted(since, now), link.keep_accept(since);
        me.waited_for(Why::full, link, since);
    }
    void take(Process& me, Link& link, i64 since) {
        const i64 now = me.now();
        me.waited_for(Why::empty, link, since);
        if (!timed) return link.take(since, now), kahn.taken(link);
        const bool met = link.count() == 0;
        if (met) link.offered = false;
        link.take(since, now);
        turns.taken(link, met);
    }
    void finish(Link& link, Process& me, i64 line) {
        link.close(me.now(), line);
        if (timed) turns.put(link);
        else kahn.closed(link);
    }
    /// What a return does: the streams end that the process sends.
    void close_all(Process& me) {
        bool paused = !timed;
        for (Link* link : me.ends) {
            if (link->sender != &me || link->closed()) continue;
            if (!paused) turns.pause(me, ""), paused = true;
            finish(*link, me, 0);
        }
    }
    static void live(void* crew, long long number) {
        Process& me = *static_cast<Process**>(crew)[number];
        Process* const outer = std::exchange(running, &me);
        me.network.live(me);
        running = outer;
    }
    void live(Process& me) {
        const Context cx = own(me);
        try {
            if (timed) turns.first(me);
            me.body(cx);
            if (!cx.failed()) close_all(me), me.ended = true;
        } catch (const Stopped&) {
            me.ended = true;
        } catch (const Stop&) {  // recorded where it was thrown
        } catch (const std::bad_alloc&) {
            fail(cx, Failure::out_of_memory, "", "", 0, 0);
        }
        if (me.ended) retire(me);
        if (timed) leave(turns, me);
        else leave(kahn, me);
    }
    template <class Order> void leave(Order& order, Process& me) {
        if (me.failure.code) order.failed(me);
        order.ended(me);
    }
};

}  // namespace streams
}  // namespace htp
