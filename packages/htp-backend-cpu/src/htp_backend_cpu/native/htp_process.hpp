// One process: its clock, what it waits for, and how it sleeps.
// Knows nothing of other processes; who runs when is decided by Kahn and Turns.
#pragma once
#include "htp_link.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace htp {
namespace streams {

HTP_INLINE void pause_cpu() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// What a process is about to do; `go_on` never waits, it only has its place among the operations of others.
enum class Kind { start, go_on, send, recv, select };

struct Pending {
    Kind kind = Kind::start;
    i64 since = 0;
    Link* const* links = nullptr;
    i64 count = 0;
    const char* place = "";
};

/// Ends a process that stops as if its machine had failed: the channels it sends on stay open.
struct Stopped {};

/// A place to sleep; whoever wakes it does so once.
class Bed {
public:
    bool asleep() const { return down.load() != 0; }
    void lie_down() { down.store(1); }
    /// Whether this call ends the sleep.
    bool rouse() { return down.load(std::memory_order_relaxed) && down.exchange(0); }
    void wake() { syscall(SYS_futex, &down, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }
    void sleep() {
        while (down.load()) syscall(SYS_futex, &down, FUTEX_WAIT_PRIVATE, 1u, nullptr, nullptr, 0);
    }

private:
    std::atomic<unsigned> down{0};
    static_assert(sizeof(std::atomic<unsigned>) == 4, "a futex is a plain 32-bit word");
};

struct alignas(64) Process {
    const char *const name, *const place;
    const i64 index;
    std::vector<Link*> ends;     // every channel of which it has an end
    std::vector<Link*> choices;  // those of its last select
    Bed bed;
    bool ended = false;  // it has returned or stopped; not so when it was made to leave
    // The clock is what was worked and what was waited; `work` counts on `busy` from several threads.
    i64 busy = 0, waited = 0;
    i64 stall_in = 0, stall_out = 0, stalls = 0;
    Pending pending;
    std::atomic<__UINTPTR_TYPE__> waits{0};  // what a sleeping process waits for, for others to see: see Kahn
    i64 turns = 0;                           // how often it had to wait for its turn: see Turns

    Process(const char* name, const char* place, i64 index) : name(name), place(place), index(index) {}
    Process(const Process&) = delete;

    i64 now() const { return __atomic_load_n(&busy, __ATOMIC_RELAXED) + waited; }
    void until(i64 when) { waited += when - now(); }
    void stalled_in(i64 cycles) { stall_in += cycles, stalls += cycles > 0; }
    void stalled_out(i64 cycles) { stall_out += cycles, stalls += cycles > 0; }
};

}  // namespace streams
}  // namespace htp
