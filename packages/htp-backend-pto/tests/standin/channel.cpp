// One source for both cores: the cube multiplies tiles and pushes them, the vector cores scale their halves and store
// them. FAULT_NO_FREE keeps the slots, FAULT_NO_PUSH pushes one tile less.
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

constexpr int T = 32;
using Channel = TPipe<0, Direction::DIR_C2V, T * T * 4, 2, 2>;

// args: a (32n x 32, f16), b (32 x 32, f16), y (32n x 32, f32), the slots of the channel
extern "C" __aicore__ __attribute__((always_inline)) void kernel_entry(__gm__ int64_t* args) {
    __gm__ ChipTensor* ta = reinterpret_cast<__gm__ ChipTensor*>(args[0]);
    __gm__ ChipTensor* tb = reinterpret_cast<__gm__ ChipTensor*>(args[1]);
    __gm__ ChipTensor* ty = reinterpret_cast<__gm__ ChipTensor*>(args[2]);
    __gm__ ChipTensor* ts = reinterpret_cast<__gm__ ChipTensor*>(args[3]);
    const int n = static_cast<int>(ta->shapes[0]) / T;
    __gm__ float* slots = reinterpret_cast<__gm__ float*>(ts->buffer.addr) + ts->start_offset;
    Channel channel(static_cast<__gm__ void*>(slots), 0x1000U, 0x0U);
#if defined(__DAV_CUBE__)
    using G = GlobalTensor<half, Shape<1, 1, 1, T, T>, Stride<1, 1, 1, T, 1>>;
    using L1 = Tile<TileType::Mat, half, T, T, BLayout::ColMajor, T, T, SLayout::RowMajor, 512>;
    __gm__ half* pa = reinterpret_cast<__gm__ half*>(ta->buffer.addr) + ta->start_offset;
    __gm__ half* pb = reinterpret_cast<__gm__ half*>(tb->buffer.addr) + tb->start_offset;
    L1 a1;
    L1 b1;
    TileLeft<half, T, T> a0;
    TileRight<half, T, T> b0;
    TileAcc<float, T, T> c;
    TASSIGN(a1, 0x0);
    TASSIGN(b1, 0x800);
    TASSIGN(a0, 0x0);
    TASSIGN(b0, 0x0);
    TASSIGN(c, 0x0);
    G gb(pb);
    TLOAD(b1, gb);
#ifdef FAULT_NO_PUSH
    const int count = n - 1;
#else
    const int count = n;
#endif
    for (int i = 0; i < count; ++i) {
        G ga(pa + i * T * T);
        if (i > 0) wait_flag(PIPE_MTE1, PIPE_MTE2, EVENT_ID0);
        TLOAD(a1, ga);
        set_flag(PIPE_MTE2, PIPE_MTE1, EVENT_ID0);
        wait_flag(PIPE_MTE2, PIPE_MTE1, EVENT_ID0);
        if (i > 0) wait_flag(PIPE_M, PIPE_MTE1, EVENT_ID0);
        TMOV(a0, a1);
        if (i == 0) TMOV(b0, b1);
        if (i + 1 < count) set_flag(PIPE_MTE1, PIPE_MTE2, EVENT_ID0);
        set_flag(PIPE_MTE1, PIPE_M, EVENT_ID0);
        wait_flag(PIPE_MTE1, PIPE_M, EVENT_ID0);
        if (i > 0) wait_flag(PIPE_FIX, PIPE_M, EVENT_ID0);
        TMATMUL(c, a0, b0);
        if (i + 1 < count) set_flag(PIPE_M, PIPE_MTE1, EVENT_ID0);
        set_flag(PIPE_M, PIPE_FIX, EVENT_ID0);
        wait_flag(PIPE_M, PIPE_FIX, EVENT_ID0);
        TPUSH<Channel, TileAcc<float, T, T>, TileSplitAxis::TILE_UP_DOWN>(channel, c);
        if (i + 1 < count) set_flag(PIPE_FIX, PIPE_M, EVENT_ID0);
    }
#else
    using V = Tile<TileType::Vec, float, T / 2, T, BLayout::RowMajor, T / 2, T>;
    using G = GlobalTensor<float, Shape<1, 1, 1, T / 2, T>, Stride<1, 1, 1, T, 1>>;
    __gm__ float* py = reinterpret_cast<__gm__ float*>(ty->buffer.addr) + ty->start_offset;
    const int lane = get_sub_block_id(args);
    V y;
    TASSIGN(y, 0x8000);
    for (int i = 0; i < n; ++i) {
        V v;
        TASSIGN(v, 0x1000);
        const event_t slot = i % 2 == 0 ? EVENT_ID0 : EVENT_ID1;
        if (i > 1) wait_flag(PIPE_V, PIPE_MTE2, slot);
        TPOP<Channel, V, TileSplitAxis::TILE_UP_DOWN>(channel, v);
        set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        wait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);
        if (i > 0) wait_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
        TMULS(y, v, 2.0f);
        if (i + 2 < n) set_flag(PIPE_V, PIPE_MTE2, slot);
#ifndef FAULT_NO_FREE
        TFREE<Channel, TileSplitAxis::TILE_UP_DOWN>(channel);
#endif
        set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);
        G gy(py + i * T * T + lane * (T / 2) * T);
        TSTORE(gy, y);
        if (i + 1 < n) set_flag(PIPE_MTE3, PIPE_V, EVENT_ID0);
    }
#endif
    pipe_sync();
}
