// What is told of a network: its times when it has run, and who waits for what when it is stuck.
// Knows the texts, which are those of `htp.runs` and of `htp_backend_cpu.stuck`.
#pragma once
#include "htp_json.hpp"
#include "htp_network.hpp"

namespace htp {
namespace streams {

inline void tell_waits(const Process& process, Json& json) {
    static const char* const names[] = {"full", "empty", "end"};
    json.open("waits", '[');
    for (const Wait& each : process.stood) {
        json.open("", '{').number("start", each.start).number("end", each.end).string("channel", each.link->name);
        json.string("why", names[int(each.why)]).close('}');
    }
    json.close(']');
}

inline void tell_processes(const Network& network, Json& json) {
    json.open("processes", '{');
    for (auto& each : network.processes) {
        json.open(each->name, '{').number("end", each->now()).number("busy", each->busy);
        json.number("stall_in", each->stall_in).number("stall_out", each->stall_out).number("stalls", each->stalls);
        if (each->keeps) tell_waits(*each, json);
        json.close('}');
    }
    json.close('}');
}

inline void tell_channel(Link& link, Json& json) {
    json.number("capacity", link.timing.capacity).number("sends", link.sends()).number("receives", link.receives());
    json.number("high_water", link.high_water());
    json.number("stall_full", link.stall_full).number("stall_empty", link.stall_empty);
}

inline void tell_channels(const Network& network, Json& json) {
    json.open("channels", '{');
    for (auto& each : network.links) {
        json.open(each->name, '{');
        tell_channel(*each, json);
        json.number("latency", each->timing.latency).number("response", each->timing.response);
        json.number("initial", each->timing.initial);
        if (each->sender) json.string("sender", each->sender->name);
        if (each->receiver) json.string("receiver", each->receiver->name);
        json.number("stalls_full", each->stalls_full).number("stalls_empty", each->stalls_empty);
        json.open("accepts", '[');
        for (i64 time : *each->accepts) json.number("", time);
        json.close(']').open("dequeues", '[');
        for (i64 time : *each->dequeues) json.number("", time);
        json.close(']').close('}');
    }
    json.close('}');
}

inline i64 makespan(const Network& network) {
    i64 latest = 0;
    for (auto& each : network.processes) latest = std::max(latest, each->now());
    return latest;
}

/// All that is known of a network that is stuck; a channel's ends are numbers of processes, -1 for nobody.
inline std::string stuck_text(const Network& network) {
    static const char* const kinds[] = {"go on", "go on", "send", "recv", "select"};
    Json json;
    json.open("", '{').open("channels", '[');
    for (auto& each : network.links) {
        json.open("", '{').string("name", each->name);
        tell_channel(*each, json);
        json.number("sender", each->sender ? each->sender->index : -1);
        json.number("receiver", each->receiver ? each->receiver->index : -1);
        json.number("closed", each->closed()).close('}');
    }
    json.close(']').open("processes", '[');
    for (auto& each : network.processes) {
        json.open("", '{').string("name", each->name).number("clock", each->now()).number("busy", each->busy);
        json.number("stall_in", each->stall_in).number("stall_out", each->stall_out);
        if (!each->ended) {
            json.string("waits", kinds[int(each->pending.kind)]).string("place", each->pending.place).open("channels", '[');
            for (i64 link = 0; link < each->pending.count; link++) json.number("", each->pending.links[link]->index);
            json.close(']');
        }
        json.close('}');
    }
    return json.close(']').close('}').text;
}

/// Runs a network to its end; to a process that does, it is work of the network's makespan.
inline void run_and_tell(Network& network, const char* place) {
    const Context& cx = network.cx;
    if (!network.run(place)) {
        for (auto& each : network.processes)
            if (!each->ended) network.name_made(*each);
        if (!cx.failed()) fail(cx, Failure::deadlock, "", kept_text(stuck_text(network)), 0, 0);
        throw Stop{};
    }
    if (!cx.recording) return work(cx, makespan(network));
    Json json;
    tell_processes(network, json), tell_channels(network, json);
    cx.runtime->tell(cx.recording, json.text.c_str(), makespan(network));
}

}  // namespace streams
}  // namespace htp
