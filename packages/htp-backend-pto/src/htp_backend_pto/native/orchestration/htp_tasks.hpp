// The tasks of a graph under construction: tells the runtime about every order between them that it does not find.
#pragma once
#include "htp_host.hpp"
#include "htp_order.hpp"

namespace htp {

// For one task after the other: what it uses, its arguments, `order`, `ran`.
class Tasks {
public:
    Tasks() = default;

    void reads(Array &array, const Box &box) { order_.touch(array, Use::reads, box); }
    void writes(Array &array, const Box &box) { order_.touch(array, Use::writes, box); }
    void updates(Array &array, const Box &box) { order_.touch(array, Use::updates, box); }

    // The next task runs after all earlier ones with this tag.
    void after(int64_t tag) {
        for (uint32_t each = 0; each < tags_.size(); each++)
            if (tags_[each].key == tag) order_.after(tags_[each].task);
    }
    void tag(int64_t tag) { tag_ = tag; }

    // The tasks of one stream run one after the other; numbers below 0 are none.
    void stream(int64_t stream) {
        stream_ = stream;
        for (uint32_t each = 0; each < streams_.size(); each++)
            if (streams_[each].key == stream) order_.after(streams_[each].task);
    }

    // An argument of the next task that is part of an array.
    void input(CoreTaskArgs &args, const Array &array, const ChipTensor &part) {
        settle();
        if (array.by_hand) args.add_no_dep(part);
        else args.add_input(part);
    }
    void inout(CoreTaskArgs &args, const Array &array, const ChipTensor &part) {
        settle();
        if (array.by_hand) args.add_no_dep(part);
        else args.add_inout(part);
    }

    // The runtime is told which tasks the next one waits for.
    void order(CoreTaskArgs &args) {
        settle();
        ids_of_waits();
        while (waits_.size() > joined) join();
        args.set_dependencies(waits_.data(), waits_.size());
    }

    // The next task has been submitted.
    void ran(const TaskOutputTensors &outputs) {
        const uint32_t task = order_.done();
        ids_.push(outputs.task_id());
        if (tag_ != none) tags_.push(Named{tag_, task});
        if (stream_ >= 0) remember(stream_, task);
        tag_ = none;
        stream_ = -1;
        settled_ = false;
    }

    // The task that was submitted last allocated an array.
    void owns(Array &array, const Box &whole) { order_.owns(array, whole); }

    // Every later task runs after every earlier one.
    void barrier() {
        if (order_.tasks() == 0) return;
        order_.after_all();
        fence_ = none;
        CoreTaskArgs args;
        order(args);
        PTO2_SCOPE() { ran(rt_submit_dummy_task(args)); }
        fence_ = order_.tasks() - 1;
    }

    // A new region of tasks: tags and streams begin anew.
    void open() {
        tags_.clear();
        streams_.clear();
    }

    // Before the host reads an array: the runtime waits for the writers that it knows, so it has to know of them.
    void reveal(const Array &array, const ChipTensor &tensor) {
        if (!array.by_hand) return;
        CoreTaskArgs args;
        args.add_output(tensor);
        waits_.clear();
        for (uint32_t each = 0; each < array.writers.size(); each++) waits_.push(ids_[array.writers[each].task]);
        while (waits_.size() > joined) join();
        args.set_dependencies(waits_.data(), waits_.size());
        PTO2_SCOPE() { rt_submit_dummy_task(args); }
    }

private:
    static constexpr int64_t none = INT64_MIN;
    static constexpr uint32_t joined = 48;  // told predecessors of one task; those that the runtime finds come on top

    struct Named {
        int64_t key;
        uint32_t task;
    };

    void settle() {
        if (settled_) return;
        if (fence_ != none) order_.after(static_cast<uint32_t>(fence_));
        order_.settle();
        settled_ = true;
    }

    void ids_of_waits() {
        waits_.clear();
        for (uint32_t each = 0; each < order_.waits.size(); each++) waits_.push(ids_[order_.waits[each]]);
    }

    // Every 48 predecessors become one task that does nothing.
    void join() {
        List<PTO2TaskId> fewer;
        for (uint32_t first = 0; first < waits_.size(); first += joined) {
            const uint32_t left = waits_.size() - first;
            CoreTaskArgs args;
            args.set_dependencies(waits_.data() + first, left < joined ? left : joined);
            PTO2_SCOPE() { fewer.push(rt_submit_dummy_task(args).task_id()); }
        }
        waits_.clear();
        for (uint32_t each = 0; each < fewer.size(); each++) waits_.push(fewer[each]);
    }

    void remember(int64_t stream, uint32_t task) {
        for (uint32_t each = 0; each < streams_.size(); each++)
            if (streams_[each].key == stream) {
                streams_[each].task = task;
                return;
            }
        streams_.push(Named{stream, task});
    }

    Order order_;
    List<PTO2TaskId> ids_;
    List<PTO2TaskId> waits_;
    List<Named> tags_, streams_;
    int64_t fence_ = none;
    int64_t tag_ = none, stream_ = -1;
    bool settled_ = false;
};

}  // namespace htp
