// y = softmax(x) along rows, 32 rows of up to 128 columns.
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

using G = GlobalTensor<float, Shape<1, 1, 1, -1, -1>, Stride<1, 1, 1, -1, 1>>;
using V = Tile<TileType::Vec, float, 32, 128, BLayout::RowMajor, -1, -1>;
using D = Tile<TileType::Vec, float, 32, 1, BLayout::ColMajor, -1, 1>;

extern "C" __aicore__ __attribute__((always_inline)) void kernel_entry(__gm__ int64_t* args) {
    __gm__ ChipTensor* tx = reinterpret_cast<__gm__ ChipTensor*>(args[0]);
    __gm__ ChipTensor* ty = reinterpret_cast<__gm__ ChipTensor*>(args[1]);
    __gm__ float* px = reinterpret_cast<__gm__ float*>(tx->buffer.addr) + tx->start_offset;
    __gm__ float* py = reinterpret_cast<__gm__ float*>(ty->buffer.addr) + ty->start_offset;
    const int rows = static_cast<int>(tx->shapes[0]), cols = static_cast<int>(tx->shapes[1]);
    G gx(px, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(tx->strides[0]));
    G gy(py, Shape<1, 1, 1, -1, -1>(rows, cols), Stride<1, 1, 1, -1, 1>(ty->strides[0]));
    V x(rows, cols);
    V e(rows, cols);
    V t(rows, cols);
    D m(rows);
    D s(rows);
    TASSIGN(x, 0x0);
    TASSIGN(e, 0x4000);
    TASSIGN(t, 0x8000);
    TASSIGN(m, 0xC000);
    TASSIGN(s, 0xC080);
    TLOAD(x, gx);
    set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
    wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
    TROWMAX(m, x, t);
    pipe_barrier(PIPE_V);
    TROWEXPANDSUB(e, x, m);
    pipe_barrier(PIPE_V);
    TEXP(e, e);
    pipe_barrier(PIPE_V);
    TROWSUM(s, e, t);
    pipe_barrier(PIPE_V);
    TROWEXPANDDIV(x, e, s);
    set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
    wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
    TSTORE(gy, x);
    pipe_sync();
}
