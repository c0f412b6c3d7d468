// The table of calls by which packages make tasks.
#include "htp_scheduler.hpp"

namespace htp {
namespace tasking {
namespace {

void record(Context& cx) {
    if (recording) cx.cost = &recording->outside, cx.recording = recording;
}
void run(const Context& cx, const Settings& settings, void (*body)(Scheduler&, void*), void* data) {
    try {
        Scheduler(cx, settings).run(body, data);
    } catch (const std::bad_alloc&) {
        fail(cx, Failure::out_of_memory, "", "", 0, 0);
    }
}
bool attributes(Scheduler& scheduler, const Attributes& given) {
    return scheduler.guarded([&] { scheduler.next_has(given); });
}
bool submit(Scheduler& scheduler, const Submitted& task) {
    return scheduler.guarded([&] { scheduler.submit(task); });
}
bool wait_for(Scheduler& scheduler, const Touched* touched, int count) {
    return scheduler.guarded([&] { scheduler.wait_for(touched, count); });
}
bool barrier(Scheduler& scheduler) { return scheduler.guarded([&] { scheduler.barrier(); }); }
i64 first_seen(Scheduler& scheduler, i64 key) {
    i64 found = -1;
    scheduler.guarded([&] { found = scheduler.first_seen(key); });
    return found;
}
void* keep(Scheduler& scheduler, i64 bytes) {
    void* memory = nullptr;
    scheduler.guarded([&] { memory = scheduler.keep(bytes); });
    return memory;
}

}  // namespace

extern const htp_tasks_table table;
const htp_tasks_table table = {record, run, attributes, submit, wait_for, barrier, first_seen, keep};

}  // namespace tasking
}  // namespace htp
