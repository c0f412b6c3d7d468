// One process: its clock, what it waits for, and how it sleeps.
// Knows nothing of other processes; who runs when is decided by Kahn and Turns.
#pragma once
#include "htp_link.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>

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

/// A time in which a process stood still: the channel was full, or empty, or its stream ended, which is no stall.
enum class Why { full, empty, end };
struct Wait { Why why; const Link* link; i64 start, end; };

/// Ends a process that stops as if its machine had failed: the channels it sends on stay open.
struct Stopped {};

// Who lies down says so and then looks again whether what it waits for has come; who brings it looks for sleepers behind
// that. Either has to be done before the next, also as others see it. What is brought comes with every token and sleepers
// are few, so sleepers pay for both: the kernel makes every processor that runs the program do its stores and loads.
// https://man7.org/linux/man-pages/man2/membarrier.2.html; where there is no such call everybody pays.
constexpr int expedited = 1 << 3, register_expedited = 1 << 4;
inline bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }
inline const bool sleepers_pay = membarrier(register_expedited);

/// A place to sleep; whoever wakes it does so once.
class Bed {
public:
    /// Asked behind everything that might have been waited for.
    HTP_INLINE bool asleep() {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return __builtin_expect(sleepers_pay, 1) ? down.load(std::memory_order_acquire) : down.fetch_add(0);
    }
    /// Done between lying down and the last look at what is waited for.
    void settle() const {
        if (sleepers_pay && !membarrier(expedited)) membarrier(register_expedited), membarrier(expedited);
    }
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

class Network;

struct alignas(64) Process {
    Network& network;
    Process* const self = this;  // an array of one
    const char *const name, *const place;
    const i64 index;
    std::function<void(const Context&)> body;
    std::vector<Link*> ends;     // every channel of which it has an end
    std::vector<Link*> unnamed;  // those it has made since it last started a process
    std::vector<Link*> choices;  // those of its last select
    // What others look at, apart from what the process writes with every token.
    alignas(64) Bed bed;
    std::atomic<__UINTPTR_TYPE__> waits{0};  // what a sleeping process waits for: see Kahn
    // The clock is what was worked and what was waited; `work` counts on `busy` from several threads.
    alignas(64) i64 busy = 0;
    i64 waited = 0;
    i64 stall_in = 0, stall_out = 0, stalls = 0;
    i64 at = -1;         // when its last operation was done
    bool ended = false;  // it has returned or stopped; not so when it failed or was made to leave
    bool keeps = false;  // when it stood still, in `stood`
    std::vector<Wait> stood;
    Pending pending;
    i64 turns = 0;          // how often it had to wait for its turn: see Turns
    i64 after_failure = 0;  // operations since another process failed: see Kahn
    Failure failure{};

    Process(Network& network, const char* name, const char* place, i64 index, i64 clock)
        : network(network), name(name), place(place), index(index), waited(clock) {}
    Process(const Process&) = delete;

    i64 now() const { return __atomic_load_n(&busy, __ATOMIC_RELAXED) + waited; }
    void until(i64 when) { waited += when - now(), at = when; }
    HTP_INLINE void waited_for(Why why, const Link& link, i64 since) {
        const i64 cycles = now() - since;
        if (__builtin_expect(cycles == 0, 1)) return;
        if (why != Why::end) (why == Why::full ? stall_out : stall_in) += cycles, stalls++;
        if (keeps) stood.push_back({why, &link, since, since + cycles});
    }
};

/// The process that this thread runs.
inline thread_local Process* running = nullptr;

}  // namespace streams
}  // namespace htp
