// The runtime library: a thread pool, per-thread scratch memory, huge buffers and printing, behind one table.
// Knows nothing of programs. Built once per machine; every emitted library of a process shares it.
#include "htp_crew.hpp"
#include "htp_parallel.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

namespace htp {
void tell(void* recording, const char* members, long long cycles);  // htp_record.cpp
namespace tasking {
extern const htp_tasks_table table;  // htp_tasks.cpp
}
}  // namespace htp

namespace {

using Body = void (*)(void*, long long, long long);
using Word = std::atomic<unsigned>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free, "a futex is a plain 32-bit word");

void wait_on(Word& word, unsigned seen) { syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0); }
void wake(Word& word, int count) { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0); }
void pause_cpu() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// ---- pool ----
// Workers sleep on `epoch`, which every job increments. A job is open while bit `open` of `gate` is set; the low bits
// of `gate` count the workers inside. The caller works too, closes the gate when no chunk is left and waits until the
// count is zero: a worker that wakes late finds the gate closed, so a short job never waits for a sleeping thread.
constexpr unsigned open_bit = 1u << 31, waiting_bit = 1u << 30;
// About 20 us: longer than the gap between two loops of one program, shorter than a scheduler tick.
constexpr int spins = 1000;
constexpr long long max_workers = 1023;

struct Pool {
    std::mutex caller;  // held by the one thread whose job runs
    Word epoch{0}, gate{0}, sleepers{0};
    std::atomic<long long> next{0}, wanted{0};  // the first element nobody took; the number of workers
    long long n = 0, chunk = 1, started = 0;
    pthread_t workers[max_workers];
    Body body = nullptr;
    void* data = nullptr;
    int avoided = -1;  // the processor that workers keep off: the caller's, as far as is known
};
// Never destroyed: workers use it until the process is gone.
alignas(Pool) unsigned char storage[sizeof(Pool)];
Pool& pool = *new (storage) Pool();
thread_local bool inside = false;  // in a job already: nested loops run serially

void take_chunks() {
    const long long n = pool.n, chunk = pool.chunk;
    for (long long begin; (begin = pool.next.fetch_add(chunk, std::memory_order_relaxed)) < n;)
        pool.body(pool.data, begin, n - begin < chunk ? n : begin + chunk);
}

void* work(void* number) {
    const long long me = (long long)number;
    inside = true;
    for (unsigned seen = 0;;) {
        unsigned now = pool.epoch.load(std::memory_order_acquire);
        for (int i = 0; now == seen && i < spins; i++) {
            pause_cpu();
            now = pool.epoch.load(std::memory_order_acquire);
        }
        if (now == seen) {
            pool.sleepers.fetch_add(1);
            wait_on(pool.epoch, seen);
            pool.sleepers.fetch_sub(1);
            continue;
        }
        seen = now;
        if (me >= pool.wanted.load()) return nullptr;  // the pool was made smaller
        unsigned gate = pool.gate.load();
        while (gate & open_bit)
            if (pool.gate.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire)) {
                take_chunks();
                if (pool.gate.fetch_sub(1, std::memory_order_release) - 1 == waiting_bit) wake(pool.gate, 1);
                break;
            }
    }
}

/// HTP_NUM_THREADS, or the processors this process may run on.
long long default_threads() {
    if (const char* text = getenv("HTP_NUM_THREADS")) {
        char* end;
        long long count = strtoll(text, &end, 10);
        if (end != text && *end == 0 && count >= 1) return count <= max_workers ? count : max_workers + 1;
    }
    unsigned char mask[1024];  // 8192 processors
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
    long long count = 0;
    for (long i = 0; i < bytes; i++) count += __builtin_popcount(mask[i]);
    return count < 1 ? 1 : count <= max_workers ? count : max_workers + 1;
}

/// Starts missing workers; the caller holds the pool. Fewer start when the system refuses more.
void start_workers() {
    if (pool.started < pool.wanted.load()) pool.avoided = -1;
    for (long long want = pool.wanted.load(); pool.started < want; pool.started++)
        if (pthread_create(&pool.workers[pool.started], nullptr, work, (void*)pool.started)) {
            pool.wanted.store(pool.started);
            return;
        }
}

void set_threads(long long count) {
    if (inside) return;  // a job cannot resize the pool it runs on
    if (count < 1) count = default_threads();
    if (count > max_workers + 1) count = max_workers + 1;
    std::lock_guard<std::mutex> hold(pool.caller);
    pool.wanted.store(count - 1);
    if (pool.started < count) return;
    pool.epoch.fetch_add(1);
    wake(pool.epoch, INT_MAX);
    while (pool.started > count - 1) pthread_join(pool.workers[--pool.started], nullptr);
}

long long threads() { return pool.wanted.load() + 1; }

/// Keeps sleeping workers off the caller's processor. Where every other one is taken, by another library's spinning
/// thread say, a woken worker is otherwise queued behind the caller and the job runs on one processor.
void keep_off_caller() {
    constexpr long long most = 16;  // with more processors, some other one is free
    const int here = sched_getcpu();
    if (here < 0 || here == pool.avoided || pool.started > most) return;
    cpu_set_t others;
    if (sched_getaffinity(0, sizeof(others), &others) || !CPU_ISSET(here, &others)) return;
    CPU_CLR(here, &others);
    if (CPU_COUNT(&others) == 0) return;
    for (long long i = 0; i < pool.started; i++) pthread_setaffinity_np(pool.workers[i], sizeof(others), &others);
    pool.avoided = here;
}

void parallel_for(long long n, Body body, void* data) {
    if (n <= 0) return;
    // Serial: inside a job, nothing to share, one thread, or another thread's job has the pool.
    if (inside || n == 1 || pool.wanted.load(std::memory_order_relaxed) == 0 || !pool.caller.try_lock()) {
        body(data, 0, n);
        return;
    }
    start_workers();
    inside = true;
    pool.body = body;
    pool.data = data;
    pool.n = n;
    // Chunks small enough that the threads end together, large enough that the counter is not contended.
    long long chunk = n / (32 * (pool.wanted.load() + 1));
    pool.chunk = chunk < 1 ? 1 : chunk;
    pool.next.store(0, std::memory_order_relaxed);
    pool.gate.store(open_bit, std::memory_order_release);
    pool.epoch.fetch_add(1);
    if (pool.sleepers.load()) {
        keep_off_caller();
        wake(pool.epoch, INT_MAX);
    }
    take_chunks();
    unsigned gate = pool.gate.fetch_and(~open_bit, std::memory_order_acq_rel) & ~open_bit;
    for (int i = 0; gate && i < spins; i++) {
        pause_cpu();
        gate = pool.gate.load(std::memory_order_acquire);
    }
    while (gate & ~waiting_bit) {
        if ((gate & waiting_bit) || pool.gate.compare_exchange_weak(gate, gate | waiting_bit))
            wait_on(pool.gate, gate | waiting_bit);
        gate = pool.gate.load(std::memory_order_acquire);
    }
    inside = false;
    pool.caller.unlock();
}

/// A forked child has one thread: it starts with a fresh pool of the same size.
void after_fork() {
    long long wanted = pool.wanted.load();
    new (storage) Pool();
    pool.wanted.store(wanted);
    htp::crews::after_fork();
}

// ---- memory ----
/// Fresh pages; null when the system refuses them, which the caller reports.
void* map(long long bytes) {
    void* memory = mmap(nullptr, size_t(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (bytes >= 2 << 20) madvise(memory, size_t(bytes), MADV_HUGEPAGE);
    return memory;
}

/// A stack of blocks that double in size; blocks above the current one are empty and kept for reuse.
struct Arena {
    static constexpr int most = 32;
    char* block[most] = {};
    long long size[most] = {}, used = 0;
    int current = 0;
    ~Arena() {
        for (int i = 0; i < most; i++)
            if (block[i]) munmap(block[i], size_t(size[i]));
    }
};
thread_local Arena arena;

unsigned long long scratch_mark() { return (unsigned long long)arena.current << 48 | (unsigned long long)arena.used; }
void scratch_release(unsigned long long mark) {
    arena.current = int(mark >> 48);
    arena.used = (long long)(mark & ((1ull << 48) - 1));
}
void* scratch_take(long long bytes) {
    Arena& a = arena;
    bytes = bytes <= 0 ? 64 : (bytes + 63) & ~63ll;  // nothing has a place too: null means that there is no memory
    while (a.used + bytes > a.size[a.current]) {
        bool empty = a.used == 0;
        if (!empty) a.current++, a.used = 0;
        long long& size = a.size[a.current];
        if (size >= bytes) continue;
        if (size) munmap(a.block[a.current], size_t(size));
        size = 1ll << (20 + (a.current < 10 ? a.current : 10));
        if (size < bytes) size = (bytes + 4095) & ~4095ll;
        a.block[a.current] = (char*)map(size);
        if (!a.block[a.current]) {
            size = 0;
            return nullptr;
        }
    }
    void* memory = a.block[a.current] + a.used;
    a.used += bytes;
    return memory;
}

void* heap_take(long long bytes) { return map(bytes < 64 ? 64 : bytes); }
void heap_free(void* memory, long long bytes) { munmap(memory, size_t(bytes < 64 ? 64 : bytes)); }

// ---- printing ----
// A line is collected per thread and written at its end in one call, so lines of several threads do not mix.
struct Line {
    char* text = nullptr;
    size_t length = 0, room = 0;
    void add(const char* more, size_t count) {
        if (length + count > room) {
            room = 2 * (length + count) + 256;
            text = (char*)realloc(text, room);
            if (!text) abort();
        }
        memcpy(text + length, more, count);
        length += count;
    }
    void add(const char* more) { add(more, strlen(more)); }
    ~Line() { free(text); }
};
thread_local Line line;

/// The fewest digits that read back as the same number, with a point, as NumPy writes a float.
void add_float(double x, int digits, bool single) {
    char text[64];
    for (int d = 1; d <= digits; d++) {
        snprintf(text, sizeof(text), "%.*g", d, x);
        double back = strtod(text, nullptr);
        if (single ? float(back) == float(x) : back == x) break;
    }
    if (!strpbrk(text, ".en")) strcat(text, ".0");
    line.add(text);
}
void add_scalar(const char* dtype, const void* p) {
    char text[32];
    auto is = [&](const char* name) { return strcmp(dtype, name) == 0; };
    if (is("f64")) return add_float(*(const htp::f64*)p, 17, false);
    if (is("f32")) return add_float(double(*(const htp::f32*)p), 9, true);
    if (is("f16")) return add_float(double(htp::f32(*(const htp::f16*)p)), 5, true);
    if (is("bf16")) return add_float(double(htp::f32(*(const htp::bf16*)p)), 4, true);
    if (is("f8e4m3")) return add_float(double(htp::f32(*(const htp::f8e4m3*)p)), 3, true);
    if (is("f8e5m2")) return add_float(double(htp::f32(*(const htp::f8e5m2*)p)), 3, true);
    if (is("bool_")) return line.add(*(const bool*)p ? "True" : "False");
    if (is("u64")) {
        snprintf(text, sizeof(text), "%llu", *(const htp::u64*)p);
        return line.add(text);
    }
    long long x = 0;
    if (is("i64")) x = *(const htp::i64*)p;
    else if (is("i32")) x = *(const htp::i32*)p;
    else if (is("i16")) x = *(const htp::i16*)p;
    else if (is("i8")) x = *(const htp::i8*)p;
    else if (is("u32")) x = *(const htp::u32*)p;
    else if (is("u16")) x = *(const htp::u16*)p;
    else x = *(const htp::u8*)p;
    snprintf(text, sizeof(text), "%lld", x);
    line.add(text);
}
size_t dtype_bytes(const char* dtype) {
    if (strstr(dtype, "64")) return 8;
    if (strstr(dtype, "32")) return 4;
    return strstr(dtype, "16") ? 2 : 1;
}
/// Nested brackets; of axes longer than 6 in arrays of more than 1000 elements only three at each end, as NumPy does.
void add_array(const char* dtype, const char* p, int rank, const long long* shape, const long long* strides, bool brief,
               int depth) {
    if (rank == 0) return add_scalar(dtype, p);
    line.add("[");
    for (long long i = 0; i < shape[0]; i++) {
        if (i && rank > 1) {
            line.add("\n");
            for (int d = 0; d <= depth; d++) line.add(" ");
        } else if (i) line.add(" ");
        if (brief && i == 3 && shape[0] > 6) {
            line.add("...");
            i = shape[0] - 4;
            continue;
        }
        add_array(dtype, p + i * strides[0] * (long long)dtype_bytes(dtype), rank - 1, shape + 1, strides + 1, brief,
                  depth + 1);
    }
    line.add("]");
}

void print_begin(const char* text) {
    line.length = 0;
    line.add(text);
}
void print_value(const char* dtype, const void* data, int rank, const long long* shape, const long long* strides) {
    long long count = 1;
    for (int i = 0; i < rank; i++) count *= shape[i];
    if (line.length) line.add(" ");
    add_array(dtype, (const char*)data, rank, shape, strides, count > 1000, 0);
}
void print_end() {
    line.add("\n");
    fwrite(line.text, 1, line.length, stdout);
    fflush(stdout);
}

const htp_runtime_table table = {3,         parallel_for, threads,     scratch_mark, scratch_take, scratch_release,
                                 heap_take, heap_free,    print_begin, print_value,  print_end,    &htp::tasking::table,
                                 htp::crews::run, htp::tell,    htp::crews::join};

}  // namespace

extern "C" {
/// The table every emitted function takes in its Context; the first call sizes the pool.
__attribute__((visibility("default"))) const htp_runtime_table* htp_runtime() {
    static const bool ready = [] {
        pool.wanted.store(default_threads() - 1);
        pthread_atfork(nullptr, nullptr, after_fork);
        return true;
    }();
    return ready ? &table : nullptr;
}
/// Threads that take part in a loop, the caller included; 0 or less asks for the default.
__attribute__((visibility("default"))) void htp_set_threads(long long count) {
    htp_runtime();
    set_threads(count);
}
}
