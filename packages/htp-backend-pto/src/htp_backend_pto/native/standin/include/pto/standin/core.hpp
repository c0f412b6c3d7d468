// What a kernel sees of the core that runs it: memory spaces, and the record that every instruction gives of the bytes
// it reads and writes. Addresses, capacities, initialised bytes and the order of pipes are checked behind this
// interface (executor/lane.cpp), so the instruction headers hold only meanings.
#pragma once
#include <cstdint>
#include <vector>

#include "enums.hpp"

struct ChipTensor;

namespace pto::standin {

enum class Space : uint8_t { Gm, Ub, L1, L0a, L0b, L0c, Bias, Fbuf, Count };
enum class Mode : uint8_t { Read, Write, Scratch, Atomic };

// A set of bytes: `outer` x `inner` runs of `bytes` bytes. `start` is a byte offset in an on-chip space, or a host
// address in global memory. What nobody wrote of the last `loose` bytes of a run may be read, and makes nothing written of
// what lies there in the result.
struct Access {
    Space space;
    Mode mode;
    uint8_t operand;
    uint64_t start;
    uint64_t outer, outer_stride;
    uint64_t inner, inner_stride;
    uint64_t bytes;
    uint64_t loose = 0;
};

// What an operand holds: the valid rows and columns, and the bytes of an element.
struct Extent {
    Space space;
    Mode mode;
    int64_t rows, cols, size;
};

struct Instruction {
    const char* name;
    pipe_t pipe;
    std::vector<Access> accesses;
    std::vector<Extent> extents;

    Instruction(const char* name_, pipe_t pipe_) : name(name_), pipe(pipe_) {}
    void add(const Access& access) { accesses.push_back(access); }
};

// Where a kernel runs, seen from the kernel.
struct Core {
    virtual uint8_t* base(Space space) = 0;
    // One instruction, announced before it computes.
    virtual void issue(const Instruction& instruction) = 0;
    // A broken rule that only the instruction can see. It is reported once; the instruction goes on.
    virtual void broken(const char* code, const char* instruction, const char* text) = 0;
    // Ends the kernel: what follows cannot be computed.
    [[noreturn]] virtual void stop(const char* code, const char* instruction, const char* text) = 0;
    virtual void set_flag(pipe_t from, pipe_t to, int event) = 0;
    virtual void wait_flag(pipe_t from, pipe_t to, int event) = 0;
    virtual void barrier(pipe_t pipe) = 0;
    virtual void meet(SyncCoreType who) = 0;
    // Cube-vector FIFOs of this cluster. `push` gives the slot to fill, or to read, and blocks while there is none.
    virtual uint8_t* fifo_push(int id, int direction, uint32_t slot_bytes, uint32_t slots, uint32_t consumers) = 0;
    virtual void fifo_pushed(int id, int direction) = 0;
    virtual const uint8_t* fifo_pop(int id, int direction, uint32_t slot_bytes, uint32_t slots) = 0;
    virtual void fifo_free(int id, int direction) = 0;
    virtual int sub_block() const = 0;
    virtual bool cube() const = 0;

protected:
    ~Core() = default;
};

// The core that runs this kernel now; one kernel is one translation unit, so this is the kernel's own.
static thread_local Core* current_core = nullptr;
inline Core& core() { return *current_core; }

}  // namespace pto::standin

// The executor calls this before `kernel_entry`, in the same thread.
extern "C" __attribute__((weak, visibility("default"))) void htp_pto_enter(pto::standin::Core* core) {
    pto::standin::current_core = core;
}

#if !defined(HTP_PTO_EXECUTOR)
inline void set_flag(pipe_t from, pipe_t to, int event) { pto::standin::core().set_flag(from, to, event); }
inline void wait_flag(pipe_t from, pipe_t to, int event) { pto::standin::core().wait_flag(from, to, event); }
inline void pipe_barrier(pipe_t pipe) { pto::standin::core().barrier(pipe); }
// Instructions here go by valid shapes alone, so all lanes are always on.
inline void set_mask_norm() {}
inline void set_vector_mask(uint64_t, uint64_t) {}
#endif
