// Which tasks have to wait for which, beyond what the runtime finds by itself. Knows boxes of arrays and the numbers of
// tasks; does not know the runtime. No standard containers: the device's build of orchestration has none.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <initializer_list>

namespace htp {

// A list that grows.
template <typename T>
class List {
public:
    List() = default;
    List(const List &) = delete;
    List &operator=(const List &) = delete;
    ~List() { free(items_); }

    uint32_t size() const { return size_; }
    T &operator[](uint32_t index) { return items_[index]; }
    const T &operator[](uint32_t index) const { return items_[index]; }
    const T *data() const { return items_; }
    void clear() { size_ = 0; }
    void cut(uint32_t size) { size_ = size; }

    void push(const T &item) {
        if (size_ == room_) {
            room_ = room_ == 0 ? 16 : room_ * 2;
            items_ = static_cast<T *>(realloc(static_cast<void *>(items_), room_ * sizeof(T)));
            if (items_ == nullptr) abort();
        }
        items_[size_++] = item;
    }

private:
    T *items_ = nullptr;
    uint32_t size_ = 0;
    uint32_t room_ = 0;
};

// Where a box begins and ends along one axis.
struct Range {
    int64_t low, high;
};

// A part of an array; without axes it is the one element of a scalar.
struct Box {
    static constexpr uint32_t most = 5;
    uint32_t axes = 0;
    Range of[most] = {};

    Box() = default;
    Box(std::initializer_list<Range> ranges) {
        for (const Range &each : ranges) of[axes++] = each;
    }

    bool empty() const {
        for (uint32_t axis = 0; axis < axes; axis++)
            if (of[axis].low >= of[axis].high) return true;
        return false;
    }
    bool meets(const Box &other) const {
        for (uint32_t axis = 0; axis < axes; axis++)
            if (of[axis].low >= other.of[axis].high || other.of[axis].low >= of[axis].high) return false;
        return true;
    }
    bool covers(const Box &other) const {
        for (uint32_t axis = 0; axis < axes; axis++)
            if (other.of[axis].low < of[axis].low || other.of[axis].high > of[axis].high) return false;
        return true;
    }
};

enum class Use : uint8_t { reads, writes, updates };

// Whether the runtime sees by itself that later tasks depend on an access.
enum class Seen : uint8_t { never, by_region, by_owner };

struct Access {
    Box box;
    uint32_t task;
    Seen seen;
};

// The accesses to one array that later tasks may depend on. An array is `by_hand` once so many tasks wrote to it that
// the runtime cannot take all of them as predecessors of one task; from then on the runtime is told about it.
struct Array {
    List<Access> readers, writers;
    bool by_hand = false;
};

// The order of the tasks so far. For one task after the other: `touch` what it touches, `after` what it follows,
// `settle`, hand `waits` to the runtime, `done`.
class Order {
public:
    explicit Order(uint32_t fanin = 64, uint32_t reach = 4096) : fanin_(fanin), reach_(reach) {}

    // The next task uses a box of an array; an array's owner is the task that allocates it.
    void touch(Array &array, Use use, const Box &box) {
        if (box.empty()) return;
        touched_.push(Touch{&array, use, box});
        find(touched_[touched_.size() - 1]);
    }

    // The next task runs after another one.
    void after(uint32_t task) { candidate(task, false); }

    // Computes the tasks that the next one has to wait for and that the runtime does not find.
    void settle() {
        if (found_by_runtime() > fanin_) by_hand();
        waits.clear();
        if (candidates_.size() == 0) return;
        uint32_t highest = 0, lowest = UINT32_MAX;
        for (uint32_t each = 0; each < candidates_.size(); each++) {
            const uint32_t task = candidates_[each];
            highest = task > highest ? task : highest;
            lowest = task < lowest ? task : lowest;
        }
        const uint32_t far = highest > reach_ ? highest - reach_ : 0;
        sweep(highest, lowest > far ? lowest : far);
        for (uint32_t each = 0; each < candidates_.size(); each++) {
            Mark &mark = marks_[candidates_[each]];
            if (candidates_[each] < far && !mark.seen) mark.kept = true;
            if (mark.kept && !mark.seen) waits.push(candidates_[each]);
        }
        ascending(waits);
    }

    // The next task is submitted; returns its number.
    uint32_t done() {
        const uint32_t task = marks_.size();
        for (uint32_t each = 0; each < candidates_.size(); each++) {
            const Mark &mark = marks_[candidates_[each]];
            if (mark.kept || mark.seen) before_.push(candidates_[each]);
        }
        marks_.push(Mark{0, 0, before_.size(), false, false});
        for (uint32_t each = 0; each < touched_.size(); each++)
            if (touched_[each].use != Use::reads) overwrite(*touched_[each].array, touched_[each].box);
        for (uint32_t each = 0; each < touched_.size(); each++) {
            Array &array = *touched_[each].array;
            const Access access{touched_[each].box, task, array.by_hand ? Seen::never : Seen::by_region};
            (touched_[each].use == Use::reads ? array.readers : array.writers).push(access);
        }
        touched_.clear();
        candidates_.clear();
        round_++;
        return task;
    }

    // The task that was submitted last allocated an array, and wrote all of it.
    void owns(Array &array, const Box &whole) { array.writers.push(Access{whole, marks_.size() - 1, Seen::by_owner}); }

    uint32_t tasks() const { return marks_.size(); }

    // The next task runs after every other one.
    void after_all() {
        for (uint32_t each = 0; each < before_.size(); each++) marks_[before_[each]].reached = round_;
        for (uint32_t task = 0; task < marks_.size(); task++)
            if (marks_[task].reached != round_) candidate(task, false);
        round_++;
        for (uint32_t each = 0; each < candidates_.size(); each++) marks_[candidates_[each]].found = round_;
    }

    List<uint32_t> waits;

private:
    struct Touch {
        Array *array;
        Use use;
        Box box;
    };
    struct Mark {
        uint32_t found, reached;  // the rounds in which the task was a candidate, and was reached from another one
        uint32_t end;             // where the tasks before it end in `before_`
        bool seen, kept;
    };

    void find(const Touch &touch) {
        const bool changes = touch.use != Use::reads;
        for (uint32_t each = 0; each < touch.array->writers.size(); each++) {
            const Access &access = touch.array->writers[each];
            const bool by_region = access.seen == Seen::by_region && !touch.array->by_hand;
            if (access.box.meets(touch.box)) candidate(access.task, by_region || access.seen == Seen::by_owner);
        }
        for (uint32_t each = 0; changes && each < touch.array->readers.size(); each++)
            if (touch.array->readers[each].box.meets(touch.box)) candidate(touch.array->readers[each].task, false);
    }

    void candidate(uint32_t task, bool seen) {
        Mark &mark = marks_[task];
        if (mark.found != round_) {
            mark.found = round_;
            mark.seen = mark.kept = false;
            candidates_.push(task);
        }
        mark.seen = mark.seen || seen;
    }

    uint32_t found_by_runtime() const {
        uint32_t count = 0;
        for (uint32_t each = 0; each < candidates_.size(); each++) count += marks_[candidates_[each]].seen ? 1 : 0;
        return count;
    }

    // There are more predecessors than the runtime takes: from now on it is told about these arrays.
    void by_hand() {
        for (uint32_t each = 0; each < candidates_.size(); each++) marks_[candidates_[each]].seen = false;
        for (uint32_t each = 0; each < touched_.size(); each++) touched_[each].array->by_hand = true;
        for (uint32_t each = 0; each < touched_.size(); each++) find(touched_[each]);
    }

    // Marks as kept the candidates from which no later candidate leads back.
    void sweep(uint32_t highest, uint32_t lowest) {
        for (uint32_t task = highest + 1; task-- > lowest;) {
            Mark &mark = marks_[task];
            const bool reached = mark.reached == round_, candidate = mark.found == round_;
            if (!reached && !candidate) continue;
            mark.kept = candidate && !reached;
            for (uint32_t each = task == 0 ? 0 : marks_[task - 1].end; each < mark.end; each++)
                marks_[before_[each]].reached = round_;
        }
    }

    // Who comes later depends on the task that overwrites a box.
    static void overwrite(Array &array, const Box &box) {
        for (List<Access> *list : {&array.readers, &array.writers}) {
            uint32_t left = 0;
            for (uint32_t each = 0; each < list->size(); each++)
                if (!box.covers((*list)[each].box)) (*list)[left++] = (*list)[each];
            list->cut(left);
        }
    }

    static void ascending(List<uint32_t> &list) {
        for (uint32_t each = 1; each < list.size(); each++)
            for (uint32_t at = each; at > 0 && list[at - 1] > list[at]; at--) {
                const uint32_t other = list[at];
                list[at] = list[at - 1];
                list[at - 1] = other;
            }
    }

    const uint32_t fanin_, reach_;
    uint32_t round_ = 1;
    List<Mark> marks_;
    List<uint32_t> before_;
    List<Touch> touched_;
    List<uint32_t> candidates_;
};

}  // namespace htp
