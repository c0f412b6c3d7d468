// Task graphs of copies: X and Y are scratch or results, A and B inputs; the first scalar chooses the graph.
#include <stdint.h>

#include "pto_orchestration_api.h"

namespace {

PTO2TaskId copy(const ChipTensor& from, const ChipTensor& to) {
    CoreTaskArgs p;
    p.add_input(from);
    p.add_output(to);
    return rt_submit_aiv_task(0, p).task_id();
}

PTO2TaskId copy_after(const ChipTensor& from, const ChipTensor& to, PTO2TaskId first) {
    CoreTaskArgs p;
    p.add_input(from);
    p.add_output(to);
    p.set_dependencies(&first, 1);
    return rt_submit_aiv_task(0, p).task_id();
}

PTO2TaskId copy_inout(const ChipTensor& from, const ChipTensor& to) {
    CoreTaskArgs p;
    p.add_input(from);
    p.add_inout(to);
    return rt_submit_aiv_task(0, p).task_id();
}

void many(const ChipTensor& a, int count, bool scopes) {
    uint32_t shape[2] = {32, 64};
    TensorCreateInfo info(shape, 2, DataType::FLOAT32);
    for (int i = 0; i < count; ++i) {
        if (scopes) rt_scope_begin();
        CoreTaskArgs p;
        p.add_input(a);
        p.add_output(info);
        rt_submit_aiv_task(0, p);
        if (scopes) rt_scope_end();
        if (rt_is_fatal()) return;
    }
}

}  // namespace

extern "C" {
__attribute__((visibility("default"))) PTO2OrchestrationConfig graphs_config(const ChipTaskArgs& a) {
    (void)a;
    return PTO2OrchestrationConfig{.expected_arg_count = 6};
}
__attribute__((visibility("default"))) void graphs_entry(const ChipTaskArgs& args) {
    const ChipTensor& a = args.tensor(0).ref();
    const ChipTensor& b = args.tensor(1).ref();
    const ChipTensor& x = args.tensor(2).ref();
    const ChipTensor& y = args.tensor(3).ref();
    const int which = static_cast<int>(args.scalar(0)), count = static_cast<int>(args.scalar(1));
    uint32_t shape[2] = {32, 64}, zero[2] = {0, 0};
    TensorCreateInfo info(shape, 2, DataType::FLOAT32);
    switch (which) {
        case 0:  // write X, read X, overwrite X: only the first edge is derived
            PTO2_SCOPE() {
                copy(a, x);
                copy(x, y);
                copy(b, x);
            }
            break;
        case 1:  // the same with the missing edge
            PTO2_SCOPE() {
                copy(a, x);
                PTO2TaskId reader = copy(x, y);
                copy_after(b, x, reader);
            }
            break;
        case 2:  // INOUT: the earlier writer is found, the reader is not
            PTO2_SCOPE() {
                copy(a, x);
                copy(x, y);
                copy_inout(b, x);
            }
            break;
        case 3:  // a tensor that a task allocates
            PTO2_SCOPE() {
                CoreTaskArgs p;
                p.add_input(a);
                p.add_output(info);
                TaskOutputTensors out = rt_submit_aiv_task(0, p);
                const ChipTensor& t = out.get_ref(0);
                copy(t, y);
            }
            break;
        case 4:  // allocated first, then written: consumers wait for both
            PTO2_SCOPE() {
                TaskOutputTensors out = alloc_tensors(info);
                const ChipTensor& t = out.get_ref(0);
                copy(a, t);
                copy(t, y);
            }
            break;
        case 5:  // a manual scope derives nothing
            PTO2_SCOPE(PTO2ScopeMode::MANUAL) {
                copy(a, x);
                copy(x, y);
            }
            break;
        case 6:
            PTO2_SCOPE(PTO2ScopeMode::MANUAL) {
                PTO2TaskId writer = copy(a, x);
                copy_after(x, y, writer);
            }
            break;
        case 7:  // disjoint halves, then a read over both, then one of a corner
            PTO2_SCOPE() {
                uint32_t half[2] = {16, 64}, low[2] = {16, 0}, corner[2] = {8, 32}, at[2] = {0, 32};
                ChipTensor x0 = x.view(half, zero), x1 = x.view(half, low);
                ChipTensor a0 = a.view(half, zero), a1 = a.view(half, low);
                ChipTensor c = x.view(corner, at), yc = y.view(corner, zero);
                copy(a0, x0);
                copy(a1, x1);
                copy(c, yc);
                copy(x, b);
            }
            break;
        case 8:  // a view of other strides is compared by its range only
            PTO2_SCOPE() {
                uint32_t left[2] = {32, 32}, right[2] = {0, 32};
                ChipTensor xl = x.view(left, zero), al = a.view(left, zero);
                ChipTensor xr = x.view(left, right).slice(0, 0, 32, 2), yr = y.view(left, zero).slice(0, 0, 32, 2);
                ChipTensor br = b.view(left, zero).slice(0, 0, 32, 2);
                copy(br, xr);
                copy(al, xl);
                copy(xl, y.view(left, zero));
                (void)yr;
            }
            break;
        case 9:
            many(a, count, false);
            break;
        case 10:
            many(a, count, true);
            break;
        case 11: {  // a tensor after a scalar
            CoreTaskArgs p;
            p.add_scalar(1);
            p.add_input(a);
            rt_submit_aiv_task(0, p);
            break;
        }
        case 12: {  // one tensor too many
            CoreTaskArgs p;
            for (int i = 0; i < 33; ++i) p.add_input(a);
            rt_submit_aiv_task(0, p);
            break;
        }
        case 13: {  // one scalar too many
            CoreTaskArgs p;
            p.add_input(a);
            for (int i = 0; i < 17; ++i) p.add_scalar(i);
            rt_submit_aiv_task(0, p);
            break;
        }
        case 14:  // an automatic scope in a manual one
            PTO2_SCOPE(PTO2ScopeMode::MANUAL) {
                PTO2_SCOPE() { copy(a, y); }
            }
            break;
        case 15: {  // the value that a task computed decides what follows
            copy(a, x);
            uint32_t at[2] = {0, 1};
            if (get_tensor_data<float>(x, 2, at) > 0.0f) copy(x, y);
            else copy(b, y);
            break;
        }
        case 16: {  // the value of an input decides
            uint32_t at[2] = {0, 1};
            if (get_tensor_data<float>(a, 2, at) > 0.0f) copy(a, y);
            else copy(b, y);
            break;
        }
        case 17: {  // a task that runs where an element compares
            const ChipTensor& flags = args.tensor(3).ref();
            copy(a, x);
            CoreTaskArgs p;
            p.add_input(b);
            p.add_inout(x);
            CoreTaskPredicate predicate;
            predicate.operand.tensor = &flags;
            predicate.operand.ndims = 2;
            predicate.operand.indices[0] = 0;
            predicate.operand.indices[1] = 0;
            predicate.op = PredicateOp::GT;
            predicate.target = count;
            p.set_predicate(predicate);
            rt_submit_aiv_task(0, p);
            break;
        }
        case 18:  // a dummy task gathers, one edge orders all
            PTO2_SCOPE() {
                PTO2TaskId readers[2];
                copy(a, x);
                readers[0] = copy(x, y);
                CoreTaskArgs gather;
                gather.set_dependencies(readers, 1);
                PTO2TaskId all = rt_submit_dummy_task(gather).task_id();
                copy_after(b, x, all);
            }
            break;
        case 19: {  // a tensor outlives its scope
            TaskOutputTensors out;
            PTO2_SCOPE() {
                CoreTaskArgs p;
                p.add_input(a);
                p.add_output(info);
                out = rt_submit_aiv_task(0, p);
            }
            const ChipTensor& t = out.get_ref(0);
            copy(t, y);
            break;
        }
        case 20: {  // blocks
            CoreTaskArgs p;
            p.add_input(a);
            p.add_output(y);
            p.launch_spec.set_block_num(static_cast<int16_t>(count));
            rt_submit_aiv_task(0, p);
            break;
        }
        case 21: {  // a filled tensor, and a task that reads it
            info.set_initial_value(2.5f);
            TaskOutputTensors out = alloc_tensors(info);
            const ChipTensor& t = out.get_ref(0);
            copy(t, y);
            break;
        }
        case 22: {  // an output is used after a fatal error
            CoreTaskArgs p;
            p.add_scalar(1);
            p.add_output(info);
            TaskOutputTensors out = rt_submit_aiv_task(0, p);
            const ChipTensor& t = out.get_ref(0);
            copy(t, y);
            break;
        }
        case 23: {  // a vector kernel on the cube core
            CoreTaskArgs p;
            p.add_input(a);
            p.add_output(y);
            rt_submit_aic_task(0, p);
            break;
        }
        case 24: {  // a value from the orchestration, read by a task
            uint32_t at[2] = {1, 2};
            set_tensor_data(x, 2, at, 7.0f);
            copy(x, y);
            break;
        }
        case 25: {  // ... while a task that reads it may be running
            uint32_t at[2] = {1, 2};
            copy(x, y);
            set_tensor_data(x, 2, at, 7.0f);
            break;
        }
        case 26: {  // not tracked: neither looked up nor entered
            CoreTaskArgs p;
            p.add_input(a);
            p.add_output(x);
            rt_submit_aiv_task(0, p);
            CoreTaskArgs q;
            q.add_no_dep(x);
            q.add_output(y);
            rt_submit_aiv_task(0, q);
            break;
        }
        case 27: {  // a view that does not fit
            uint32_t big[2] = {33, 64};
            copy(a.view(big, zero), y);
            break;
        }
        case 28: {  // one task waits for many
            PTO2TaskId all[256];
            for (int i = 0; i < count; ++i) {
                CoreTaskArgs nothing;
                all[i] = rt_submit_dummy_task(nothing).task_id();
            }
            CoreTaskArgs gather;
            gather.set_dependencies(all, static_cast<uint32_t>(count));
            rt_submit_dummy_task(gather);
            break;
        }
        case 29:  // two tasks (kernel 1) add to X, which a third overwrites
            PTO2_SCOPE() {
                for (const ChipTensor* each : {&a, &b}) {
                    CoreTaskArgs p;
                    p.add_input(*each);
                    p.add_no_dep(x);
                    rt_submit_aiv_task(1, p);
                }
                CoreTaskArgs p;
                p.add_input(a);
                p.add_no_dep(x);
                rt_submit_aiv_task(0, p);
            }
            break;
        default:
            rt_report_fatal(PTO2_ERROR_EXPLICIT_ORCH_FATAL, "no graph %d", which);
    }
}
}
