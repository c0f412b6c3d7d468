// y = exp(x) + x of a 16 x 64 block, and one mistake that the second argument chooses; 0 makes none.
#include <cstdint>
#include <pto/pto-inst.hpp>

#include "tensor.h"
using namespace pto;
#include "pipe_sync.h"

enum Fault {
    NONE,
    NO_LOAD_FLAG,
    NO_STORE_FLAG,
    NO_BARRIER,
    NO_BACK_FLAG,
    WAIT_WITHOUT_SET,
    EVENT_REUSE,
    FLAG_LEFT,
    NO_PIPE_SYNC,
    MISALIGNED,
    OVER_UB,
    FAR_OVER_UB,
    UNWRITTEN,
    VALID_MISMATCH,
    GLOBAL_MISMATCH,
    ZERO_VALID,
    VALID_TOO_LARGE,
    UNPLACED,
    OUTSIDE_GLOBAL,
    OUTSIDE_BUFFER,
    WRITES_INPUT,
    SCALAR_READ,
    SCRATCH_READ,
    BARRIER_ALL,
    SCALAR_WAIT,
    GLOBAL_ORDER,
    OPERAND_OVERLAP,
    RECIP_IN_PLACE,
    PADDED_CHOICE,
    PADDING_READ,
    UNWRITTEN_CHOICE,
};

using G = GlobalTensor<float, Shape<1, 1, 1, -1, -1>, Stride<1, 1, 1, -1, 1>>;
using V = Tile<TileType::Vec, float, 16, 64, BLayout::RowMajor, -1, -1>;
using D = Tile<TileType::Vec, float, 16, 1, BLayout::ColMajor, 16, 1>;

static inline G block(ChipTensor* t, int rows, int cols, int64_t skip = 0) {
    float* data = reinterpret_cast<float*>(t->buffer.addr) + t->start_offset + skip;
    return G(data, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(t->strides[0]));
}

// Chooses in whole bytes of flags, of which the last four columns say nothing, and looks at the result.
static inline void choose(int fault, V& x) {
    V part(16, fault == UNWRITTEN_CHOICE ? 56 : 60), whole(16, 64), chosen(16, 64), copy(16, 64);
    V seen(16, fault == PADDING_READ ? 64 : 60);
    Tile<TileType::Vec, uint8_t, 16, 32, BLayout::RowMajor, -1, -1> mask(16, 8);
    Tile<TileType::Vec, uint8_t, 1, 32, BLayout::RowMajor, 1, 32> scratch;
    TASSIGN(part, 32768), TASSIGN(whole, 32768), TASSIGN(mask, 36864), TASSIGN(scratch, 37376);
    TASSIGN(chosen, 40960), TASSIGN(seen, 40960), TASSIGN(copy, 45056);
    copy.SetValidShape(16, seen.GetValidCol());
    TEXPANDS(part, 1.0f), TCMP(mask, x, x, CmpMode::EQ), pipe_barrier(PIPE_V);
    TSEL(chosen, mask, whole, x, scratch), pipe_barrier(PIPE_V);
    TADDS(copy, seen, 1.0f), pipe_barrier(PIPE_V);
}

extern "C" __aicore__ void kernel_entry(__gm__ int64_t* args) {
    ChipTensor* x = reinterpret_cast<ChipTensor*>(args[0]);
    ChipTensor* y = reinterpret_cast<ChipTensor*>(args[1]);
    const int fault = from_u64<int32_t>(args[2]);
    G gx = block(x, 16, fault == GLOBAL_MISMATCH ? 56 : 64,
                 fault == OUTSIDE_GLOBAL   ? 16 * 64
                 : fault == OUTSIDE_BUFFER ? 1 << 20
                                           : 0);
    G gy = block(fault == WRITES_INPUT ? x : y, 16, 64);
    V a(fault == VALID_TOO_LARGE ? 17 : 16, fault == ZERO_VALID ? 0 : 64);
    V b(16, fault == VALID_MISMATCH ? 32 : 64);
    V c(16, 64);
    D sums;
    if (fault != UNPLACED) TASSIGN(a, fault == OVER_UB ? 183 * 1024 : fault == FAR_OVER_UB ? 4096 * 1024 : 0);
    TASSIGN(b, fault == MISALIGNED ? 4096 + 16 : 4096);
    TASSIGN(c, 8192);
    TASSIGN(sums, 16384);
    for (int round = 0; round < 2; ++round) {
        if (round > 0 && fault != NO_BACK_FLAG) wait_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);
        if (round > 0) wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
        if (fault != UNWRITTEN) TLOAD(a, gx);
        if (fault != NO_LOAD_FLAG) set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        if (fault == EVENT_REUSE) set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0), wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        if (fault != NO_LOAD_FLAG) wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        if (fault == WAIT_WITHOUT_SET) wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID5);
        TEXP(b, a);
        if (fault == BARRIER_ALL) pipe_barrier(PIPE_ALL);
        else if (fault != NO_BARRIER) pipe_barrier(PIPE_V);
        if (fault == SCALAR_READ) b.SetValue(0, b.GetValue(0) + 0.0f);
        if (fault == SCALAR_WAIT) {
            set_flag(PIPE_V, PIPE_S, EVENT_ID1);
            wait_flag(PIPE_V, PIPE_S, EVENT_ID1);
            b.SetValue(0, b.GetValue(0) + 0.0f);
            set_flag(PIPE_S, PIPE_V, EVENT_ID1);
            wait_flag(PIPE_S, PIPE_V, EVENT_ID1);
        }
        if (fault == SCRATCH_READ) {
            TROWSUM(sums, a, b);  // b is scratch: what was in it is lost
            pipe_barrier(PIPE_V);
        }
        if (fault == OPERAND_OVERLAP) TASSIGN(c, 4096 + 256);
        if (fault == RECIP_IN_PLACE) TRECIP(b, b), pipe_barrier(PIPE_V);
        if (fault == PADDED_CHOICE || fault == PADDING_READ || fault == UNWRITTEN_CHOICE) choose(fault, a);
        TADD(c, a, b);
        if (round == 0 && fault != NO_BACK_FLAG) set_flag(PIPE_V, PIPE_MTE2, EVENT_ID0);
        if (fault != NO_STORE_FLAG) {
            set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
            wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        }
        TSTORE(gy, c);
        if (round == 0) set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    }
    if (fault == GLOBAL_ORDER) {  // reads back what was stored, with nothing between
        set_flag(PIPE_V, PIPE_MTE2, EVENT_ID1);
        wait_flag(PIPE_V, PIPE_MTE2, EVENT_ID1);
        TLOAD(a, gy);
    }
    if (fault == FLAG_LEFT) set_flag(PIPE_V, PIPE_S, EVENT_ID3);
    if (fault != NO_PIPE_SYNC) pipe_sync();
}
