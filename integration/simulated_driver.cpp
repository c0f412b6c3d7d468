// Reads runs of tasks, simulates each of them with the runtime's clock, and prints what came of it, one line a run.
#include "htp_simulate.hpp"

#include <cstdio>
#include <iostream>

using namespace htp;
using namespace htp::tasking;

static i64 number() {
    i64 value;
    std::cin >> value;
    return value;
}
static std::vector<i64> numbers() {
    std::vector<i64> found(size_t(number()), 0);
    for (i64& each : found) each = number();
    return found;
}

int main() {
    for (i64 runs = number(); runs > 0; runs--) {
        Settings s;
        s.workers = number(), s.steal = number(), s.window = number(), s.bytes = number(), s.pools = number();
        s.issue = number(), s.every = number(), s.batch = number(), s.interleaved = number();
        std::vector<i64> costs;
        auto cost = [&](i64 task) { return costs[size_t(task)]; };
        Clock<decltype(cost)> clock(s, cost);
        for (i64 left = number(); left > 0; left--) {
            costs.push_back(number());
            Placed placed;
            placed.lane = number(), placed.priority = number(), placed.stream = number(), placed.bytes = number();
            const std::vector<i64> awaited = numbers(), before = numbers();
            if (!awaited.empty()) clock.wait(awaited);
            clock.submit(placed, before);
        }
        clock.finish();
        std::cout << clock.makespan << ' ' << clock.high_water << ' ' << clock.stalls;
        for (const Timing& each : clock.times)
            std::cout << ' ' << each.worker << ' ' << each.submit << ' ' << each.start << ' ' << each.end;
        std::cout << '\n';
    }
}
