#include "intrinsic.h"
#include "run.hpp"

namespace htp_pto {

namespace {

struct Arguments {
    int64_t values[50] = {};
    GlobalContext global{};
    LocalContext local{};
};

// What one core of one block runs.
struct Seat {
    int32_t kernel;
    int sub_block;
    const char* core;
};

std::vector<Seat> seats(const MixedKernels& kernels) {
    std::vector<Seat> result;
    if (kernels.aic_kernel_id >= 0) result.push_back({kernels.aic_kernel_id, 0, "aic"});
    if (kernels.aiv0_kernel_id >= 0) result.push_back({kernels.aiv0_kernel_id, 0, "aiv0"});
    if (kernels.aiv1_kernel_id >= 0)
        result.push_back({kernels.aiv1_kernel_id, kernels.aiv0_kernel_id >= 0 ? 1 : 0, "aiv1"});
    return result;
}

// The value at dispatch, taken as a signed integer of the element's size.
bool passes(const CoreTaskPredicate& predicate, const void* element, uint64_t size) {
    int64_t value = 0;
    std::memcpy(&value, element, size);
    const int shift = int(64 - 8 * size);
    value = int64_t(uint64_t(value) << shift) >> shift;
    const int64_t target = predicate.target;
    switch (predicate.op) {
        case PredicateOp::EQ:
            return value == target;
        case PredicateOp::NE:
            return value != target;
        case PredicateOp::GT:
            return value > target;
        case PredicateOp::LT:
            return value < target;
        case PredicateOp::GE:
            return value >= target;
        case PredicateOp::LE:
            return value <= target;
        default:
            return true;
    }
}

}  // namespace

std::vector<Window> Run::windows(const Task& task) const {
    std::vector<Window> result;
    for (const Argument& argument : task.arguments) {
        const ChipTensor& t = argument.tensor;
        const uint64_t size = get_element_size(t.dtype), begin = t.buffer.addr + t.start_offset * size;
        // A task may read again what it has written into its own output.
        result.push_back({{begin, begin + t.extent_elem() * size}, argument.tag != TensorArgType::INPUT});
    }
    return result;
}

void Run::execute(Task& task) {
    task.order = int64_t(order.size());
    order.push_back(task.id);
    task.done = true;
    if (task.has_predicate && !dispatched(task)) {
        task.skipped = true;
        return;
    }
    if (task.kind == Kind::Dummy || task.kind == Kind::Alloc) return;
    const size_t count = seats(task.kernels).size() * size_t(task.blocks);
    while (lanes_.size() < count) lanes_.push_back(std::make_unique<Lane>(diagnostics_, memory_));
    std::vector<Lane*> lanes;
    for (size_t i = 0; i < count; ++i) lanes.push_back(lanes_[i].get());
    // As many blocks as the chip has cores for run side by side.
    const int together = task.kernels.aic_kernel_id >= 0 ? options_.clusters : 2 * options_.clusters;
    for (int first = 0; first < task.blocks && !stopped_; first += together)
        run_blocks(task, first, std::min(first + together, task.blocks), lanes);
    collect(task, lanes);
}

// Whether the predicate holds; what it looks at is read by the task.
bool Run::dispatched(Task& task) {
    const ChipTensor& t = task.predicate_tensor;
    const uint64_t size = get_element_size(t.dtype);
    uint64_t at = t.start_offset;
    for (uint32_t i = 0; i < task.predicate.operand.ndims; ++i)
        at += uint64_t(task.predicate.operand.indices[i]) * t.strides[i];
    const uint64_t address = t.buffer.addr + at * size;
    task.reads.push_back({address, address + size});
    return passes(task.predicate, reinterpret_cast<const void*>(address), size);
}

// Runs the cores of blocks `first` to `end` together.
void Run::run_blocks(const Task& task, int first, int end, const std::vector<Lane*>& lanes) {
    const std::vector<Seat> one = seats(task.kernels);
    const std::vector<Window> regions = windows(task);
    std::deque<Arguments> arguments;
    Crew crew(random_());
    const bool alone = one.size() == 1 && task.blocks == 1;
    for (size_t i = size_t(first) * one.size(); i < size_t(end) * one.size(); ++i) {
        const Seat& seat = one[i % one.size()];
        const Kernel& kernel = kernels_.at(seat.kernel);
        Arguments& a = arguments.emplace_back();
        size_t next = 0;
        for (const Argument& argument : task.arguments) a.values[next++] = reinterpret_cast<int64_t>(&argument.tensor);
        for (uint64_t scalar : task.scalars) a.values[next++] = int64_t(scalar);
        a.global.sub_block_id = seat.sub_block;
        a.local = {int32_t(i / one.size()), task.blocks};
        a.values[SPMD_LOCAL_CONTEXT_INDEX] = reinterpret_cast<int64_t>(&a.local);
        a.values[SPMD_GLOBAL_CONTEXT_INDEX] = reinterpret_cast<int64_t>(&a.global);
        Lane& lane = *lanes[i];
        Place where;
        where.task = task.id, where.kernel = kernel.name, where.core = seat.core, where.block = a.local.block_idx;
        lane.begin(where, regions, seat.sub_block, kernel.cube, alone ? nullptr : &crew, options_.checks,
                   options_.trace);
        crew.add([this, &lane, &kernel, &a, &crew] {
            try {
                kernel.enter(&lane);
                kernel.entry(a.values);
                lane.end();
            } catch (const Stopped&) {
                stopped_ = true;
                crew.stop();
            }
        });
    }
    if (crew.run()) return;
    fail("core-deadlock",
         "the cores of the task wait for each other for ever: a TPOP without a TPUSH, a full FIFO without a TFREE, "
         "or a SYNCALL that not all reach",
         &task);
    stopped_ = true;
}

void Run::collect(Task& task, const std::vector<Lane*>& lanes) {
    for (Lane* lane : lanes) {
        for (const auto& [name, times] : lane->counters.instructions) task.counters.instructions[name] += times;
        task.counters.loaded += lane->counters.loaded;
        task.counters.stored += lane->counters.stored;
        if (options_.trace) {
            const auto found = trace_numbers_.emplace(lane->events, int64_t(traces.size()));
            if (found.second) traces.push_back(lane->events);
            task.cores.push_back({lane->core(), lane->block(), found.first->second});
        }
        for (int s = 0; s < int(Space::Count); ++s)
            task.counters.high_water[s] = std::max(task.counters.high_water[s], lane->counters.high_water[s]);
        for (const GmAccess& read : lane->reads)
            each_run(read.access, [&](uint64_t b, uint64_t e) { task.reads.push_back({b, e}); });
        for (const GmAccess& write : lane->writes)
            each_run(write.access, [&](uint64_t b, uint64_t e) {
                (write.access.mode == Mode::Atomic ? task.adds : task.writes).push_back({b, e});
            });
    }
    join(task.reads);
    join(task.writes);
    join(task.adds);
    if (task.blocks > 1 && options_.checks) compare_blocks(task, lanes);
}

namespace {

// What one block touched between two meetings of all cores, in order.
struct Touched {
    uint32_t meetings;
    int block;
    std::vector<Range> reads, writes;
};

std::vector<Touched> touched_by_blocks(const std::vector<Lane*>& lanes) {
    std::map<std::pair<uint32_t, int>, Touched> found;
    for (Lane* lane : lanes) {
        auto mine = [&](const GmAccess& access) -> Touched& { return found[{access.meetings, lane->block()}]; };
        for (const GmAccess& read : lane->reads)
            each_run(read.access, [&](uint64_t b, uint64_t e) { mine(read).reads.push_back({b, e}); });
        for (const GmAccess& write : lane->writes)
            if (write.access.mode != Mode::Atomic)
                each_run(write.access, [&](uint64_t b, uint64_t e) { mine(write).writes.push_back({b, e}); });
    }
    std::vector<Touched> result;
    for (auto& [key, touched] : found) {
        join(touched.reads), join(touched.writes);
        touched.meetings = key.first, touched.block = key.second;
        result.push_back(std::move(touched));
    }
    return result;
}

using Lines = std::map<int, std::vector<Range>>;

// The 64-byte lines of ranges, by the buffers that they lie in; buffers begin at a line.
Lines lines_of(const std::vector<Range>& ranges, const Memory& memory) {
    Lines lines;
    for (const Range& range : ranges) {
        const Buffer* buffer = memory.find(range.begin);
        const uint64_t base = buffer->begin;
        lines[buffer->id].push_back({base + (range.begin - base) / 64 * 64, base + (range.end - base + 63) / 64 * 64});
    }
    for (auto& each : lines) join(each.second);
    return lines;
}

// Pairs of blocks that write the same line of a buffer: the first of them, where, and how many there are.
struct Shared {
    int i = 0, j = 0;
    uint64_t at = none;
    int pairs = 0;
};

void add_shared(std::map<int, Shared>& shared, int i, int j, const Lines& a, const Lines& b) {
    for (const auto& [buffer, lines] : a) {
        const auto other = b.find(buffer);
        const uint64_t at = other == b.end() ? none : first_common(lines, other->second);
        if (at == none) continue;
        Shared& found = shared[buffer];
        if (found.pairs++ == 0) found.i = i, found.j = j, found.at = at;
    }
}

std::string pair_name(int i, int j) {
    return "blocks " + std::to_string(i) + " and " + std::to_string(j) + " of one task ";
}

}  // namespace

// Blocks of one task run at the same time: what one writes, no other may touch, not even in the same 64-byte line.
void Run::compare_blocks(const Task& task, const std::vector<Lane*>& lanes) {
    const std::vector<Touched> blocks = touched_by_blocks(lanes);
    std::vector<Lines> lines;
    for (const Touched& each : blocks) lines.push_back(lines_of(each.writes, memory_));
    std::map<int, Shared> shared;
    for (size_t first = 0; first < blocks.size(); ++first)
        for (size_t second = 0; second < blocks.size(); ++second) {
            const Touched &a = blocks[first], &b = blocks[second];
            if (a.meetings != b.meetings || a.block == b.block) continue;
            const int i = a.block, j = b.block;
            uint64_t at = first_common(a.writes, b.reads);
            if (i < j && at == none) at = first_common(a.writes, b.writes);
            if (at != none)
                fail("block-race", pair_name(i, j) + "touch " + memory_.name(at) + ", one of them writing", &task);
            else if (i < j) add_shared(shared, i, j, lines[first], lines[second]);
        }
    for (const auto& [buffer, found] : shared) warn_of_lines(task, buffer, found.i, found.j, found.at, found.pairs);
}

// A warning that is given once for every kernel and buffer.
void Run::warn_of_lines(const Task& task, int buffer, int i, int j, uint64_t at, int pairs) {
    Place place;
    place.task = task.id, place.kernel = task_name(task);
    if (!told_lines_.insert({place.kernel, buffer}).second) return;
    std::string text = pair_name(i, j) + "write the same 64-byte line, at " + memory_.name(at);
    if (pairs > 1) text += "; so do " + std::to_string(pairs - 1) + " more pairs of blocks";
    diagnostics_.report("shared-line", text, place, false);
}

// Seed 0 takes the task that was submitted first, seed 1 the one submitted last, any other a random one.
std::set<int64_t>::iterator Run::choose(const std::set<int64_t>& ready) {
    if (options_.seed == 0) return ready.begin();
    if (options_.seed == 1) return std::prev(ready.end());
    return std::next(ready.begin(), long(random_() % ready.size()));
}

// Runs tasks whose predecessors are done until none is left (of `only`, where given).
void Run::run_ready(const std::set<int64_t>* only) {
    std::vector<int> missing(graph.tasks.size(), 0);
    std::vector<std::vector<int64_t>> after(graph.tasks.size());
    std::set<int64_t> ready;
    for (const Task& task : graph.tasks) {
        if (task.done || (only != nullptr && only->count(task.id) == 0)) continue;
        for (int64_t before : task.before)
            if (!graph.tasks[size_t(before)].done) ++missing[size_t(task.id)], after[size_t(before)].push_back(task.id);
        if (missing[size_t(task.id)] == 0) ready.insert(task.id);
    }
    while (!ready.empty() && !stopped_) {
        const auto chosen = choose(ready);
        const int64_t id = *chosen;
        ready.erase(chosen);
        execute(graph.tasks[size_t(id)]);
        for (int64_t next : after[size_t(id)])
            if (--missing[size_t(next)] == 0) ready.insert(next);
    }
}

void Run::complete(const std::set<int64_t>& wanted) {
    std::set<int64_t> closure;
    std::vector<int64_t> open(wanted.begin(), wanted.end());
    while (!open.empty()) {
        const int64_t id = open.back();
        open.pop_back();
        if (!closure.insert(id).second) continue;
        const Task& task = graph.tasks[size_t(id)];
        open.insert(open.end(), task.before.begin(), task.before.end());
    }
    run_ready(&closure);
    if (stopped_) throw Stopped{};
}

void Run::finish() {
    if (fatal == 0 && !stopped_) run_ready(nullptr);
    if (options_.checks)
        report_hazards(graph, memory_, diagnostics_, [this](const Task& task) { return task_name(task); });
}

}  // namespace htp_pto
