// What an orchestration calls: submitting tasks, scopes, allocation, scalar access, the state of the run.
// Interface facts: hw-native-sys/simpler@6ebaf77,
// src/a2a3/runtime/tensormap_and_ringbuffer/orchestration/pto_orchestration_api.h (the same in host_build_graph).
#pragma once
#include <cstdarg>
#include <cstdio>

#include "standin/task_args.hpp"
#include "tensor.h"

#define PTO2_ERROR_NONE 0
#define PTO2_ERROR_SCOPE_DEADLOCK 1
#define PTO2_ERROR_HEAP_RING_DEADLOCK 2
#define PTO2_ERROR_FLOW_CONTROL_DEADLOCK 3
#define PTO2_ERROR_DEP_POOL_OVERFLOW 4
#define PTO2_ERROR_INVALID_ARGS 5
#define PTO2_ERROR_REQUIRE_SYNC_START_INVALID 7
#define PTO2_ERROR_TENSOR_WAIT_TIMEOUT 8
#define PTO2_ERROR_EXPLICIT_ORCH_FATAL 9

namespace htp_runtime {

// The run, seen from the orchestration.
struct Runtime {
    virtual TaskOutputTensors submit(const MixedKernels* kernels, const CoreTaskArgs& args, bool allocation) = 0;
    virtual void open_scope(PTO2ScopeMode mode) = 0;
    virtual void close_scope() = 0;
    virtual bool is_fatal() const = 0;
    virtual void report_fatal(int32_t code, const char* text) = 0;
    [[noreturn]] virtual void abort_run(const char* text) = 0;
    virtual uint64_t read(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[]) = 0;
    virtual void write(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[], uint64_t bits) = 0;
    virtual int32_t clusters() const = 0;
    virtual int32_t vector_cores() const = 0;
    virtual void bad_view(const char* what) = 0;

protected:
    ~Runtime() = default;
};

static Runtime* current = nullptr;

}  // namespace htp_runtime

// The executor calls this before the entry of the orchestration.
extern "C" __attribute__((weak, visibility("default"))) void htp_pto_bind(htp_runtime::Runtime* runtime) {
    htp_runtime::current = runtime;
    htp_runtime::bad_view = [](const char* what) { htp_runtime::current->bad_view(what); };
}

inline void TaskOutputTensors::standin_no_output() {
    htp_runtime::current->abort_run("get_ref: the task has no such output (after a fatal error, submit returns none)");
}

struct PTO2OrchestrationConfig {
    int expected_arg_count;
};

static inline TaskOutputTensors rt_submit_task(const MixedKernels& kernels, const CoreTaskArgs& args) {
    return htp_runtime::current->submit(&kernels, args, false);
}
static inline TaskOutputTensors rt_submit_aic_task(int32_t kernel_id, const CoreTaskArgs& args) {
    MixedKernels kernels;
    kernels.aic_kernel_id = kernel_id;
    return rt_submit_task(kernels, args);
}
static inline TaskOutputTensors rt_submit_aiv_task(int32_t kernel_id, const CoreTaskArgs& args) {
    MixedKernels kernels;
    kernels.aiv0_kernel_id = kernel_id;
    return rt_submit_task(kernels, args);
}
static inline TaskOutputTensors rt_submit_dummy_task(const CoreTaskArgs& args) {
    return htp_runtime::current->submit(nullptr, args, false);
}

static inline TaskOutputTensors alloc_tensors(const CoreTaskArgs& args) {
    return htp_runtime::current->submit(nullptr, args, true);
}
static inline TaskOutputTensors alloc_tensors(const TensorCreateInfo infos[], uint32_t count) {
    CoreTaskArgs args;
    for (uint32_t i = 0; i < count; ++i) args.add_output(infos[i]);
    return alloc_tensors(args);
}
template <typename... Infos>
static inline TaskOutputTensors alloc_tensors(const TensorCreateInfo& first, const Infos&... infos) {
    static_assert((std::is_same_v<Infos, TensorCreateInfo> && ...), "alloc_tensors: TensorCreateInfo only");
    CoreTaskArgs args;
    args.add_output(first, infos...);
    return alloc_tensors(args);
}

static inline void rt_scope_begin(PTO2ScopeMode mode = PTO2ScopeMode::AUTO) { htp_runtime::current->open_scope(mode); }
static inline void rt_scope_end() { htp_runtime::current->close_scope(); }
static inline int32_t rt_available_cluster_count() { return htp_runtime::current->clusters(); }
static inline int32_t rt_available_aiv_count() { return htp_runtime::current->vector_cores(); }
static inline bool rt_is_fatal() { return htp_runtime::current->is_fatal(); }

static inline void standin_report_fatal(int32_t code, const char* format, ...) __attribute__((format(printf, 2, 3)));
static inline void standin_report_fatal(int32_t code, const char* format, ...) {
    char text[256];
    va_list values;
    va_start(values, format);
    std::vsnprintf(text, sizeof text, format, values);
    va_end(values);
    htp_runtime::current->report_fatal(code, text);
}
#define rt_report_fatal(code, ...) standin_report_fatal((code), __VA_ARGS__)

#define LOG_ERROR(...) ((void)0)
#define LOG_WARN(...) ((void)0)
#define LOG_TIMING(...) ((void)0)
#define LOG_INFO(...) ((void)0)
#define LOG_DEBUG(...) ((void)0)

template <typename T = uint64_t>
static inline T get_tensor_data(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[]) {
    if (rt_is_fatal()) return from_u64<T>(0);
    return from_u64<T>(htp_runtime::current->read(tensor, ndims, indices));
}
template <typename T = uint64_t>
static inline void set_tensor_data(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[], T value) {
    if (!rt_is_fatal()) htp_runtime::current->write(tensor, ndims, indices, to_u64(value));
}

class PTO2ScopeGuard {
public:
    explicit PTO2ScopeGuard(PTO2ScopeMode mode = PTO2ScopeMode::AUTO) { rt_scope_begin(mode); }
    ~PTO2ScopeGuard() { rt_scope_end(); }
    PTO2ScopeGuard(const PTO2ScopeGuard&) = delete;
    PTO2ScopeGuard& operator=(const PTO2ScopeGuard&) = delete;
};

#define HTP_PTO_JOIN_(a, b) a##b
#define HTP_PTO_JOIN(a, b) HTP_PTO_JOIN_(a, b)
#define PTO2_SCOPE_GUARD(...) \
    [[maybe_unused]] PTO2ScopeGuard HTP_PTO_JOIN(scope_guard_, __COUNTER__) { __VA_ARGS__ }
#define PTO2_SCOPE(...) if (PTO2ScopeGuard HTP_PTO_JOIN(scope_guard_, __COUNTER__){__VA_ARGS__}; true)
