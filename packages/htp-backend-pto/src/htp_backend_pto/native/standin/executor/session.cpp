// The C interface: a session holds the loaded package, its options and arguments, and the report of its last run.
#include "../abi.h"

#include <dlfcn.h>

#include <cstdlib>

#include "report.hpp"

using namespace htp_pto;

struct htp_pto_session {
    struct Given {
        void* data;
        ChipTensor tensor;
        int direction;
        bool staged;
    };

    std::map<int32_t, Kernel> kernels;
    void (*bind)(htp_runtime::Runtime*) = nullptr;
    void (*entry)(const ChipTaskArgs&) = nullptr;
    PTO2OrchestrationConfig (*config)(const ChipTaskArgs&) = nullptr;
    Options options;
    std::vector<Given> tensors;
    std::vector<uint64_t> scalars;
    Memory memory;
    Diagnostics diagnostics;
    std::string report, error;
    std::vector<void*> libraries;

    int fail(const std::string& text) {
        error = text;
        return 2;
    }
    void* load(const char* path) {
        void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) error = dlerror();
        else libraries.push_back(library);
        return library;
    }
};

namespace {

bool number(const char* text, uint64_t& value) {
    char* end = nullptr;
    value = std::strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0' && *text != '-';
}

// The host's arrays become buffers of the run; what the host only receives counts as not written yet.
void give(htp_pto_session& session, ChipTaskArgs& args, std::deque<ChipTensor>& store) {
    for (const auto& given : session.tensors) {
        store.push_back(given.tensor);
        session.memory.add(given.data, given.tensor.buffer.size, given.direction != HTP_PTO_OUT, given.staged);
        args.add_input(store.back());
    }
    for (uint64_t scalar : session.scalars) args.add_scalar(scalar);
}

void check_count(htp_pto_session& session, const ChipTaskArgs& args) {
    const int given = int(session.tensors.size() + session.scalars.size());
    if (args.has_error)
        session.diagnostics.report("argument-count", std::string("the arguments of the program: ") + args.error_msg,
                                   Place{});
    if (session.config == nullptr) return;
    const int expected = session.config(args).expected_arg_count;
    if (expected != given)
        session.diagnostics.report("argument-count",
                                   "the orchestration expects " + std::to_string(expected) + " arguments, " +
                                       std::to_string(given) + " are given",
                                   Place{});
}

}  // namespace

htp_pto_session* htp_pto_open(void) { return new htp_pto_session; }

void htp_pto_close(htp_pto_session* session) {
    for (void* library : session->libraries) dlclose(library);
    delete session;
}

int htp_pto_kernel(htp_pto_session* session, int32_t func_id, const char* name, const char* path, int core) {
    void* library = session->load(path);
    if (library == nullptr) return 2;
    Kernel kernel;
    kernel.name = name;
    kernel.cube = core == HTP_PTO_AIC;
    kernel.enter = reinterpret_cast<void (*)(pto::standin::Core*)>(dlsym(library, "htp_pto_enter"));
    kernel.entry = reinterpret_cast<void (*)(int64_t*)>(dlsym(library, "kernel_entry"));
    if (kernel.entry == nullptr || kernel.enter == nullptr)
        return session->fail(std::string(path) + " has no kernel_entry, or was not compiled against the stand-in");
    session->kernels[func_id] = kernel;
    return 0;
}

int htp_pto_orchestration(htp_pto_session* session, const char* path, const char* entry, const char* config) {
    void* library = session->load(path);
    if (library == nullptr) return 2;
    session->bind = reinterpret_cast<void (*)(htp_runtime::Runtime*)>(dlsym(library, "htp_pto_bind"));
    session->entry = reinterpret_cast<void (*)(const ChipTaskArgs&)>(dlsym(library, entry));
    if (session->bind == nullptr || session->entry == nullptr)
        return session->fail(std::string(path) + " has no " + entry + ", or was not compiled against the stand-in");
    session->config = config == nullptr
                          ? nullptr
                          : reinterpret_cast<PTO2OrchestrationConfig (*)(const ChipTaskArgs&)>(dlsym(library, config));
    if (config != nullptr && session->config == nullptr) return session->fail(std::string(path) + " has no " + config);
    return 0;
}

int htp_pto_option(htp_pto_session* session, const char* name, const char* value) {
    const std::string key = name, text = value;
    Options& options = session->options;
    uint64_t n = 0;
    auto bad = [&] { return session->fail("option " + key + ": " + text + " is not a value of it"); };
    if (key == "runtime") {
        if (text != "host_build_graph" && text != "tensormap_and_ringbuffer") return bad();
        options.host_build_graph = text == "host_build_graph";
        return 0;
    }
    if (key == "checks" || key == "trace") {
        if (text != "on" && text != "off") return bad();
        (key == "checks" ? options.checks : options.trace) = text == "on";
        return 0;
    }
    if (!number(value, n)) return bad();
    if (key == "seed") options.seed = n;
    else if (key == "window" && n >= 4 && (n & (n - 1)) == 0) options.window = int64_t(n);
    else if (key == "heap" && n >= 1024) options.heap = n;
    else if (key == "clusters" && n >= 1 && n <= 4096) options.clusters = int(n);
    else if (key == "max_diagnostics") session->diagnostics.limit = n;
    else return bad();
    return 0;
}

int htp_pto_tensor(htp_pto_session* session, void* data, uint32_t ndims, const uint32_t* shape, int dtype,
                   int direction, int staged) {
    if (ndims < 1 || ndims > MAX_TENSOR_DIMS) return session->fail("a tensor has 1 to 5 dimensions");
    if (dtype < 0 || dtype >= int(DataType::DATA_TYPE_NUM))
        return session->fail("unknown data type " + std::to_string(dtype));
    session->tensors.push_back(
        {data, make_tensor_external(data, shape, ndims, DataType(dtype)), direction, staged != 0});
    return 0;
}

int htp_pto_scalar(htp_pto_session* session, uint64_t bits) {
    session->scalars.push_back(bits);
    return 0;
}

int htp_pto_run(htp_pto_session* session) {
    if (session->entry == nullptr) return session->fail("no orchestration is loaded");
    session->diagnostics.clear();
    session->memory.clear();
    auto args = std::make_unique<ChipTaskArgs>();
    std::deque<ChipTensor> store;
    give(*session, *args, store);
    Run run(session->options, session->kernels, session->memory, session->diagnostics);
    session->bind(&run);
    check_count(*session, *args);
    try {
        if (!session->diagnostics.errors) session->entry(*args);
        run.finish();
    } catch (const Stopped&) {
    }
    session->report = report_text(run, session->options, session->kernels, session->diagnostics);
    session->memory.clear();
    return session->diagnostics.errors ? 1 : 0;
}

const char* htp_pto_report(htp_pto_session* session) { return session->report.c_str(); }

void htp_pto_clear(htp_pto_session* session) {
    session->tensors.clear();
    session->scalars.clear();
    session->report.clear();
}

const char* htp_pto_error(htp_pto_session* session) { return session->error.c_str(); }
