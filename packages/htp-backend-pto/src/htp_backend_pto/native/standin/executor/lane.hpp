// One core while it runs one kernel: the memory behind its tiles, the order of its pipes, and every check on them.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "clocks.hpp"
#include "diagnostics.hpp"
#include "memory.hpp"
#include "scratchpad.hpp"
#include "tensor.h"

namespace htp_pto {

using pto::standin::Instruction;

// A region of global memory that an argument of the task gives to the kernel.
struct Window {
    Range bytes;
    bool writable;
};

// An access to global memory, for the comparison with those of other pipes, blocks and tasks.
struct GmAccess {
    Access access;
    int pipe;
    uint32_t clock;
    uint32_t index;
    const char* instruction;
    uint32_t meetings;  // how often the cores of the task had met
};

// What a kernel did, for the report.
struct Counters {
    std::map<std::string, uint64_t> instructions;
    uint64_t loaded = 0, stored = 0;
    uint64_t high_water[int(Space::Count)] = {};
};

class Crew;

class Lane final : public pto::standin::Core {
public:
    Lane(Diagnostics& diagnostics, Memory& memory) : diagnostics_(diagnostics), memory_(memory) {}

    // Prepares for one kernel. `where` names task, kernel, core and block.
    void begin(const Place& where, const std::vector<Window>& windows, int sub_block, bool cube, Crew* crew, bool checks,
               bool traced);
    // What only the end of a kernel shows: flags left, stores not waited for.
    void end();

    uint8_t* base(Space space) override;
    void issue(const Instruction& instruction) override;
    void broken(const char* code, const char* instruction, const char* text) override;
    [[noreturn]] void stop(const char* code, const char* instruction, const char* text) override;
    void set_flag(pipe_t from, pipe_t to, int event) override;
    void wait_flag(pipe_t from, pipe_t to, int event) override;
    void barrier(pipe_t pipe) override;
    void meet(pto::SyncCoreType who) override;
    uint8_t* fifo_push(int id, int direction, uint32_t slot_bytes, uint32_t slots, uint32_t consumers) override;
    void fifo_pushed(int id, int direction) override;
    const uint8_t* fifo_pop(int id, int direction, uint32_t slot_bytes, uint32_t slots) override;
    void fifo_free(int id, int direction) override;
    int sub_block() const override { return sub_block_; }
    bool cube() const override { return cube_; }
    int block() const { return where_.block; }

    const char* core() const { return where_.core.c_str(); }

    Counters counters;
    std::string events;  // what it did one thing after the other, as JSON, where that is asked for
    std::vector<GmAccess> reads, writes;  // of global memory

private:
    Place place(const char* instruction) const;
    void report(const char* code, const std::string& text, const Instruction& instruction, const Access* access,
                bool error = true);
    void check_operands(const Instruction& instruction);
    std::vector<uint64_t> still_unwritten(const Instruction& instruction);
    void check_bounds(const Instruction& instruction, const Access& access);
    void check_written(const Instruction& instruction, const Access& access);
    void check_order(const Instruction& instruction, const Access& access);
    void check_global(const Instruction& instruction, const Access& access);
    void check_global_order(const Instruction& instruction, const Access& access);
    void record(const Instruction& instruction, const Access& access, uint32_t clock);
    void note(const char* what, std::initializer_list<std::string> parts);
    void note(const Instruction& instruction);
    void race(const char* kind, const Instruction& instruction, const Access& access, int pipe, uint32_t index);

    Diagnostics& diagnostics_;
    Memory& memory_;
    Place where_;
    std::vector<Window> windows_;
    Crew* crew_ = nullptr;
    int sub_block_ = 0;
    bool cube_ = false;
    bool checks_ = true, traced_ = false;
    uint32_t index_ = 0;
    uint32_t meetings_ = 0;
    Clocks clocks_;
    Scratchpad spaces_[int(Space::Count)];
    std::vector<std::string> names_;  // of the instructions, by index
};

}  // namespace htp_pto
