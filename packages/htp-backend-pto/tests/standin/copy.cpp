// The second tensor becomes the first, up to 32 x 64, or with ADDS the sum of both; with FAULT_BLOCKS every block writes
// the same rows. With MEET all blocks meet and then read what the next one has written; with MEET_SOME only the first one
// waits for the others.
#include <cstdint>
#include <pto/pto-inst.hpp>

#include "tensor.h"
using namespace pto;
#include "pipe_sync.h"
#ifndef __gm__
#define __gm__
#endif
#ifndef __aicore__
#define __aicore__ [aicore]
#endif
#include "intrinsic.h"

using G = GlobalTensor<float, Shape<1, 1, 1, -1, -1>, Stride<1, 1, 1, -1, 1>>;
using V = Tile<TileType::Vec, float, 32, 64, BLayout::RowMajor, -1, -1>;

// Rows are dealt to the blocks, `per` of them at a time.
extern "C" __aicore__ void kernel_entry(__gm__ int64_t* args) {
    __gm__ ChipTensor* x = reinterpret_cast<__gm__ ChipTensor*>(args[0]);
    __gm__ ChipTensor* y = reinterpret_cast<__gm__ ChipTensor*>(args[1]);
    const int blocks = get_block_num(args), me = get_block_idx(args);
    const int total = static_cast<int>(x->shapes[0]), cols = static_cast<int>(x->shapes[1]);
#ifdef FAULT_BLOCKS
    const int first = 0, rows = total;
#else
    const int rows = total / blocks, first = me * rows;
#endif
    if (rows == 0) return;
    __gm__ float* px = reinterpret_cast<__gm__ float*>(x->buffer.addr) + x->start_offset + first * x->strides[0];
    __gm__ float* py = reinterpret_cast<__gm__ float*>(y->buffer.addr) + y->start_offset + first * y->strides[0];
    G gx(px, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(x->strides[0]));
    G gy(py, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(y->strides[0]));
    V v(rows, cols);
    TASSIGN(v, 0x0);
    TLOAD(v, gx);
    set_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);
    wait_flag(PIPE_MTE2, PIPE_MTE3, EVENT_ID0);
#ifdef ADDS
    TSTORE<V, G, AtomicType::AtomicAdd>(gy, v);
#else
    TSTORE(gy, v);
#endif
#if defined(MEET)
    set_flag(PIPE_MTE3, PIPE_S, EVENT_ID1);
    wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID1);
    SYNCALL<SyncCoreType::AIVOnly>();
    const int next = (me + 1) % blocks * rows;
    __gm__ float* pn = reinterpret_cast<__gm__ float*>(y->buffer.addr) + y->start_offset + next * y->strides[0];
    G gn(pn, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(y->strides[0]));
    TLOAD(v, gn);
#elif defined(MEET_SOME)
    if (me == 0) SYNCALL<SyncCoreType::AIVOnly>();
#endif
    pipe_sync();
    (void)blocks;
    (void)me;
}
