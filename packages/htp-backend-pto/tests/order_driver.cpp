// The tracker behind a C interface, for tests: arrays and tasks are numbers.
#include "htp_order.hpp"

namespace {
struct Session {
    explicit Session(uint32_t fanin, uint32_t reach) : order(fanin, reach) {}
    htp::Order order;
    htp::Array arrays[8];
};
}  // namespace

extern "C" {
void *order_open(uint32_t fanin, uint32_t reach) { return new Session(fanin, reach); }
void order_close(void *session) { delete static_cast<Session *>(session); }

void order_touch(void *session, uint32_t array, uint32_t use, uint32_t axes, const int64_t *ranges) {
    auto *own = static_cast<Session *>(session);
    htp::Box box;
    box.axes = axes;
    for (uint32_t axis = 0; axis < axes; axis++) box.of[axis] = {ranges[2 * axis], ranges[2 * axis + 1]};
    own->order.touch(own->arrays[array], static_cast<htp::Use>(use), box);
}

void order_after(void *session, uint32_t task) { static_cast<Session *>(session)->order.after(task); }
void order_after_all(void *session) { static_cast<Session *>(session)->order.after_all(); }

// Settles and submits; writes at most `room` waits and returns how many there are.
uint32_t order_done(void *session, uint32_t *waits, uint32_t room) {
    auto *own = static_cast<Session *>(session);
    own->order.settle();
    const uint32_t count = own->order.waits.size();
    for (uint32_t each = 0; each < count && each < room; each++) waits[each] = own->order.waits[each];
    own->order.done();
    return count;
}

void order_owns(void *session, uint32_t array, uint32_t axes, const int64_t *ranges) {
    auto *own = static_cast<Session *>(session);
    htp::Box box;
    box.axes = axes;
    for (uint32_t axis = 0; axis < axes; axis++) box.of[axis] = {ranges[2 * axis], ranges[2 * axis + 1]};
    own->order.owns(own->arrays[array], box);
}
}
