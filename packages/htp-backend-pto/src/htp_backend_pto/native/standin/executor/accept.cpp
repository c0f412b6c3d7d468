// What the runtime itself refuses: arguments, kernels, and graphs that do not fit.
#include "run.hpp"

namespace htp_pto {

bool Run::refuse(int32_t code, const std::string& text) {
    report_fatal(code, text.c_str());
    return false;
}

bool Run::accept(const MixedKernels* kernels, const CoreTaskArgs& args, bool allocation) {
    if (fatal != 0) return false;
    constexpr int32_t invalid = PTO2_ERROR_INVALID_ARGS;
    if (args.has_error) return refuse(invalid, std::string("the arguments of a task are wrong: ") + args.error_msg);
    if (allocation && (args.tensor_count() == 0 || args.scalar_count() != 0))
        return refuse(invalid, "alloc_tensors takes TensorCreateInfo only, at least one");
    for (int32_t i = 0; i < args.tensor_count(); ++i) {
        const bool created = args.tag(i) == TensorArgType::OUTPUT;
        if (allocation && !created) return refuse(invalid, "alloc_tensors takes TensorCreateInfo only");
        if (options_.host_build_graph && created && args.tensor(i).create_info().has_initial_value)
            return refuse(invalid, "host_build_graph has no set_initial_value");
    }
    for (uint32_t i = 0; i < args.dependency_count; ++i)
        if (graph.find(args.dependencies[i]) < 0)
            return refuse(invalid, "set_dependencies names a task that does not exist");
    return kernels == nullptr || (accept_kernels(*kernels) && accept_blocks(*kernels, args.launch_spec));
}

bool Run::accept_kernels(const MixedKernels& kernels) {
    constexpr int32_t invalid = PTO2_ERROR_INVALID_ARGS;
    const std::pair<int32_t, bool> seats[] = {
        {kernels.aic_kernel_id, true}, {kernels.aiv0_kernel_id, false}, {kernels.aiv1_kernel_id, false}};
    int count = 0;
    for (const auto& [id, cube] : seats) {
        if (id == INVALID_KERNEL_ID) continue;
        ++count;
        const std::string name = "kernel " + std::to_string(id);
        if (kernels_.find(id) == kernels_.end()) return refuse(invalid, name + " is submitted, but not loaded");
        if (kernels_.at(id).cube == cube) continue;
        return refuse(invalid, name + (cube ? " was compiled for a vector core, but is submitted to the cube core"
                                            : " was compiled for the cube core, but is submitted to a vector core"));
    }
    return count > 0 || refuse(invalid, "a task names no kernel");
}

bool Run::accept_blocks(const MixedKernels& kernels, const PTO2LaunchSpec& launch) {
    const int blocks = launch.block_num();
    if (blocks < 1)
        return refuse(PTO2_ERROR_INVALID_ARGS, "block_num is " + std::to_string(blocks) + ", but must be at least 1");
    const int limit = kernels.aic_kernel_id >= 0 ? options_.clusters : 2 * options_.clusters;
    if (blocks <= limit || !launch.require_sync_start()) return true;
    return refuse(PTO2_ERROR_REQUIRE_SYNC_START_INVALID, "require_sync_start with more blocks than cores");
}

// Tasks of an open scope keep their slots and their outputs; when one scope needs more than the ring has, the runtime
// waits for ever. host_build_graph recycles nothing: the whole graph must fit.
bool Run::fits_window(const Task& task, uint64_t bytes) {
    Ring& ring = rings_[task.ring];
    if (int64_t(scopes_.back().tasks.size()) >= options_.window - 1) {
        std::string text = "a scope holds " + std::to_string(scopes_.back().tasks.size()) +
                           " live tasks, the task window is " + std::to_string(options_.window) +
                           ": the runtime would wait for ever";
        return refuse(PTO2_ERROR_SCOPE_DEADLOCK, text);
    }
    const int64_t tasks = options_.host_build_graph ? int64_t(graph.tasks.size()) - 1 : ring.tasks;
    if (tasks >= options_.window - 1) {
        return refuse(PTO2_ERROR_FLOW_CONTROL_DEADLOCK, "open scopes of ring " + std::to_string(task.ring) + " hold " +
                                                            std::to_string(tasks) + " tasks, the task window is " +
                                                            std::to_string(options_.window));
    }
    if (ring.bytes + bytes > options_.heap) {
        return refuse(PTO2_ERROR_HEAP_RING_DEADLOCK, "open scopes hold " + std::to_string(ring.bytes + bytes) +
                                                         " bytes of task outputs, the heap of a ring is " +
                                                         std::to_string(options_.heap));
    }
    ++ring.tasks;
    ring.bytes += bytes;
    allocated_[task.id] = bytes;
    return true;
}

// Edges into one task: host_build_graph has room for 128, tensormap_and_ringbuffer spills.
bool Run::fits_edges(const Task& task) {
    if (!options_.host_build_graph || task.before.size() <= 128) return true;
    return refuse(PTO2_ERROR_DEP_POOL_OVERFLOW, "a task waits for " + std::to_string(task.before.size()) +
                                                    " others; host_build_graph has room for 128");
}

}  // namespace htp_pto
