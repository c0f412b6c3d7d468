#include "lane.hpp"

#include "crew.hpp"

namespace htp_pto {

namespace {

std::string on(const Access& access) { return tile_text(access); }

bool writes_to(Mode mode) { return mode != Mode::Read; }

std::string quoted(const char* name) { return std::string("\"") + name + "\""; }

}  // namespace

void Lane::begin(const Place& where, const std::vector<Window>& windows, int sub_block, bool cube, Crew* crew,
                 bool checks, bool traced) {
    where_ = where;
    windows_ = windows;
    sub_block_ = sub_block;
    cube_ = cube;
    crew_ = crew;
    checks_ = checks;
    traced_ = traced;
    events.clear();
    index_ = 0;
    meetings_ = 0;
    clocks_ = Clocks();
    counters = Counters();
    reads.clear();
    writes.clear();
    names_.assign(1, "");
    for (int s = 1; s < int(Space::Count); ++s)
        if (spaces_[s].data() != nullptr) spaces_[s].reset();
}

uint8_t* Lane::base(Space space) {
    Scratchpad& pad = spaces_[int(space)];
    pad.open(space);
    return pad.data();
}

Place Lane::place(const char* instruction) const {
    Place result = where_;
    result.instruction = instruction;
    result.index = index_;
    return result;
}

void Lane::report(const char* code, const std::string& text, const Instruction& instruction, const Access* access,
                  bool error) {
    Place where = place(instruction.name);
    if (access != nullptr && access->space != Space::Gm) where.tile = tile_text(*access);
    if (access != nullptr) where.bytes = bytes_of(*access);
    diagnostics_.report(code, std::string(instruction.name) + ": " + text, where, error);
}

void Lane::broken(const char* code, const char* instruction, const char* text) {
    if (checks_) diagnostics_.report(code, std::string(instruction) + ": " + text, place(instruction));
}

void Lane::stop(const char* code, const char* instruction, const char* text) {
    std::string prefix = *instruction ? std::string(instruction) + ": " : "";
    diagnostics_.report(code, prefix + text, place(instruction));
    throw Stopped{};
}

// The form of events is written down in ../abi.h.
void Lane::note(const char* what, std::initializer_list<std::string> parts) {
    if (!traced_) return;
    events += events.empty() ? "[" : ", [";
    events += quoted(what);
    for (const std::string& part : parts) events += ", " + part;
    events += "]";
}

void Lane::note(const Instruction& instruction) {
    static const char modes[] = {'r', 'w', 's', 'a'};
    if (!traced_) return;
    std::string operands;
    for (const auto& each : instruction.extents) {
        operands += operands.empty() ? "[" : ", [";
        operands += quoted(space_limits[int(each.space)].name) + ", \"" + modes[int(each.mode)] + "\", " +
                    std::to_string(each.rows) + ", " + std::to_string(each.cols) + ", " + std::to_string(each.size) +
                    "]";
    }
    note("run", {quoted(instruction.name), quoted(pipe_name(instruction.pipe)), "[" + operands + "]"});
}

void Lane::issue(const Instruction& instruction) {
    note(instruction);
    ++index_;
    names_.push_back(instruction.name);
    if (std::strcmp(instruction.name, "TPipe") != 0) ++counters.instructions[instruction.name];
    const uint32_t clock = clocks_.start(instruction.pipe);
    for (const Access& access : instruction.accesses) {
        if (access.space == Space::Gm) {
            check_global(instruction, access);
            continue;
        }
        check_bounds(instruction, access);
        if (!checks_) continue;
        if (access.mode == Mode::Read) check_written(instruction, access);
        check_order(instruction, access);
    }
    if (checks_) check_operands(instruction);
    const std::vector<uint64_t> unwritten = still_unwritten(instruction);
    for (const Access& access : instruction.accesses) record(instruction, access, clock);
    for (uint64_t byte : unwritten) spaces_[int(instruction.accesses.back().space)].mark(byte, byte + 1, false);
}

// The bytes of the result, which comes last, that lie where loose bytes of an operand are unwritten.
std::vector<uint64_t> Lane::still_unwritten(const Instruction& instruction) {
    std::vector<uint64_t> found;
    for (const Access& access : instruction.accesses) {
        if (access.loose == 0) continue;
        const Access& result = instruction.accesses.back();
        for (uint64_t row = 0; row < access.inner; ++row)
            for (uint64_t at = access.bytes - access.loose; at < access.bytes; ++at) {
                const uint64_t byte = access.start + row * access.inner_stride + at;
                if (!spaces_[int(access.space)].written(byte, byte + 1))
                    found.push_back(result.start + row * result.inner_stride + at);
            }
    }
    return found;
}

// A result may lie exactly where an operand lies, element on element; it may not cover another part of it.
void Lane::check_operands(const Instruction& instruction) {
    const std::vector<Access>& all = instruction.accesses;
    for (size_t i = 0; i < all.size(); ++i)
        for (size_t j = i + 1; j < all.size(); ++j) {
            const Access &a = all[i], &b = all[j];
            if (a.space == Space::Gm || a.space != b.space || a.operand == b.operand) continue;
            if (a.mode == Mode::Read && b.mode == Mode::Read) continue;
            const bool in_place = a.mode != Mode::Scratch && b.mode != Mode::Scratch && a.start == b.start &&
                                  a.inner_stride == b.inner_stride && a.outer_stride == b.outer_stride;
            if (in_place || !touch(a, b)) continue;
            report("operand-overlap", on(a) + " and " + on(b) + " are operands of one instruction and overlap",
                   instruction, &a);
            return;
        }
}

void Lane::check_bounds(const Instruction& instruction, const Access& access) {
    const SpaceLimit& limit = space_limits[int(access.space)];
    const uint64_t end = hull(access).end;
    base(access.space);
    if (checks_ && access.start % BLOCK != 0 && instruction.pipe != PIPE_S)
        report("alignment", on(access) + " does not begin at a multiple of 32 bytes", instruction, &access);
    if (checks_ && end > limit.bytes)
        report("capacity",
               on(access) + " reaches beyond the " + std::to_string(limit.bytes) + " bytes of " + limit.name,
               instruction, &access);
    if (end > Scratchpad::room(access.space))
        stop("capacity", instruction.name, (on(access) + " lies far outside " + limit.name).c_str());
    spaces_[int(access.space)].reach(end);
}

void Lane::check_written(const Instruction& instruction, const Access& access) {
    const Scratchpad& pad = spaces_[int(access.space)];
    uint64_t missing = none;
    each_run(access, [&](uint64_t begin, uint64_t end) {
        if (missing == none && !pad.written(begin, end - access.loose)) missing = begin;
    });
    if (missing != none)
        report("unwritten-read", on(access) + " is read, but bytes of it have not been written", instruction, &access);
}

void Lane::race(const char* kind, const Instruction& instruction, const Access& access, int pipe, uint32_t index) {
    std::string text = on(access) + " " + kind + " " + names_[index] + " on pipe " + pipe_name(pipe) +
                       ", and nothing orders the two (this one is on pipe " + pipe_name(instruction.pipe) + ")";
    report("pipe-race", text, instruction, &access);
}

void Lane::check_order(const Instruction& instruction, const Access& access) {
    Scratchpad& pad = spaces_[int(access.space)];
    const int pipe = instruction.pipe;
    bool told = false;
    auto ordered = [&](int before, const Toucher& toucher) {
        return toucher.clock == 0 || clocks_.ordered(before, toucher.clock, pipe);
    };
    each_run(access, [&](uint64_t begin, uint64_t end) {
        for (uint64_t b = begin / BLOCK; b <= (end - 1) / BLOCK && !told; ++b) {
            const BlockState& state = pad.block(b);
            if (!ordered(state.write_pipe, state.write)) {
                race(access.mode == Mode::Read ? "is read, written by" : "is written, written before by", instruction,
                     access, state.write_pipe, state.write.index);
                told = true;
            }
            if (access.mode == Mode::Read) continue;
            for (int p = 0; p < PIPES && !told; ++p)
                if (!ordered(p, state.read[p])) {
                    race("is written, read before by", instruction, access, p, state.read[p].index);
                    told = true;
                }
        }
    });
}

void Lane::record(const Instruction& instruction, const Access& access, uint32_t clock) {
    if (access.space == Space::Gm) {
        if (access.mode == Mode::Scratch) return;
        auto& list = access.mode == Mode::Read ? reads : writes;
        list.push_back({access, instruction.pipe, clock, index_, instruction.name, meetings_});
        (access.mode == Mode::Read ? counters.loaded : counters.stored) += bytes_of(access);
        Buffer* buffer = memory_.find(access.start);
        if (access.mode == Mode::Write)
            each_run(access, [&](uint64_t begin, uint64_t end) {
                std::memset(&buffer->written[begin - buffer->begin], 1, end - begin);
            });
        return;
    }
    Scratchpad& pad = spaces_[int(access.space)];
    counters.high_water[int(access.space)] = std::max(counters.high_water[int(access.space)], pad.high_water);
    each_run(access, [&](uint64_t begin, uint64_t end) {
        if (writes_to(access.mode)) pad.mark(begin, end, access.mode == Mode::Write);
        for (uint64_t b = begin / BLOCK; b <= (end - 1) / BLOCK; ++b) {
            BlockState& state = pad.block(b);
            if (access.mode == Mode::Read) {
                state.read[instruction.pipe] = {clock, index_};
                continue;
            }
            state = BlockState{};
            state.write_pipe = uint8_t(instruction.pipe);
            state.write = {clock, index_};
        }
    });
}

void Lane::check_global(const Instruction& instruction, const Access& access) {
    const Range range = hull(access);
    Buffer* buffer = memory_.find(access.start);
    if (buffer == nullptr || range.end > buffer->end)
        stop("gm-outside", instruction.name, "global memory outside every buffer of the run is accessed");
    if (!checks_) return;
    bool inside = false, allowed = false;
    for (const Window& window : windows_) {
        if (range.begin < window.bytes.begin || range.end > window.bytes.end) continue;
        inside = true;
        allowed = allowed || access.mode == Mode::Read || window.writable;
    }
    const std::string where = buffer->name(range.begin) + " to " + std::to_string(range.end - buffer->begin);
    if (!inside) report("gm-outside", where + " lies outside every tensor argument of the task", instruction, &access);
    else if (!allowed)
        report("gm-direction", where + " is written, but the task declares it as input", instruction, &access);
    if (access.mode == Mode::Read || access.mode == Mode::Atomic) {
        bool missing = false;
        each_run(access, [&](uint64_t begin, uint64_t end) {
            missing = missing || std::memchr(&buffer->written[begin - buffer->begin], 0, end - begin) != nullptr;
        });
        if (missing)
            report("unwritten-read", where + " is read, but bytes of it have not been written", instruction, &access);
    }
    if (access.mode != Mode::Scratch) check_global_order(instruction, access);
}

void Lane::check_global_order(const Instruction& instruction, const Access& access) {
    auto against = [&](const std::vector<GmAccess>& earlier, const char* what) {
        for (const GmAccess& other : earlier) {
            if (clocks_.ordered(other.pipe, other.clock, instruction.pipe) || !touch(other.access, access)) continue;
            if (other.access.mode == Mode::Atomic && access.mode == Mode::Atomic) continue;
            std::string text = memory_.name(access.start) + " " + what + " " + other.instruction + " on pipe " +
                               pipe_name(other.pipe) + ", and nothing orders the two (this one is on pipe " +
                               pipe_name(instruction.pipe) + ")";
            report("pipe-race", text, instruction, &access);
            return;
        }
    };
    against(writes, access.mode == Mode::Read ? "is read, written by" : "is written, written before by");
    if (access.mode != Mode::Read) against(reads, "is written, read before by");
}

void Lane::set_flag(pipe_t from, pipe_t to, int event) {
    note("set", {quoted(pipe_name(from)), quoted(pipe_name(to)), std::to_string(event)});
    if (checks_ && clocks_.pending(from, to, event) > 0) {
        std::string text = std::string("set_flag(") + pipe_name(from) + ", " + pipe_name(to) + ", " +
                           std::to_string(event) + "): the flag is set and nobody has waited for it";
        diagnostics_.report("event-reuse", text, place("set_flag"));
    }
    clocks_.set_flag(from, to, event);
}

void Lane::wait_flag(pipe_t from, pipe_t to, int event) {
    note("wait", {quoted(pipe_name(from)), quoted(pipe_name(to)), std::to_string(event)});
    if (clocks_.wait_flag(from, to, event) || !checks_) return;
    std::string text = std::string("wait_flag(") + pipe_name(from) + ", " + pipe_name(to) + ", " +
                       std::to_string(event) + "): nobody has set the flag; the device would wait for ever";
    diagnostics_.report("wait-without-set", text, place("wait_flag"));
}

void Lane::barrier(pipe_t pipe) {
    note("barrier", {quoted(pipe_name(pipe))});
    clocks_.barrier(pipe);
}

void Lane::end() {
    if (!checks_) return;
    clocks_.each_pending([&](int from, int to, int event) {
        std::string text = std::string("the flag ") + pipe_name(from) + " -> " + pipe_name(to) + ", event " +
                           std::to_string(event) + ", is set at the end and nobody waits for it";
        diagnostics_.report("flag-left", text, place("set_flag"));
    });
    for (const GmAccess& write : writes)
        if (!clocks_.ordered(write.pipe, write.clock, PIPE_S)) {
            diagnostics_.report("no-pipe-sync",
                                std::string("the kernel ends while ") + write.instruction +
                                    " may still be writing; end it with pipe_sync()",
                                place(write.instruction));
            return;
        }
}

void Lane::meet(pto::SyncCoreType) {
    note("meet", {});
    ++meetings_;
    if (crew_ != nullptr) crew_->meet();
}

// A split FIFO has both vector cores on its vector side, an unsplit one only the first.
uint8_t* Lane::fifo_push(int id, int direction, uint32_t slot_bytes, uint32_t slots, uint32_t others) {
    if (crew_ == nullptr) stop("fifo-alone", "TPUSH", "the task has one core, a FIFO needs the other one");
    Fifo& fifo = crew_->fifo(where_.block, id, direction);
    if (fifo.slots.empty()) fifo.slots.resize(slots);
    note("push", {std::to_string(id), std::to_string(direction), std::to_string(slots)});
    fifo.producers = cube_ ? 1 : others;
    fifo.consumers = cube_ ? others : 1;
    const int me = cube_ ? -1 : sub_block_;
    Fifo::Slot& slot = fifo.slots[fifo.pushed[me] % slots];
    crew_->wait([&] {
        uint64_t least = fifo.consumers > fifo.freed.size() ? 0 : UINT64_MAX;
        for (const auto& [who, count] : fifo.freed) least = std::min(least, count);
        return fifo.pushed[me] < least + slots;
    });
    slot.bytes.resize(slot_bytes);
    return slot.bytes.data();
}

void Lane::fifo_pushed(int id, int direction) {
    ++crew_->fifo(where_.block, id, direction).pushed[cube_ ? -1 : sub_block_];
}

const uint8_t* Lane::fifo_pop(int id, int direction, uint32_t, uint32_t slots) {
    if (crew_ == nullptr) stop("fifo-alone", "TPOP", "the task has one core, a FIFO needs the other one");
    note("pop", {std::to_string(id), std::to_string(direction)});
    Fifo& fifo = crew_->fifo(where_.block, id, direction);
    const int me = cube_ ? -1 : sub_block_;
    crew_->wait([&] {
        uint64_t least = fifo.producers > fifo.pushed.size() ? 0 : UINT64_MAX;
        for (const auto& [who, count] : fifo.pushed) least = std::min(least, count);
        return fifo.popped[me] < least && !fifo.slots.empty();
    });
    return fifo.slots[fifo.popped[me]++ % slots].bytes.data();
}

void Lane::fifo_free(int id, int direction) {
    Fifo& fifo = crew_->fifo(where_.block, id, direction);
    const int me = cube_ ? -1 : sub_block_;
    if (fifo.freed[me] >= fifo.popped[me]) stop("fifo-free", "TFREE", "a slot is given back that was not popped");
    note("free", {std::to_string(id), std::to_string(direction)});
    ++fifo.freed[me];
}

}  // namespace htp_pto
