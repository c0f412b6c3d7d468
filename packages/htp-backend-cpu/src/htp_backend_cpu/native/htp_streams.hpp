// Networks as emitted programs see them: typed channels, the ends that processes have, and a network with its run.
// Knows payloads and how they lie in slots; operations are `htp_network.hpp`'s, what is told of a run `htp_told.hpp`'s.
//
// A slot has the time of its token, its sizes, then its elements. The token in the hand is read where it lies: there is
// one slot more than the capacity, so that its place is used again only when the receiver has gone on to the next one.
// These headers, unlike the rest of the prelude, need the standard library: only programs with networks carry them.
#pragma once
#include "htp_task_table.hpp"
#include "htp_told.hpp"

namespace htp {

/// Where the parts of a slot for R axes of T begin.
template <class T, int R> struct SlotOf {
    static constexpr i64 data = R ? (8 * (1 + R) + 63) & ~63ll : 8;
    static_assert(sizeof(T) <= 8, "a number has at most 8 bytes");
    static i64 bytes(i64 count) { return R ? (data + count * i64(sizeof(T)) + 63) & ~63ll : 16; }

    /// Writes a token into a slot.
    template <class L> static void fill(char* slot, const Region<T, R, L>& token) {
        i64* sizes = reinterpret_cast<i64*>(slot) + 1;
        i64 dense = 1;
        bool contiguous = true;
        for (int axis = R - 1; axis >= 0; axis--) {
            sizes[axis] = token.dim(axis);
            contiguous &= token.stride(axis) == dense || token.dim(axis) == 1;
            dense *= token.dim(axis);
        }
        T* target = reinterpret_cast<T*>(slot + data);
        if (contiguous) __builtin_memcpy(target, token.data, size_t(dense) * sizeof(T));
        else copy<0>(target, token, token.data);
    }
    static Region<T, R> token(const char* slot) {
        const i64* sizes = reinterpret_cast<const i64*>(slot) + 1;
        Region<T, R> result{reinterpret_cast<T*>(const_cast<char*>(slot) + data), {}, {}};
        i64 stride = 1;
        for (int axis = R - 1; axis >= 0; axis--) {
            result.dims[axis] = sizes[axis], result.strides[axis] = stride;
            stride *= sizes[axis];
        }
        return result;
    }

private:
    template <int Axis, class L> static void copy(T*& target, const Region<T, R, L>& token, const T* from) {
        for (i64 i = 0; i < token.dim(Axis); i++, from += token.stride(Axis)) {
            if constexpr (Axis + 1 == R) *target++ = *from;
            else copy<Axis + 1>(target, token, from);
        }
    }
};

/// The receiving end of a channel of numbers (R = 0) or of tiles with R axes.
template <class T, int R> struct Recv {
    streams::Network* network;
    streams::Link* link;

    /// Takes the next token into the hand; false at the end of the stream.
    bool advance(const char* place) const { return network->advance(*link, place); }
    /// The token in the hand.
    auto token() const {
        if constexpr (R == 0) return *reinterpret_cast<const T*>(link->in_hand() + SlotOf<T, 0>::data);
        else return SlotOf<T, R>::token(link->in_hand());
    }
    /// 0 for none yet, 1 for a token, which is in the hand, 2 at the end of the stream.
    i64 try_advance(const char* place) const { return network->look(*link, place, false); }
    /// The same, and the token stays in the channel.
    i64 peek(const char* place) const { return network->look(*link, place, true); }
    i64 occupancy(const char* place) const { return network->occupancy(*link, *link->receiver, place); }
    bool full(const char* place) const { return network->full(*link, *link->receiver, place); }
};

/// The sending end.
template <class T, int R> struct Send {
    streams::Network* network;
    streams::Link* link;

    template <class V> void send(const V& token, const char* place) const {
        network->send(*link, place, [&](char* slot) { fill(slot, token); });
    }
    template <class V> bool try_send(const V& token, const char* place) const {
        return network->try_send(*link, place, [&](char* slot) { fill(slot, token); });
    }
    void close(const char* place) const { network->close(*link, place); }
    i64 occupancy(const char* place) const { return network->occupancy(*link, *link->sender, place); }
    bool full(const char* place) const { return network->full(*link, *link->sender, place); }

    template <class V> static void fill(char* slot, const V& token) {
        if constexpr (R == 0) *reinterpret_cast<T*>(slot + SlotOf<T, 0>::data) = T(token);
        else SlotOf<T, R>::fill(slot, token);
    }
};

/// A channel before its ends are given to processes.
template <class T, int R> struct Channel {
    streams::Network* network;
    streams::Link* link;

    /// A token that is in it at time 0.
    template <class V> void initial(const V& token) const {
        Send<T, R>::fill(link->writing(), token);
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
template <class T, int R> streams::Sends<T, R> sends(const Channel<T, R>& channel) { return {channel}; }

/// What stands between `open_network` and `close_network`.
class Network : public streams::Network {
public:
    using streams::Network::Network;

    /// A channel of tiles of up to these sizes, or without sizes of numbers.
    template <class T, int R, class... D> Channel<T, R> channel(const char* name, const Timing& timing, D... sizes) {
        static_assert(sizeof...(D) == R, "one size for each axis");
        const i64 count = bytes_of<T>(cx, (i64(1) * ... * i64(sizes))) / i64(sizeof(T));
        return {this, &add(name, timing, SlotOf<T, R>::bytes(count))};
    }
    /// `kernel(context, arguments...)` as a process.
    template <class Kernel, class... A>
    void process(const char* name, const char* place, Kernel kernel, const A&... arguments) {
        add(name, place);
        auto kept = std::make_tuple(streams::given(*this, arguments)...);
        body([kernel, kept](const Context& cx) { std::apply([&](const auto&... each) { kernel(cx, each...); }, kept); });
    }
};

/// `declare(network)` makes channels and processes, which have run when this returns. After a failure what follows the
/// network is left out. `timed` says that some process looks at the time.
template <class Declare> void run_network(const Context& cx, bool timed, Declare declare) {
    Network network(cx, timed);
    declare(network);
    if (!network.processes.empty()) streams::run_and_tell(network);
}

/// The index of the end whose token is in the hand now, the first of those that have one; -1 when all have ended.
template <class First, class... More> i64 advance_any(const char* place, const First& first, const More&... more) {
    streams::Link* const links[] = {first.link, more.link...};
    return first.network->select(links, 1 + sizeof...(more), place);
}
/// Ends the process as if its machine had failed: the channels it sends on stay open.
[[noreturn]] inline void stop_process() { throw streams::Stopped{}; }

}  // namespace htp
