// One run of a package: the orchestration submits, this keeps the graph, the windows and the memory, and runs the
// tasks.
#pragma once
#include <random>

#include "crew.hpp"
#include "graph.hpp"
#include "hazards.hpp"
#include "pto_orchestration_api.h"

namespace htp_pto {

struct Options {
    bool host_build_graph = false;
    uint64_t seed = 1;
    bool checks = true;
    int64_t window = 16384;
    uint64_t heap = 268435456;
    int clusters = 24;
    bool trace = false;
};

struct Kernel {
    std::string name;
    bool cube = false;
    void (*enter)(pto::standin::Core*) = nullptr;
    void (*entry)(int64_t*) = nullptr;
};

class Run final : public htp_runtime::Runtime {
public:
    Run(const Options& options, const std::map<int32_t, Kernel>& kernels, Memory& memory, Diagnostics& diagnostics)
        : options_(options), kernels_(kernels), memory_(memory), diagnostics_(diagnostics), random_(options.seed) {}

    // Runs every task that is left, then compares what the tasks touched.
    void finish();

    TaskOutputTensors submit(const MixedKernels* kernels, const CoreTaskArgs& args, bool allocation) override;
    void open_scope(PTO2ScopeMode mode) override;
    void close_scope() override;
    bool is_fatal() const override { return fatal != 0; }
    void report_fatal(int32_t code, const char* text) override;
    [[noreturn]] void abort_run(const char* text) override;
    uint64_t read(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[]) override;
    void write(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[], uint64_t bits) override;
    int32_t clusters() const override { return options_.clusters; }
    int32_t vector_cores() const override { return 2 * options_.clusters; }
    void bad_view(const char* what) override { report_fatal(PTO2_ERROR_INVALID_ARGS, what); }

    Graph graph;
    std::vector<int64_t> order;
    std::vector<std::string> traces;  // what cores did, each different one once
    int32_t fatal = 0;

    std::string task_name(const Task& task) const;

private:
    struct Scope {
        int64_t id;
        bool manual;
        std::set<int64_t> tasks;
    };
    struct Ring {
        int64_t tasks = 0;
        uint64_t bytes = 0;
    };

    // accept.cpp
    bool refuse(int32_t code, const std::string& text);
    bool accept_kernels(const MixedKernels& kernels);
    bool accept_blocks(const MixedKernels& kernels, const PTO2LaunchSpec& launch);
    bool fits_edges(const Task& task);
    bool accept(const MixedKernels* kernels, const CoreTaskArgs& args, bool allocation);
    bool fits_window(const Task& task, uint64_t bytes);
    // submit.cpp
    void take_arguments(Task& task, const CoreTaskArgs& args);
    ChipTensor create(const TensorCreateInfo& info, const Task& task);
    void check_lifetime(const Argument& argument, int index, const Task& task);
    uint8_t* element(const ChipTensor& tensor, uint32_t ndims, const uint32_t indices[], bool write);
    void complete(const std::set<int64_t>& wanted);
    // execution (execute.cpp)
    void execute(Task& task);
    bool dispatched(Task& task);
    void run_blocks(const Task& task, int first, int end, const std::vector<Lane*>& lanes);
    std::set<int64_t>::iterator choose(const std::set<int64_t>& ready);
    void run_ready(const std::set<int64_t>* only);
    void collect(Task& task, const std::vector<Lane*>& lanes);
    void compare_blocks(const Task& task, const std::vector<Lane*>& lanes);
    void warn_of_lines(const Task& task, int buffer, int i, int j, uint64_t at, int pairs);
    std::vector<Window> windows(const Task& task) const;
    void fail(const char* code, const std::string& text, const Task* task);

    Options options_;
    const std::map<int32_t, Kernel>& kernels_;
    Memory& memory_;
    Diagnostics& diagnostics_;
    std::mt19937_64 random_;
    std::vector<Scope> scopes_{{0, false, {}}};
    std::set<int64_t> closed_;
    int64_t scope_count_ = 0;
    Ring rings_[4];
    std::map<int64_t, uint64_t> allocated_;  // bytes of each task's outputs
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::map<std::string, int64_t> trace_numbers_;
    std::set<std::pair<std::string, int>> told_lines_;  // of what kernels and buffers
    bool stopped_ = false;
};

}  // namespace htp_pto
