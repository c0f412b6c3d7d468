// Networks as emitted programs see them: typed channels, the ends that processes have, and a network with its run.
// Knows payloads; how they lie in slots is known by `htp_slots.hpp` and `htp_buffers.hpp`, operations are `htp_network.hpp`'s, what is told of a run `htp_told.hpp`'s.
//
// These headers, unlike the rest of the prelude, need the standard library: only programs with networks carry them.
#pragma once
#include "htp_buffers.hpp"
#include "htp_told.hpp"

namespace htp {

/// The receiving end of a channel of numbers (R = 0), of tiles with R axes, or, where T is `Owned`, of buffers.
template <class T, int R> struct Recv {
    streams::Network* network;
    streams::Link* link;

    /// Takes the next token into the hand; false at the end of the stream.
    bool advance(const char* place) const { return network->advance(*link, place); }
    /// The token in the hand.
    auto token(const char* place = "") const { return SlotOf<T, R>::token(network->own(*link->receiver), network->held(*link, place), place); }
    i64 token_size(int axis, const char* place = "") const {
        return SlotOf<T, R>::size(network->held(*link, place).in_hand(), axis);
    }
    /// 0 for none yet, 1 for a token, which is in the hand, 2 at the end of the stream.
    i64 try_advance(const char* place) const { return network->look(*link, place, false); }
    /// The same, and the token stays in the channel.
    i64 peek(const char* place) const { return network->look(*link, place, true); }
    i64 occupancy(const char* place) const { return network->occupancy(*link, place); }
    bool full(const char* place) const { return network->full(*link, place); }
};

/// The sending end.
template <class T, int R> struct Send {
    streams::Network* network;
    streams::Link* link;

    /// Where the next token will lie, for a tile of these sizes.
    template <class... D> Region<T, R> place(const char* place, D... sizes) const {
        int axis = 0;
        (network->check_size(*link, axis++, i64(sizes), place), ...);
        return SlotOf<T, R>::place(link->writing(), sizes...);
    }
    template <class V> void send(V&& token, const char* place) const {
        check(token, place);
        network->send(*link, place, [&](char* slot) { SlotOf<T, R>::fill(slot, token, *link, place); });
    }
    template <class V> bool try_send(V&& token, const char* place) const {
        check(token, place);
        return network->try_send(*link, place, [&](char* slot) { SlotOf<T, R>::fill(slot, token, *link, place); });
    }
    void close(const char* place) const { network->close(*link, place); }
    i64 occupancy(const char* place) const { return network->occupancy(*link, place); }
    bool full(const char* place) const { return network->full(*link, place); }

private:
    template <class V> void check(const V& token, const char* place) const {
        if constexpr (R > 0)
            for (int axis = 0; axis < R; axis++) network->check_size(*link, axis, token.dim(axis), place);
    }
};

/// A channel before its ends are given to processes; a process that made it may use them too.
template <class T, int R> struct Channel {
    streams::Network* network;
    streams::Link* link;

    Recv<T, R> receiving() const { return {network, link}; }
    Send<T, R> sending() const { return {network, link}; }
    /// A token that is in it at time 0.
    template <class V> void initial(V&& token) const {
        SlotOf<T, R>::fill(link->writing(), token, *link, "");
        link->put(-link->timing.latency);
        link->keep_accept(0);
    }
};

namespace streams {
/// An argument of a process that is an end of a channel, before it is known which process has it.
template <class T, int R> struct Receives { Channel<T, R> channel; };
template <class T, int R> struct Sends { Channel<T, R> channel; };

template <class T, int R> Recv<T, R> given(Network& network, const Receives<T, R>& end) {
    network.receives(*end.channel.link);
    return {&network, end.channel.link};
}
template <class T, int R> Send<T, R> given(Network& network, const Sends<T, R>& end) {
    network.sends(*end.channel.link);
    return {&network, end.channel.link};
}
template <class A> A given(Network&, const A& argument) { return argument; }
}  // namespace streams

template <class T, int R> streams::Receives<T, R> receives(const Channel<T, R>& channel) { return {channel}; }
template <class T, int R> streams::Receives<T, R> receives(const Recv<T, R>& end) { return {{end.network, end.link}}; }
template <class T, int R> streams::Sends<T, R> sends(const Channel<T, R>& channel) { return {channel}; }
template <class T, int R> streams::Sends<T, R> sends(const Send<T, R>& end) { return {{end.network, end.link}}; }

/// What stands between `open_network` and `close_network`.
class Network : public streams::Network {
public:
    using streams::Network::Network;

    /// A channel of tiles of up to these sizes, or without sizes of numbers; where T is `Owned`, of buffers.
    template <class T, int R, class... D> Channel<T, R> channel(const char* name, const Timing& timing, D... sizes) {
        static_assert(sizeof...(D) == R, "one size for each axis");
        streams::Link& link = add(name, timing, SlotOf<T, R>::bytes(cx, (i64(1) * ... * i64(sizes))));
        if constexpr (SlotOf<T, R>::owns) link.drops(SlotOf<T, R>::drop);
        link.sizes = {i64(sizes)...};
        return {this, &link};
    }
    /// `kernel(context, arguments...)` as a process.
    template <class Kernel, class... A>
    void process(const char* name, const char* place, Kernel kernel, const A&... arguments) {
        give(add(name, place), kernel, arguments...);
    }
    /// The same as a process that starts now; ends that it is given are no longer those of the process that runs.
    template <class Kernel, class... A>
    void spawn(const char* name, const char* place, Kernel kernel, const A&... arguments) {
        streams::Process& child = begin_spawn(name, place);
        give(child, kernel, arguments...);
        end_spawn(child);
    }

private:
    template <class Kernel, class... A> void give(streams::Process& process, Kernel kernel, const A&... arguments) {
        auto kept = std::make_tuple(streams::given(*this, arguments)...);
        process.body = [kernel, kept](const Context& cx) {
            std::apply([&](const auto&... each) { kernel(cx, each...); }, kept);
        };
    }
};

/// The network of the process that this thread runs.
inline Network& running_network() { return static_cast<Network&>(streams::running->network); }

/// `declare(network)` makes channels and processes, which have run when this returns. After a failure what follows the
/// network is left out. `timed` says that some process looks at the time; `place` is where the network is closed.
template <class Declare>
void run_network(const Context& cx, bool timed, Declare declare, const char* place = "") {
    Network network(cx, timed);
    declare(network);
    if (!network.processes.empty() || !network.links.empty()) streams::run_and_tell(network, place);
}

/// The index of the end whose token is in the hand now, the first of those that have one; -1 when all have ended.
template <class First, class... More> i64 advance_any(const char* place, const First& first, const More&... more) {
    streams::Link* const links[] = {first.link, more.link...};
    return first.network->select(links, 1 + sizeof...(more), place);
}
/// The end that a number chooses, as `advance_any` counts them.
template <class T, int R, class... More> Recv<T, R> one_of(const char* place, i64 at, const Recv<T, R>& first, const More&... more) {
    const Recv<T, R> ends[] = {first, more...};
    if (__builtin_expect(at < 0 || at > i64(sizeof...(more)), 0)) first.network->no_token(*first.link, place);
    return ends[at];
}
/// Ends the process as if its machine had failed: the channels it sends on stay open.
[[noreturn]] inline void stop_process() { throw streams::Stopped{}; }

}  // namespace htp
