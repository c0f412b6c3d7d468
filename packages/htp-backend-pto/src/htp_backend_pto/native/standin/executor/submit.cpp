#include "run.hpp"

namespace htp_pto {

std::string Run::task_name(const Task& task) const {
    if (task.kind == Kind::Dummy) return "dummy";
    if (task.kind == Kind::Alloc) return "alloc";
    std::string name;
    std::set<std::string> seen;
    for (int32_t id : {task.kernels.aic_kernel_id, task.kernels.aiv0_kernel_id, task.kernels.aiv1_kernel_id})
        if (id != INVALID_KERNEL_ID && seen.insert(kernels_.at(id).name).second)
            name += (name.empty() ? "" : "+") + kernels_.at(id).name;
    return name;
}

void Run::fail(const char* code, const std::string& text, const Task* task) {
    Place place;
    if (task != nullptr) place.task = task->id, place.kernel = task_name(*task);
    diagnostics_.report(code, text, place);
}

void Run::report_fatal(int32_t code, const char* text) {
    if (fatal != 0) return;
    fatal = code;
    fail(code == PTO2_ERROR_SCOPE_DEADLOCK       ? "scope-deadlock"
         : code == PTO2_ERROR_HEAP_RING_DEADLOCK ? "heap-deadlock"
         : code == PTO2_ERROR_INVALID_ARGS       ? "invalid-args"
                                                 : "fatal",
         text, nullptr);
}

void Run::abort_run(const char* text) {
    fail("aborted", text, nullptr);
    throw Stopped{};
}

void Run::open_scope(PTO2ScopeMode mode) {
    if (fatal != 0) return;
    const bool manual = mode == PTO2ScopeMode::MANUAL;
    if (!manual && scopes_.back().manual)
        return report_fatal(PTO2_ERROR_INVALID_ARGS,
                            "an AUTO scope lies inside a MANUAL scope; the runtime does not accept that");
    scopes_.push_back({++scope_count_, manual, {}});
}

void Run::close_scope() {
    if (fatal != 0) return;
    closed_.insert(scopes_.back().id);
    for (int64_t id : scopes_.back().tasks) {
        Ring& ring = rings_[graph.tasks[size_t(id)].ring];
        --ring.tasks;
        if (!options_.host_build_graph) ring.bytes -= allocated_[id];
    }
    scopes_.pop_back();
}

ChipTensor Run::create(const TensorCreateInfo& info, const Task& task) {
    Buffer& buffer = memory_.allocate(info.buffer_size_bytes());
    ChipTensor tensor = make_tensor_external(reinterpret_cast<void*>(buffer.begin), info.shapes, info.ndims, info.dtype,
                                             info.manual_dep);
    tensor.owner_task_id = task.name;
    tensor.buffer.size = (tensor.buffer.size + 1023) / 1024 * 1024;  // the runtime says how much it gave
    if (info.has_initial_value) {
        const uint64_t size = get_element_size(info.dtype);
        for (uint64_t at = buffer.begin; at < buffer.end; at += size)
            std::memcpy(reinterpret_cast<void*>(at), &info.initial_value, size);
        std::fill(buffer.written.begin(), buffer.written.end(), 1);
    }
    return tensor;
}

// An output lives as long as the scope that made it.
void Run::check_lifetime(const Argument& argument, int index, const Task& task) {
    if (argument.owner < 0) return;
    const Task& owner = graph.tasks[size_t(argument.owner)];
    if (closed_.count(owner.scope) == 0) return;
    fail("scope-lifetime",
         "argument " + std::to_string(index) + " was allocated by task " + std::to_string(owner.id) +
             " in a scope that has ended; its memory may be in use again",
         &task);
}

void Run::take_arguments(Task& task, const CoreTaskArgs& args) {
    for (int32_t i = 0; i < args.tensor_count(); ++i) {
        Argument argument;
        argument.tag = args.tag(i);
        if (argument.tag == TensorArgType::OUTPUT) argument.tensor = create(args.tensor(i).create_info(), task);
        else argument.tensor = args.tensor(i).ref();
        Buffer* buffer = memory_.find(argument.tensor.buffer.addr);
        if (buffer != nullptr) argument.buffer = buffer->id;
        if (argument.tag != TensorArgType::OUTPUT && argument.tensor.owner_task_id.is_valid())
            argument.owner = graph.find(argument.tensor.owner_task_id);
        task.arguments.push_back(argument);
        if (argument.tag != TensorArgType::OUTPUT) check_lifetime(argument, i, task);
    }
    for (int32_t i = 0; i < args.scalar_count(); ++i) task.scalars.push_back(args.scalar(i));
    if (args.predicate().op != PredicateOp::NONE && args.predicate().operand.tensor != nullptr) {
        task.has_predicate = true;
        task.predicate = args.predicate();
        task.predicate_tensor = *args.predicate().operand.tensor;
    }
}

TaskOutputTensors Run::submit(const MixedKernels* kernels, const CoreTaskArgs& args, bool allocation) {
    TaskOutputTensors outputs;
    if (!accept(kernels, args, allocation)) return outputs;
    graph.tasks.emplace_back();
    Task& task = graph.tasks.back();
    task.id = int64_t(graph.tasks.size()) - 1;
    task.depth = int(scopes_.size()) - 1;
    task.ring = options_.host_build_graph ? 0 : std::min(task.depth, 3);
    task.scope = scopes_.back().id;
    task.manual = scopes_.back().manual;
    task.name = PTO2TaskId::make(uint8_t(task.ring), uint32_t(task.id));
    task.kind = allocation ? Kind::Alloc : Kind::Dummy;
    if (kernels != nullptr) {
        task.kernels = *kernels;
        const int cores =
            (kernels->aic_kernel_id >= 0) + (kernels->aiv0_kernel_id >= 0) + (kernels->aiv1_kernel_id >= 0);
        task.kind = cores > 1 ? Kind::Mix : kernels->aic_kernel_id >= 0 ? Kind::Aic : Kind::Aiv;
        task.blocks = args.launch_spec.block_num();
    }
    uint64_t bytes = 0;
    for (int32_t i = 0; i < args.tensor_count(); ++i)
        if (args.tag(i) == TensorArgType::OUTPUT)
            bytes += (args.tensor(i).create_info().buffer_size_bytes() + 1023) / 1024 * 1024;
    if (!fits_window(task, bytes)) {
        graph.tasks.pop_back();
        return outputs;
    }
    scopes_.back().tasks.insert(task.id);
    take_arguments(task, args);
    graph.connect(task, args.dependencies, args.dependency_count);
    if (!fits_edges(task)) return outputs;
    outputs.set_task_id(task.name);
    for (const Argument& argument : task.arguments)
        if (argument.tag == TensorArgType::OUTPUT) outputs.materialize_output(argument.tensor);
    return outputs;
}

// Reading waits for the tasks that the runtime knows to write the tensor; host_build_graph has not run any task yet and
// reads only what the host staged.
uint8_t* Run::element(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[], bool write) {
    uint64_t at = tensor.start_offset;
    for (uint32_t i = 0; i < ndims && i < tensor.ndims; ++i) at += uint64_t(indices[i]) * tensor.strides[i];
    const uint64_t size = get_element_size(tensor.dtype), address = tensor.buffer.addr + at * size;
    Buffer* buffer = memory_.find(address);
    if (buffer == nullptr || address + size > buffer->end) {
        report_fatal(PTO2_ERROR_INVALID_ARGS,
                     "get_tensor_data or set_tensor_data: the element lies outside the tensor");
        return nullptr;
    }
    const std::set<int64_t> producers = graph.producers(tensor);
    if (options_.host_build_graph && (!buffer->staged || !producers.empty())) {
        report_fatal(PTO2_ERROR_INVALID_ARGS,
                     buffer->staged ? "host_build_graph builds the graph before any task runs, so a tensor that a task "
                                      "writes cannot be read or written here"
                                    : "host_build_graph can read and write only tensors that the host staged");
        return nullptr;
    }
    complete(producers);
    const uint64_t end = address + size;
    for (const Task& task : graph.tasks) {
        if (task.done) continue;
        for (const Argument& argument : task.arguments) {
            const ChipTensor& t = argument.tensor;
            const uint64_t each = get_element_size(t.dtype), begin = t.buffer.addr + t.start_offset * each;
            const bool touches = begin < end && address < begin + t.extent_elem() * each;
            if (touches && (write || argument.tag != TensorArgType::INPUT))
                fail("orchestration-race",
                     std::string(write ? "set_tensor_data writes" : "get_tensor_data reads") +
                         " an element while task " + std::to_string(task.id) + " (" + task_name(task) +
                         ") that uses it may be running",
                     &task);
        }
    }
    if (!write && std::memchr(&buffer->written[address - buffer->begin], 0, size) != nullptr)
        fail("unwritten-read", "get_tensor_data reads an element that nothing has written", nullptr);
    if (write) std::memset(&buffer->written[address - buffer->begin], 1, size);
    return reinterpret_cast<uint8_t*>(address);
}

uint64_t Run::read(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[]) {
    uint64_t bits = 0;
    if (const uint8_t* at = element(tensor, ndims, indices, false))
        std::memcpy(&bits, at, get_element_size(tensor.dtype));
    return bits;
}

void Run::write(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[], uint64_t bits) {
    if (uint8_t* at = element(tensor, ndims, indices, true)) std::memcpy(at, &bits, get_element_size(tensor.dtype));
}

}  // namespace htp_pto
