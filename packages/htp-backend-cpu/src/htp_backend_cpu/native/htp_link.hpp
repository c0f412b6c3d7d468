// One channel: a ring of slots with a sender and a receiver, who share nothing but two counters, and the times of its
// tokens. Knows slots, counters and times; does not know who waits, nor how.
//
// Token k of a channel of capacity N, latency L and response R is accepted from a sender that offers it at t at
// A[k] = max(t, D[k - N] + R), is visible at V[k] = A[k] + L, and is taken by a receiver that asks at t at
// D[k] = max(t, V[k]). V stands beside the token, D in a ring of credits that the sender reads for every token, so that
// all times are the same whoever was first. Capacity 0 is a rendezvous: A is when the sender offers the token, and the
// sender goes on at D[k] + R.
#pragma once
#include "htp_regions.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace htp {

/// What a channel is made with.
struct Timing { i64 capacity = 1, latency = 0, response = 0, initial = 0; };

namespace streams {

struct Process;

inline i64 line_of(const char* place) {
    const char* colon = std::strrchr(place, ':');
    return colon ? std::atoll(colon + 1) : 0;
}

/// A position in a ring.
class Turning {
public:
    explicit Turning(i64 size) : size(size) {}
    operator i64() const { return at; }
    void step() { at = at + 1 == size ? 0 : at + 1; }

private:
    i64 size, at = 0;
};

class alignas(64) Link {
public:
    // ---- what never changes while processes run ----
    const Timing timing;
    const i64 index;
    Link* const self = this;  // an array of one
    // These change only while processes take turns: a process names what it has made and gives away its ends.
    const char *name, *wanted = nullptr;
    Process *sender = nullptr, *receiver = nullptr;
    bool made_late = false;  // a process made it
    std::vector<i64>*accepts = nullptr, *dequeues = nullptr;  // where times are kept, null for nowhere
    std::vector<i64> sizes;                                   // of the largest token

private:
    const i64 stride, slots;
    char* memory = nullptr;
    void (*drop)(char* slot) = nullptr;
    std::unique_ptr<i64[]> credits;

public:
    /// A slot begins with the time of its token and has `bytes` in all. One more than the capacity has the token in the
    /// receiver's hand, and one more the token that the sender writes before there is room for it.
    Link(const char* name, const Timing& timing, i64 index, i64 bytes)
        : timing(timing), index(index), name(name), stride(bytes), slots(held() + (timing.capacity ? 2 : 3)),
          credits(new i64[size_t(std::max<i64>(held(), 1))]), write_at(slots), send_credit(std::max<i64>(held(), 1)),
          read_at(slots), take_credit(std::max<i64>(held(), 1)), early_credit(std::max<i64>(held(), 1)) {}
    Link(const Link&) = delete;

    i64 bytes() const { return stride * slots; }
    void use(char* given) { memory = given; }
    char* storage() const { return memory; }
    /// Slots hold something that has to be let go; a slot of zeros holds nothing.
    void drops(void (*given)(char* slot)) {
        std::memset(memory, 0, size_t(bytes()));
        drop = given;
    }
    void drop_all() {
        for (i64 slot = 0; drop && slot < slots; slot++) drop(memory + slot * stride);
    }
    /// Nobody uses the slots any more; counts and times stay. The memory, which the caller frees.
    char* retire() {
        high_water();
        drop_all();
        return std::exchange(memory, nullptr);
    }

    // ---- the sender's side ----
    /// A slot, or at a rendezvous the place for an offer, is free.
    bool has_room() {
        const i64 k = sent.load(std::memory_order_relaxed);
        if (timing.capacity == 0 || k - seen_taken < timing.capacity) return true;
        seen_taken = taken.load(std::memory_order_acquire);
        return k - seen_taken < timing.capacity;
    }
    /// Where the next token is written.
    char* writing() const { return memory + write_at * stride; }
    /// When a token offered now is accepted; the slot for it is free.
    i64 accept_time(i64 now) {
        const i64 k = sent.load(std::memory_order_relaxed);
        return k < timing.capacity || timing.capacity == 0 ? now : std::max(now, credits[send_credit] + timing.response);
    }
    /// The token that was written is the receiver's from now on.
    void put(i64 accepted) {
        const i64 k = sent.load(std::memory_order_relaxed);
        *reinterpret_cast<i64*>(writing()) = accepted + timing.latency;
        if (timing.capacity && k >= timing.capacity) send_credit.step();
        write_at.step();
        sent.store(k + 1, std::memory_order_release);
    }
    void accepted(i64 offered, i64 time) {
        stall_full += time - offered, stalls_full += time > offered;
    }
    void keep_accept(i64 time) {
        if (accepts) accepts->push_back(time);
    }
    /// Whether the receiver has taken everything; the sender of a rendezvous waits for it.
    bool all_taken() const {
        return taken.load(std::memory_order_acquire) == sent.load(std::memory_order_relaxed);
    }
    /// When the receiver came to the last rendezvous, and when its sender goes on.
    i64 met_time() const { return credits[0]; }
    i64 resume_time() const { return met_time() + timing.response; }
    void close(i64 now, i64 line) {
        closed_line = line;
        closed_at.store(now, std::memory_order_release);
    }

    // ---- the receiver's side ----
    bool has_token() {
        const i64 k = taken.load(std::memory_order_relaxed);
        if (k < seen_sent) return true;
        seen_sent = sent.load(std::memory_order_acquire);
        return k < seen_sent;
    }
    /// Nothing comes any more; only to be believed when asked before `has_token`.
    bool is_closed() const { return closed_at.load(std::memory_order_acquire) >= 0; }
    i64 visible_time() const { return *reinterpret_cast<const i64*>(memory + read_at * stride); }
    i64 end_time() const { return closed_at.load(std::memory_order_acquire) + timing.latency; }
    /// The next token is in the hand from now on; it stays in the channel.
    void look() { hand = memory + read_at * stride; }
    /// The next token is in the hand, and no longer in the channel.
    void take(i64 asked, i64 now) {
        const i64 k = taken.load(std::memory_order_relaxed);
        look();
        count_high_water(k, visible_time(), k);
        credits[take_credit] = now;
        take_credit.step(), read_at.step();
        stall_empty += now - asked, stalls_empty += now > asked;
        if (dequeues) dequeues->push_back(now);
        taken.store(k + 1, std::memory_order_release);
    }
    const char* in_hand() const { return hand; }  // null before the first token

    // ---- both, when nobody runs or everybody takes turns ----
    bool closed() const { return closed_at.load(std::memory_order_relaxed) >= 0; }
    i64 line_of_close() const { return closed_line; }
    i64 sends() const { return sent.load(std::memory_order_relaxed) - offered; }
    i64 receives() const { return taken.load(std::memory_order_relaxed); }
    i64 count() const { return sends() - receives(); }
    i64 counter_sent() const { return sent.load(std::memory_order_acquire); }
    i64 counter_taken() const { return taken.load(std::memory_order_acquire); }
    /// The largest number of tokens in the channel right after one was accepted.
    i64 high_water() {
        const i64 done = receives();
        Turning at = read_at;
        for (i64 k = done; memory && k < sends() && timing.capacity; k++, at.step())
            count_high_water(k, *reinterpret_cast<i64*>(memory + at * stride), done);
        return highest;
    }

    // What only the sender writes, and apart from it what it tells the receiver with every token.
    alignas(64) bool offered = false;  // the offer of a rendezvous stands: it is accepted when it is taken
    i64 stall_full = 0, stalls_full = 0;
    bool owes_receiver = false;  // a token was put and the receiver, who sleeps, not told
    i64 told = 0;                // nanoseconds when the sender last saw the receiver sleep

private:
    i64 closed_line = 0, seen_taken = 0;
    Turning write_at, send_credit;
    alignas(64) std::atomic<i64> sent{0};
    std::atomic<i64> closed_at{-1};

public:
    // The same of the receiver.
    alignas(64) bool owes_sender = false;  // a slot was freed and the sender, who sleeps, not told
    i64 stall_empty = 0, stalls_empty = 0;

private:
    i64 seen_sent = 0, early = 0, highest = 0;
    Turning read_at, take_credit, early_credit;
    char* hand = nullptr;
    alignas(64) std::atomic<i64> taken{0};

    i64 held() const { return std::max(timing.capacity, timing.initial); }
    /// Tokens that were taken by the time token k was accepted: both times only grow, so one walk through all is enough.
    void count_high_water(i64 k, i64 visible, i64 known) {
        if (timing.capacity == 0) return;
        const i64 accepted = k < timing.initial ? 0 : visible - timing.latency;
        for (; early < std::min(k, known) && credits[early_credit] <= accepted; early++) early_credit.step();
        highest = std::max(highest, k + 1 - early);
    }
};

}  // namespace streams
}  // namespace htp
