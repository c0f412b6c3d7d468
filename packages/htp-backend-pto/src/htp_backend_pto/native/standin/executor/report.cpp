// The report of a run as JSON. The form is written down in ../abi.h.
#include "report.hpp"

namespace htp_pto {

namespace {

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\', out += c;
        else if (static_cast<unsigned char>(c) < 0x20) out += ' ';
        else out += c;
    }
    return out + "\"";
}

template <typename Items, typename F> std::string list(const Items& items, F text) {
    std::string out = "[";
    for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + text(item);
    return out + "]";
}

std::string maybe(const std::string& text) { return text.empty() ? "null" : quoted(text); }
std::string maybe(int64_t number) { return number < 0 ? "null" : std::to_string(number); }

std::string diagnostic_text(const Diagnostic& d) {
    const Place& p = d.place;
    return "{\"code\": " + quoted(d.code) + ", \"severity\": " + (d.error ? "\"error\"" : "\"warning\"") +
           ", \"message\": " + quoted(d.message) + ", \"task\": " + maybe(p.task) + ", \"kernel\": " + maybe(p.kernel) +
           ", \"core\": " + maybe(p.core) + ", \"block\": " + std::to_string(p.block) +
           ", \"instruction\": " + maybe(p.instruction) + ", \"index\": " + maybe(p.index) +
           ", \"tile\": " + maybe(p.tile) + ", \"bytes\": " + std::to_string(p.bytes) +
           ", \"times\": " + std::to_string(d.times) + "}";
}

std::string argument_text(const Argument& argument) {
    static const char* tags[] = {"INPUT", "OUTPUT", "INOUT", "OUTPUT_EXISTING", "NO_DEP"};
    static const char* types[] = {"f32", "f16", "i32", "i16",  "i8",     "u8",     "bf16",  "i64",
                                  "u64", "u16", "u32", "bool", "f8e4m3", "f8e8m0", "f4e2m1"};
    const ChipTensor& t = argument.tensor;
    auto numbers = [&](const uint32_t* values) {
        return list(std::vector<uint32_t>(values, values + t.ndims), [](uint32_t n) { return std::to_string(n); });
    };
    return std::string("{\"tag\": \"") + tags[int(argument.tag)] +
           "\", \"buffer\": " + maybe(int64_t(argument.buffer)) + ", \"dtype\": \"" + types[int(t.dtype)] +
           "\", \"offset\": " + std::to_string(t.start_offset) + ", \"shape\": " + numbers(t.shapes) +
           ", \"strides\": " + numbers(t.strides) + ", \"owner\": " + maybe(argument.owner) + "}";
}

std::string task_text(const Task& task, const std::map<int32_t, Kernel>& kernels) {
    static const char* kinds[] = {"aiv", "aic", "mix", "dummy", "alloc"};
    std::vector<int32_t> ids;
    for (int32_t id : {task.kernels.aic_kernel_id, task.kernels.aiv0_kernel_id, task.kernels.aiv1_kernel_id})
        if (id != INVALID_KERNEL_ID) ids.push_back(id);
    std::string high;
    for (int s = 1; s < int(Space::Count); ++s)
        high += std::string(s > 1 ? ", " : "") + "\"" + space_limits[s].name +
                "\": " + std::to_string(task.counters.high_water[s]);
    std::string instructions;
    for (const auto& [name, times] : task.counters.instructions)
        instructions += (instructions.empty() ? "" : ", ") + quoted(name) + ": " + std::to_string(times);
    return "{\"id\": " + std::to_string(task.id) + ", \"kind\": \"" + kinds[int(task.kind)] +
           "\", \"kernels\": " + list(ids, [&](int32_t id) { return quoted(kernels.at(id).name); }) +
           ", \"func_ids\": " + list(ids, [](int32_t id) { return std::to_string(id); }) +
           ", \"blocks\": " + std::to_string(task.blocks) + ", \"ring\": " + std::to_string(task.ring) +
           ", \"scope\": " + std::to_string(task.scope) + ", \"manual\": " + (task.manual ? "true" : "false") +
           ", \"skipped\": " + (task.skipped ? "true" : "false") + ", \"order\": " + maybe(task.order) +
           ", \"args\": " + list(task.arguments, argument_text) +
           ", \"scalars\": " + list(task.scalars, [](uint64_t bits) { return std::to_string(bits); }) +
           ", \"instructions\": {" + instructions + "}, \"loaded\": " + std::to_string(task.counters.loaded) +
           ", \"stored\": " + std::to_string(task.counters.stored) + ", \"high_water\": {" + high +
           "}, \"cores\": " + list(task.cores, [](const CoreTrace& c) {
               return "[" + quoted(c.core) + ", " + std::to_string(c.block) + ", " + std::to_string(c.trace) + "]";
           }) + "}";
}

}  // namespace

std::string report_text(const Run& run, const Options& options, const std::map<int32_t, Kernel>& kernels,
                        const Diagnostics& diagnostics) {
    std::string out = std::string("{\"runtime\": \"") +
                      (options.host_build_graph ? "host_build_graph" : "tensormap_and_ringbuffer") +
                      "\", \"seed\": " + std::to_string(options.seed);
    out += std::string(", \"status\": ") + (diagnostics.errors ? "\"failed\"" : "\"ok\"") +
           ", \"fatal\": " + std::to_string(run.fatal);
    out += ",\n\"diagnostics\": " + list(diagnostics.items, diagnostic_text) +
           ", \"dropped\": " + std::to_string(diagnostics.dropped);
    out += ",\n\"tasks\": " + list(run.graph.tasks, [&](const Task& task) { return task_text(task, kernels); });
    out += ",\n\"edges\": " + list(run.graph.edges, [](const Edge& e) {
               return "{\"from\": " + std::to_string(e.from) + ", \"to\": " + std::to_string(e.to) +
                      ", \"source\": \"" + e.source + "\", \"arg\": " + maybe(int64_t(e.argument)) + "}";
           });
    out += ",\n\"traces\": " + list(run.traces, [](const std::string& events) { return "[" + events + "]"; });
    return out + ",\n\"order\": " + list(run.order, [](int64_t id) { return std::to_string(id); }) + "}\n";
}

}  // namespace htp_pto
