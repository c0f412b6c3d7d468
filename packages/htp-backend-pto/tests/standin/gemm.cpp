// c = a @ b in one tile of 64 x 64, K in steps of 64 with two buffers; the accumulator stays in L0C. ELEMENT names the
// operands' type, SUM the result's; with FAULT_FREE the loads of the next step do not wait for the moves of the last but one.
// With TURNED, b is square and lies column after column.
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
#ifndef ELEMENT
#define ELEMENT float
#endif
#ifndef SUM
#define SUM float
#endif

constexpr int T = 64;
using G = GlobalTensor<ELEMENT, Shape<1, 1, 1, -1, -1>, Stride<1, 1, 1, -1, 1>>;
using GC = GlobalTensor<SUM, Shape<1, 1, 1, -1, -1>, Stride<1, 1, 1, -1, 1>>;
#ifdef TURNED
using GB = GlobalTensor<ELEMENT, TileShape2D<ELEMENT, -1, -1, Layout::DN>, BaseShape2D<ELEMENT, -1, -1, Layout::DN>,
                        Layout::DN>;
using L1B = Tile<TileType::Mat, ELEMENT, T, T, BLayout::RowMajor, -1, -1, SLayout::ColMajor, 512>;
#else
using GB = GlobalTensor<ELEMENT, TileShape2D<ELEMENT>, BaseShape2D<ELEMENT>>;
using L1B = Tile<TileType::Mat, ELEMENT, T, T, BLayout::ColMajor, -1, -1, SLayout::RowMajor, 512>;
#endif
using L1 = Tile<TileType::Mat, ELEMENT, T, T, BLayout::ColMajor, -1, -1, SLayout::RowMajor, 512>;
using L0A = TileLeft<ELEMENT, T, T, -1, -1>;
using L0B = TileRight<ELEMENT, T, T, -1, -1>;
using L0C = TileAcc<SUM, T, T, -1, -1>;

extern "C" __aicore__ __attribute__((always_inline)) void kernel_entry(__gm__ int64_t* args) {
    __gm__ ChipTensor* ta = reinterpret_cast<__gm__ ChipTensor*>(args[0]);
    __gm__ ChipTensor* tb = reinterpret_cast<__gm__ ChipTensor*>(args[1]);
    __gm__ ChipTensor* tc = reinterpret_cast<__gm__ ChipTensor*>(args[2]);
    __gm__ ELEMENT* pa = reinterpret_cast<__gm__ ELEMENT*>(ta->buffer.addr) + ta->start_offset;
    __gm__ ELEMENT* pb = reinterpret_cast<__gm__ ELEMENT*>(tb->buffer.addr) + tb->start_offset;
    __gm__ SUM* pc = reinterpret_cast<__gm__ SUM*>(tc->buffer.addr) + tc->start_offset;
    const int M = static_cast<int>(ta->shapes[0]), K = static_cast<int>(ta->shapes[1]),
              N = static_cast<int>(tb->shapes[1]);
    constexpr int bytes = T * T * static_cast<int>(sizeof(ELEMENT));
    L0C c(M, N);
    TASSIGN(c, 0x0);
    int step = 0;
    for (int k = 0; k < K; k += T, ++step) {
        const int depth = K - k < T ? K - k : T;
        const event_t slot = step % 2 == 0 ? EVENT_ID0 : EVENT_ID1;
        L1 a1(M, depth);
        L1B b1(depth, N);
        L0A a0(M, depth);
        L0B b0(depth, N);
        TASSIGN(a1, step % 2 * bytes);
        TASSIGN(b1, (2 + step % 2) * bytes);
        TASSIGN(a0, step % 2 * bytes);
        TASSIGN(b0, step % 2 * bytes);
        G ga(pa + k, Shape<1, 1, 1, -1, -1>(M, depth), Stride<1, 1, 1, -1, 1>(ta->strides[0]));
#ifdef TURNED
        GB gb(pb + k, TileShape2D<ELEMENT, -1, -1, Layout::DN>(depth, N),
              BaseShape2D<ELEMENT, -1, -1, Layout::DN>(tb->strides[0], N));
#else
        GB gb(pb + k * tb->strides[0], TileShape2D<ELEMENT>(depth, N), BaseShape2D<ELEMENT>(K, tb->strides[0]));
#endif
#ifndef FAULT_FREE
        if (step >= 2) wait_flag(PIPE_MTE1, PIPE_MTE2, slot);
#endif
        TLOAD(a1, ga);
        TLOAD(b1, gb);
        set_flag(PIPE_MTE2, PIPE_MTE1, slot);
        wait_flag(PIPE_MTE2, PIPE_MTE1, slot);
        if (step >= 2) wait_flag(PIPE_M, PIPE_MTE1, slot);
        TMOV(a0, a1);
        TMOV(b0, b1);
#ifndef FAULT_FREE
        if (k + 2 * T < K) set_flag(PIPE_MTE1, PIPE_MTE2, slot);
#endif
        set_flag(PIPE_MTE1, PIPE_M, slot);
        wait_flag(PIPE_MTE1, PIPE_M, slot);
        if (k == 0) TMATMUL(c, a0, b0);
        else TMATMUL_ACC(c, c, a0, b0);
        if (k + 2 * T < K) set_flag(PIPE_M, PIPE_MTE1, slot);
    }
    set_flag(PIPE_M, PIPE_FIX, EVENT_ID0);
    wait_flag(PIPE_M, PIPE_FIX, EVENT_ID0);
    GC gc(pc, Shape<1, 1, 1, -1, -1>(M, N), Stride<1, 1, 1, -1, 1>(tc->strides[0]));
    TSTORE(gc, c);
    pipe_sync();
}
