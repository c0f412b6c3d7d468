// The task graph as the runtime derives it: the tasks with their arguments, and every edge with where it comes from.
//
// Rule (hw-native-sys/simpler@6ebaf77, runtime/pto_dep_compute.h and pto_tensormap.h of both runtimes): a task depends
// on its explicit dependences; on the task that allocated any tensor it is given; and, for INPUT and INOUT, on every
// earlier INOUT or OUTPUT_EXISTING that overlaps. An INOUT that covers an earlier entry retires it. Nothing is looked
// up or entered in a MANUAL scope; `manual_dep` tensors and NO_DEP arguments are neither looked up nor entered.
#pragma once
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "lane.hpp"
#include "standin/task_args.hpp"

namespace htp_pto {

enum class Kind { Aiv, Aic, Mix, Dummy, Alloc };

struct Argument {
    TensorArgType tag;
    ChipTensor tensor;
    int buffer = -1;
    int64_t owner = -1;
};

struct Edge {
    int64_t from, to;
    const char* source;
    int argument;  // or -1
};

// What one core did for a task: the number of its trace.
struct CoreTrace {
    std::string core;
    int block;
    int64_t trace;
};

struct Task {
    int64_t id = 0;
    PTO2TaskId name{};
    Kind kind = Kind::Dummy;
    MixedKernels kernels;
    int blocks = 1;
    int ring = 0, depth = 0;
    int64_t scope = 0;
    bool manual = false;
    std::deque<Argument> arguments;  // stable: outputs are referred to
    std::vector<uint64_t> scalars;
    bool has_predicate = false;
    CoreTaskPredicate predicate;
    ChipTensor predicate_tensor{};
    std::set<int64_t> before;  // tasks it waits for

    bool done = false, skipped = false;
    int64_t order = -1;
    Counters counters;
    std::vector<CoreTrace> cores;
    std::vector<Range> reads, writes, adds;  // of global memory, when it ran
};

enum class Overlap { None, Covered, Other };

// What the runtime finds when it compares a tensor with an earlier writer's in the same buffer.
Overlap overlap(const ChipTensor& now, const ChipTensor& earlier);

class Graph {
public:
    std::deque<Task> tasks;
    std::vector<Edge> edges;

    // Derives the edges of the newest task and enters what it writes.
    void connect(Task& task, const PTO2TaskId* dependencies, uint32_t count);
    // The tasks whose results the runtime waits for before the orchestration reads `tensor`.
    std::set<int64_t> producers(const ChipTensor& tensor) const;
    int64_t find(PTO2TaskId name) const;
    void clear();

private:
    struct Entry {
        ChipTensor tensor;
        int64_t producer;
    };
    void add_edge(Task& task, int64_t from, const char* source, int argument);

    std::map<uint64_t, std::vector<Entry>> entries_;  // the runtime's TensorMap, by buffer
    std::map<uint64_t, int64_t> names_;
};

}  // namespace htp_pto
