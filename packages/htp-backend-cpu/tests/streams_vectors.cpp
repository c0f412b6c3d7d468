// The networks of csp_vectors.json as an emitted program would have them; see test_streams.py.
#include "htp_streams.hpp"

#include <cstdio>
#include <cstring>

extern "C" const htp_runtime_table* htp_runtime();
extern "C" void htp_record_begin(int every);
extern "C" const char* htp_record_end(int trace, int simulate);

using namespace htp;

namespace {

using In = Recv<i32, 0>;
using Out = Send<i32, 0>;

// With a seed, processes idle for random times between their operations: nothing may depend on who is first.
thread_local u64 chance = 0;
u64 seed = 0;
std::string order;

void idle(const Context&) {
    if (!seed) return;
    if (!chance) chance = seed ^ u64(reinterpret_cast<__UINTPTR_TYPE__>(&chance));
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    const u64 draw = chance >> 33;
    if (draw % 4 == 0) sched_yield();
    if (draw % 16 == 1) usleep(unsigned(draw >> 8) % 200);
}
void put(const Context& cx, Out out, i32 value) { idle(cx), out.send(value, "net.py:1"); }
bool get(const Context& cx, In inp) { return idle(cx), inp.advance("net.py:2"); }
void note(const char* text) { order += order.empty() ? "" : " ", order += text; }
void note(const char* from, i32 value) { note((from + std::to_string(value)).c_str()); }

auto produce = [](const Context& cx, Out out, i64 count, i64 cost) {
    for (i32 k = 0; k < count; k++) work(cx, cost), put(cx, out, k);
};
auto stage = [](const Context& cx, In inp, Out out, i64 cost) {
    while (get(cx, inp)) {
        const i32 token = inp.token();
        work(cx, cost), put(cx, out, token);
    }
};
auto consume = [](const Context& cx, In inp, i64 cost) {
    while (get(cx, inp)) work(cx, cost);
};

void three_stages(Network& net, i64 capacity, i64 latency) {
    auto a = net.channel<i32, 0>("a", {capacity, latency}), b = net.channel<i32, 0>("b", {capacity, latency});
    net.process("load", "net.py:10", produce, sends(a), i64(4), i64(2));
    net.process("comp", "net.py:11", stage, receives(a), sends(b), i64(5));
    net.process("store", "net.py:12", consume, receives(b), i64(1));
}
void one_channel(Network& net, const Timing& timing, i64 count, i64 cost) {
    auto q = net.channel<i32, 0>("q", timing);
    net.process("prod", "net.py:10", produce, sends(q), count, i64(1));
    net.process("cons", "net.py:11", consume, receives(q), cost);
}
void diamond(Network& net) {
    auto make = [&](const char* name) { return net.channel<i32, 0>(name, {1}); };
    auto u = make("u"), v = make("v"), ur = make("ur"), vr = make("vr");
    net.process("fork", "net.py:10", [](const Context& cx, Out one, Out two) {
        for (i32 k = 0; k < 3; k++) work(cx, 1), put(cx, one, k), put(cx, two, k);
    }, sends(u), sends(v));
    net.process("fast", "net.py:11", stage, receives(u), sends(ur), i64(1));
    net.process("slow", "net.py:12", stage, receives(v), sends(vr), i64(6));
    net.process("join", "net.py:13", [](const Context& cx, In one, In two) {
        while (get(cx, one)) get(cx, two), work(cx, 1);
    }, receives(ur), receives(vr));
}
void multi_rate(Network& net) {
    auto m = net.channel<i32, 0>("m", {4});
    net.process("P", "net.py:10", [](const Context& cx, Out out) {
        for (i32 k = 0; k < 6; k++) work(cx, 3), put(cx, out, k), put(cx, out, k);
    }, sends(m));
    net.process("C", "net.py:11", [](const Context& cx, In inp) {
        while (get(cx, inp)) get(cx, inp), get(cx, inp), work(cx, 4);
    }, receives(m));
}
void feedback(Network& net, bool token) {
    auto fwd = net.channel<i32, 0>("fwd", {1}), back = net.channel<i32, 0>("back", {1, 0, 0, token});
    if (token) back.initial(0);
    auto turn = [](const Context& cx, In inp, Out out, i64 cost) {
        for (i32 k = 0; k < 4; k++) get(cx, inp), work(cx, cost), put(cx, out, k);
    };
    net.process("A", "net.py:10", turn, receives(back), sends(fwd), i64(2));
    net.process("B", "net.py:11", turn, receives(fwd), sends(back), i64(3));
}
void two_orders(Network& net, i64 capacity) {
    auto x = net.channel<i32, 0>("x", {capacity}), y = net.channel<i32, 0>("y", {2});
    net.process("S", "net.py:10", [](const Context& cx, Out one, Out two) {
        for (i32 k = 0; k < 4; k++) put(cx, one, k);
        for (i32 k = 0; k < 4; k++) put(cx, two, k);
    }, sends(x), sends(y));
    net.process("M", "net.py:11", [](const Context& cx, In one, In two) {
        for (i32 k = 0; k < 4; k++) get(cx, one), get(cx, two), work(cx, 1);
    }, receives(x), receives(y));
}
void starving(Network& net) {
    auto q = net.channel<i32, 0>("q", {2});
    net.process("prod", "net.py:10", [](const Context& cx, Out out) {
        for (i32 k = 0; k < 3; k++) work(cx, 2), put(cx, out, k);
        stop_process();
    }, sends(q));
    net.process("cons", "net.py:11", consume, receives(q), i64(1));
}
void selecting(Network& net) {
    auto p = net.channel<i32, 0>("p", {2}), q = net.channel<i32, 0>("q", {2});
    net.process("P", "net.py:10", produce, sends(p), i64(3), i64(3));
    net.process("Q", "net.py:11", produce, sends(q), i64(3), i64(4));
    net.process("M", "net.py:12", [](const Context& cx, In one, In two) {
        for (i64 found; idle(cx), (found = advance_any("net.py:20", one, two)) >= 0; work(cx, 2))
            note(found ? "q" : "p", (found ? two : one).token());
    }, receives(p), receives(q));
}
void polling(Network& net) {
    auto p = net.channel<i32, 0>("p", {1, 1});
    net.process("P", "net.py:10", produce, sends(p), i64(2), i64(3));
    net.process("M", "net.py:11", [](const Context& cx, In inp) {
        for (;; work(cx, 2)) {
            const i64 found = inp.try_advance("net.py:20");
            if (found == 1) note("p", inp.token());
            else note(found ? "<EOS>" : "<NONE>");
            if (found == 2) break;
        }
    }, receives(p));
}
void event(Network& net, i64 before, i64 other) {
    auto e = net.channel<i32, 0>("e", {0});
    net.process("A", "net.py:10", [](const Context& cx, Out out, i64 cost) {
        work(cx, cost), put(cx, out, 0), work(cx, 1);
    }, sends(e), before);
    net.process("B", "net.py:11", [](const Context& cx, In inp, i64 cost) {
        work(cx, cost), get(cx, inp), work(cx, 4);
    }, receives(e), other);
}
void scatter_gather(Network& net) {
    auto w0 = net.channel<i32, 0>("w0", {2}), w1 = net.channel<i32, 0>("w1", {2});
    auto r0 = net.channel<i32, 0>("r0", {2}), r1 = net.channel<i32, 0>("r1", {2});
    net.process("gen", "net.py:10", [](const Context& cx, Out one, Out two) {
        for (i32 k = 0; k < 6; k++) work(cx, 1), put(cx, k % 2 ? two : one, k);
    }, sends(w0), sends(w1));
    net.process("W0", "net.py:11", stage, receives(w0), sends(r0), i64(5));
    net.process("W1", "net.py:11", stage, receives(w1), sends(r1), i64(3));
    net.process("col", "net.py:12", [](const Context& cx, In one, In two) {
        for (i32 k = 0; k < 6; k++) {
            const In inp = k % 2 ? two : one;
            require(cx, get(cx, inp) && inp.token() == k, "in order", "net.py:21"), work(cx, 1);
        }
    }, receives(r0), receives(r1));
}
void attention(Network& net) {
    auto q = net.channel<i32, 0>("q", {1}), kv = net.channel<i32, 0>("kv", {2});
    auto s = net.channel<i32, 0>("s", {2}), p = net.channel<i32, 0>("p", {2});
    net.process("load", "net.py:10", [](const Context& cx, Out one, Out two) {
        work(cx, 30), put(cx, one, 0);
        for (i32 k = 0; k < 8; k++) work(cx, 40), put(cx, two, k);
    }, sends(q), sends(kv));
    net.process("qk", "net.py:11", [](const Context& cx, In one, In two, Out out) {
        get(cx, one), stage(cx, two, out, 100);
    }, receives(q), receives(kv), sends(s));
    net.process("softmax", "net.py:12", stage, receives(s), sends(p), i64(60));
    net.process("pv", "net.py:13", consume, receives(p), i64(100));
}

void declare(Network& net, int number) {
    switch (number) {
        case 1: return three_stages(net, 2, 0);
        case 2: return three_stages(net, 1, 0);
        case 3: return three_stages(net, 2, 3);
        case 4: return three_stages(net, 0, 0);
        case 5: return one_channel(net, {2}, 6, 10);
        case 6: return one_channel(net, {1, 2, 2}, 5, 1);
        case 7: return diamond(net);
        case 8: return multi_rate(net);
        case 9: return feedback(net, true);
        case 10: return feedback(net, false);
        case 11: return two_orders(net, 2);
        case 12: return two_orders(net, 3);
        case 13: return starving(net);
        case 14: return selecting(net);
        case 15: return polling(net);
        case 16: return event(net, 7, 2);
        case 17: return event(net, 2, 9);
        case 18: return scatter_gather(net);
        default: return attention(net);
    }
}

}  // namespace

/// Runs T`number`; the text of the run, or the report of the deadlock. `timed` takes turns although nobody looks at the time.
extern "C" const char* run_vector(Failure* failure, i64 number, bool timed, u64 delays) {
    static std::string text;
    seed = delays, order.clear();
    htp_record_begin(1);
    const Context cx = recorded(htp_runtime(), failure);
    try {
        run_network(cx, timed || number == 14 || number == 15, [&](Network& net) { declare(net, int(number)); });
        text = htp_record_end(0, 1);
    } catch (const Stop&) {
        htp_record_end(0, 0);
        text = failure->text;
    }
    return text.c_str();
}
extern "C" const char* noted() { return order.c_str(); }
