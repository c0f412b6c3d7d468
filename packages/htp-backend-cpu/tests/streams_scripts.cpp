// Networks whose processes follow scripts: see `scripted` in test_streams.py. Built with -fsanitize=thread and `main`, a
// program that plays networks of its own making many times, and fails when two runs of one differ.
#include "htp_streams.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" const htp_runtime_table* htp_runtime();
extern "C" void htp_record_begin(int every);
extern "C" const char* htp_record_end(int trace, int simulate);

using namespace htp;

namespace {

struct Wire { i64 sender, receiver, capacity, latency, response, initial; };
struct Step { i64 process, kind, wire, given; };
enum { spend, put, get, shut, offer, poll, look, count, crowded, choose, halt, fall, begin };

struct Script {
    i64 processes;
    std::vector<Wire> wires;
    std::vector<Step> steps;
    u64 delays = 0;
};

struct Delays {
    u64 state;
    void idle() {
        if (!state) return;
        state = state * 6364136223846793005u + 1442695040888963407u;
        const u64 draw = state >> 33;
        if (draw % 3 == 0) sched_yield();
        if (draw % 32 == 1) usleep(unsigned(draw >> 8) % 100);
    }
};

struct Played;
void follow(const Context& own, Played& played, i64 number);

/// A network that follows a script.
struct Played {
    const Script& script;
    i64* seen;
    Network& network;
    std::vector<Channel<i64, 0>> channels = {};
    std::vector<std::string> places = {};  // a failure says one of them

    /// The process that starts this one; -1 for one that the network declares.
    i64 parent(i64 number) const {
        for (const Step& step : script.steps)
            if (step.kind == begin && step.given == number) return step.process;
        return -1;
    }
    bool within(i64 number, i64 root) const { return number == root || (number >= 0 && within(parent(number), root)); }
    /// The newest process is that of this number, and gets its ends and those of all that it is to start.
    void give(streams::Process& process, i64 number) {
        process.body = [this, number](const Context& own) { follow(own, *this, number); };
        for (size_t wire = 0; wire < channels.size(); wire++) {
            const Wire& each = script.wires[wire];
            if (within(each.sender, number)) network.sends(*channels[wire].link);
            if (within(each.receiver, number)) network.receives(*channels[wire].link);
        }
    }
};

/// What every step of a process saw, -1 for the end of a stream, -2 for nothing yet.
void follow(const Context& own, Played& played, i64 number) {
    const Script& script = played.script;
    Network& network = played.network;
    const std::vector<Channel<i64, 0>>& channels = played.channels;
    i64 total = number, at = -1;
    Delays delays{script.delays ? script.delays + u64(number) * 977 : 0};
    auto mix = [&](i64 value) { total = (total * 31 + value + 7) % 1000003, played.seen[at] = value; };
    std::vector<streams::Link*> ins;
    for (size_t wire = 0; wire < channels.size(); wire++)
        if (script.wires[wire].receiver == number) ins.push_back(channels[wire].link);
    for (const Step& step : script.steps) {
        at++;
        if (step.process != number) continue;
        delays.idle();
        const Channel<i64, 0> channel = step.wire >= 0 ? channels[size_t(step.wire)] : Channel<i64, 0>{};
        const Recv<i64, 0> in = channel.receiving();
        const Send<i64, 0> out = channel.sending();
        const char* const place = played.places[size_t(at)].c_str();
        i64 found = 0;
        switch (step.kind) {
            case spend: work(own, step.given); break;
            case put: out.send(total, place); break;
            case get: mix(in.advance(place) ? in.token() : -1); break;
            case shut: out.close(place); break;
            case offer: mix(out.try_send(total, place)); break;
            case poll: found = in.try_advance(place), mix(found == 1 ? in.token() : found - 2 ? -2 : -1); break;
            case look: found = in.peek(place), mix(found == 1 ? in.token() : found - 2 ? -2 : -1); break;
            case count: mix(in.occupancy(place)); break;
            case crowded: mix(out.full(place)); break;
            case choose:
                found = network.select(ins.data(), i64(ins.size()), place);
                mix(found < 0 ? -1 : found * 1000 + Recv<i64, 0>{&network, ins[size_t(found)]}.token());
                break;
            case halt: stop_process();
            case begin: {
                streams::Process& child = network.begin_spawn("p", place);
                played.give(child, step.given);
                network.end_spawn(child);
                break;
            }
            default: stop(own, Failure::assertion_failed, place, "", 0, 0);
        }
    }
}

void play(const Context& cx, const Script& script, i64* seen) {
    i64 kinds = 0;
    for (const Step& step : script.steps) kinds |= i64(1) << step.kind;
    const bool timed = kinds >> offer & ((1 << (choose - offer + 1)) - 1 | 1 << (begin - offer));
    run_network(cx, timed, [&](Network& network) {
        static std::unique_ptr<Played> kept;
        kept.reset(new Played{script, seen, network});
        Played& played = *kept;
        for (size_t at = 0; at < script.steps.size(); at++) played.places.push_back("net.py:" + std::to_string(at + 1));
        for (const Wire& wire : script.wires) {
            const Timing timing{wire.capacity, wire.latency, wire.response, wire.initial};
            played.channels.push_back(network.channel<i64, 0>("c", timing));
            for (i64 k = 0; k < wire.initial; k++) played.channels.back().initial(k + 3);
        }
        for (i64 number = 0; number < script.processes; number++)
            if (played.parent(number) < 0) played.give(network.streams::Network::add("p", "net.py:1"), number);
    });
}
std::string told(const Script& script, i64* seen, Failure& failure) {
    htp_record_begin(1);
    const Context cx = recorded(htp_runtime(), &failure);
    bool stopped = false;
    try {
        play(cx, script, seen);
    } catch (const Stop&) { stopped = true; }
    const std::string text = htp_record_end(0, 1);
    return !stopped ? text : failure.code == Failure::deadlock ? failure.text : "";
}

}  // namespace

extern "C" const char* play_script(Failure* failure, i64 processes, const Wire* wires, i64 wire_count, const Step* steps,
                                   i64 step_count, u64 delays, i64* seen) {
    static std::string text;
    text = told({processes, {wires, wires + wire_count}, {steps, steps + step_count}, delays}, seen, *failure);
    return text.c_str();
}

#ifdef STREAMS_MAIN
struct Random {
    u64 state;
    i64 below(i64 n) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return i64((state >> 33) % u64(n));
    }
};

/// Mostly sensible: who receives more than is sent gets the end of the stream, who sends more gets stuck.
static Script random_script(u64 seed) {
    Random random{seed * 977 + 5};
    Script script{2 + random.below(6), {}, {}, 0};
    const i64 wires = 1 + random.below(8);
    for (i64 k = 0; k < wires; k++) {
        const i64 capacity = random.below(5);
        script.wires.push_back({random.below(script.processes), random.below(script.processes), capacity, random.below(3), random.below(3),
                                random.below(4) ? 0 : random.below(capacity + 1)});
    }
    const bool timed = random.below(3) == 0;
    if (random.below(2))  // the last ones are started by those before them
        for (i64 child = script.processes - 1; child > 0 && random.below(3); child--)
            script.steps.push_back({random.below(child), begin, -1, child});
    for (i64 k = 0; k < 60; k++) {
        const i64 wire = random.below(wires), kind = timed && random.below(3) == 0 ? offer + random.below(5) : random.below(3);
        const Wire& chosen = script.wires[size_t(wire)];
        const bool sends = kind == put || kind == offer || kind == crowded;
        script.steps.push_back({sends ? chosen.sender : chosen.receiver, kind, wire, random.below(9)});
    }
    return script;
}

int main(int, char** arguments) {
    for (i64 seed = 0; seed < atoll(arguments[1]); seed++) {
        Script script = random_script(u64(seed));
        std::string first;
        for (u64 round = 0; round < 4; round++) {
            script.delays = round ? u64(seed) * 7 + round : 0;
            std::vector<i64> seen(script.steps.size());
            Failure failure{};
            std::string text = told(script, seen.data(), failure);
            for (i64 each : seen) text += " " + std::to_string(each);
            if (round == 0) first = text;
            if (text != first) return printf("network %lld differs:\n%s\n%s\n", seed, first.c_str(), text.c_str()), 1;
        }
    }
    return 0;
}
#endif
