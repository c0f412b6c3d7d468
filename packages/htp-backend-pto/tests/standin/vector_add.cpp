// y = a + b for a block of rows, with tails: the valid shape is that of the views.
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

extern "C" __aicore__ __attribute__((always_inline)) void kernel_entry(__gm__ int64_t* args) {
    __gm__ ChipTensor* ta = reinterpret_cast<__gm__ ChipTensor*>(args[0]);
    __gm__ ChipTensor* tb = reinterpret_cast<__gm__ ChipTensor*>(args[1]);
    __gm__ ChipTensor* ty = reinterpret_cast<__gm__ ChipTensor*>(args[2]);
    __gm__ float* a = reinterpret_cast<__gm__ float*>(ta->buffer.addr) + ta->start_offset;
    __gm__ float* b = reinterpret_cast<__gm__ float*>(tb->buffer.addr) + tb->start_offset;
    __gm__ float* y = reinterpret_cast<__gm__ float*>(ty->buffer.addr) + ty->start_offset;
    const int rows = static_cast<int>(ta->shapes[0]);
    const int cols = static_cast<int>(ta->shapes[1]);
    using G = GlobalTensor<float, Shape<1, 1, 1, -1, -1>, Stride<1, 1, 1, -1, 1>>;
    using V = Tile<TileType::Vec, float, 32, 64, BLayout::RowMajor, -1, -1>;
    G ga(a, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(ta->strides[0]));
    G gb(b, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(tb->strides[0]));
    G gy(y, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(ty->strides[0]));
    V va(rows, cols);
    V vb(rows, cols);
    V vy(rows, cols);
    TASSIGN(va, 0x0);
    TASSIGN(vb, 0x2000);
    TASSIGN(vy, 0x4000);
    TLOAD(va, ga);
    TLOAD(vb, gb);
    set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
    wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
    TADD(vy, va, vb);
    set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
    wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
    TSTORE(gy, vy);
    pipe_sync();
}
