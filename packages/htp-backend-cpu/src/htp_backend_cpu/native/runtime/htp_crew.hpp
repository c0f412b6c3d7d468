// A crew: functions that all run at the same time because they wait for each other, each on a thread of its own. Any of
// them may take in another one.
// Knows threads, which are kept for the next crew; does not know what they do.
#pragma once
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <new>
#include <vector>

namespace htp {
namespace crews {

using Body = void (*)(void*, long long);
using Word = std::atomic<unsigned>;

// What kernels keep on the stack is little (arrays live in scratch memory), and thousands of processes are to fit.
constexpr size_t stack_bytes = 512 << 10;
constexpr size_t most_idle = 64;

inline void wait_until_zero(Word& word) {
    for (unsigned seen; (seen = word.load(std::memory_order_acquire)) != 0;)
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}
inline void wake(Word& word) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }

struct Member {
    Word idle{1};
    Body body = nullptr;  // null: the thread ends
    void* data = nullptr;
    long long number = 0;
    Word* left = nullptr;  // how many of the crew have not ended
};

// How many of the crew that this thread is in have not ended, apart from the thread that called for it.
inline thread_local Word* present = nullptr;

struct Pool {
    std::mutex lock;
    std::vector<Member*> idle;
};
// Never destroyed: threads use it until the process is gone.
alignas(Pool) inline unsigned char storage[sizeof(Pool)];
inline Pool& pool() {
    static Pool& made = *new (storage) Pool();
    return made;
}

inline void* run_member(void* given) {
    Member* me = static_cast<Member*>(given);
    for (;;) {
        wait_until_zero(me->idle);
        if (!me->body) break;
        Word* left = present = me->left;
        me->body(me->data, me->number);
        me->idle.store(1);
        bool kept;
        {
            std::lock_guard<std::mutex> hold(pool().lock);
            kept = pool().idle.size() < most_idle;
            if (kept) pool().idle.push_back(me);
        }
        // The crew may be gone as soon as its last member says so; waking an address is harmless then.
        if (left->fetch_sub(1) == 1) wake(*left);
        if (!kept) break;
    }
    delete me;
    return nullptr;
}

inline Member* hire() {
    {
        std::lock_guard<std::mutex> hold(pool().lock);
        if (!pool().idle.empty()) {
            Member* member = pool().idle.back();
            pool().idle.pop_back();
            return member;
        }
    }
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) return nullptr;
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    Member* member = new (std::nothrow) Member();
    pthread_t thread;
    const bool failed = !member || pthread_create(&thread, &attributes, run_member, member);
    pthread_attr_destroy(&attributes);
    if (!failed) return member;
    delete member;
    return nullptr;
}

inline void start(Member* member, Body body, void* data, long long number, Word* left) {
    member->body = body, member->data = data, member->number = number, member->left = left;
    member->idle.store(0);
    wake(member->idle);
}

/// body(data, i) for every i in [0, n), all at the same time; the caller is the first. False, and nothing was called,
/// where there are no more threads.
inline bool run(long long n, Body body, void* data) {
    std::vector<Member*> members;
    for (long long i = 1; i < n; i++) {
        Member* member = hire();
        if (!member) {
            for (Member* each : members) start(each, nullptr, nullptr, 0, nullptr);
            return false;
        }
        members.push_back(member);
    }
    Word left{unsigned(members.size())};
    for (long long i = 1; i < n; i++) start(members[size_t(i - 1)], body, data, i, &left);
    Word* const outer = present;
    present = &left;
    if (n > 0) body(data, 0);
    present = outer;
    wait_until_zero(left);
    return true;
}

/// body(data, number) as a further member of the crew of this thread; false where there are no more threads.
inline bool join(Body body, void* data, long long number) {
    Member* member = hire();
    if (!member) return false;
    // Whoever calls this has not ended, so the crew is not yet over.
    present->fetch_add(1);
    start(member, body, data, number, present);
    return true;
}

/// A forked child has none of the threads.
inline void after_fork() { new (storage) Pool(); }

}  // namespace crews
}  // namespace htp
