// Random task programs on several threads, to be built with -fsanitize=thread together with the emitted `play` (see
// register_form/random_tasks.py) and the runtime. Arguments: how many programs. Fails when a result differs from that of a
// window of one task, which runs them one after the other.
#include "htp_parallel.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace htp;
extern "C" const htp_runtime_table* htp_runtime();
extern "C" void htp_set_threads(long long);
extern "C" i32 htp_play(const htp_runtime_table*, Failure*, const i64* rows, i64* a, i64* b, i64 workers, bool_ steal,
                        i64 window, i64 pools, i64 count);
extern "C" void htp_record_begin(int every);
extern "C" const char* htp_record_end(int trace, int simulate);

struct Random {
    u64 state;
    i64 below(i64 n) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return i64((state >> 33) % u64(n));
    }
};
struct Arrays {
    std::vector<i64> a, b;
    Arrays() : a(3 * 24 * 24), b(24) {
        for (size_t i = 0; i < a.size(); i++) a[i] = i64(i % 97);
    }
};

static std::vector<i64> table(u64 seed, i64 count) {
    Random random{seed * 977 + 5};
    const i64 tile = random.below(2) ? 4 : 1 + random.below(7);
    std::vector<i64> rows;
    for (i64 t = 0; t < count; t++) {
        const i64 kind = random.below(40), what = kind < 15 ? 0 : kind < 30 ? 1 : kind < 38 ? 2 : kind < 39 ? 3 : 4;
        rows.push_back(what);
        for (int side = 0; side < 2; side++) {
            rows.push_back(random.below(3));
            for (int axis = 0; axis < 2; axis++) {
                const i64 start = random.below(24 / tile) * tile, end = start + tile;
                rows.push_back(start), rows.push_back(end);
            }
        }
        rows.push_back(random.below(4) - 1), rows.push_back(random.below(2));
        rows.push_back(random.below(3)), rows.push_back(random.below(8) - 6);
        rows.push_back(random.below(8) - 6), rows.push_back(random.below(8) - 6);
    }
    return rows;
}

int main(int, char** arguments) {
    const i64 programs = atoll(arguments[1]);
    for (i64 seed = 0; seed < programs; seed++) {
        const i64 count = 50 + seed * 37 % 400;
        const std::vector<i64> rows = table(u64(seed), count);
        Arrays one, many;
        Failure failure{};
        htp_play(htp_runtime(), &failure, rows.data(), one.a.data(), one.b.data(), 1, false, 1, 1, count);
        htp_set_threads(2 + seed % 4);
        const bool recorded = seed % 3 == 0;
        if (recorded) htp_record_begin(1);
        htp_play(htp_runtime(), &failure, rows.data(), many.a.data(), many.b.data(), 1 + seed % 5, seed % 2, seed % 4 ? 0 : 7,
                 1 + seed % 2, count);
        if (recorded) htp_record_end(1, 1);
        if (failure.code || one.a != many.a || one.b != many.b) {
            printf("program %lld differs\n", seed);
            return 1;
        }
    }
    return 0;
}
