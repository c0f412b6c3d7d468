// A cube kernel whose scalar chooses one memory; a tile in it reaches 32 bytes too far. 0: none does.
#include <cstdint>
#include <pto/pto-inst.hpp>

#include "tensor.h"
using namespace pto;
#include "pipe_sync.h"

constexpr int T = 16;

// args: a (16 x 16, f32), c (16 x 16, f32), which
extern "C" __aicore__ void kernel_entry(__gm__ int64_t* args) {
    using G = GlobalTensor<float, Shape<1, 1, 1, T, T>, Stride<1, 1, 1, T, 1>>;
    G ga(reinterpret_cast<ChipTensor*>(args[0])->data_as<float>());
    G gc(reinterpret_cast<ChipTensor*>(args[1])->data_as<float>());
    const int which = from_u64<int32_t>(args[2]);
    auto place = [&](int memory, uint64_t limit, uint64_t bytes) { return memory == which ? limit - bytes + 32 : 0; };
    Tile<TileType::Mat, float, T, T, BLayout::ColMajor, T, T, SLayout::RowMajor, 512> a1;
    Tile<TileType::Mat, float, 1, T, BLayout::RowMajor, 1, T> row;
    Tile<TileType::Bias, float, 1, T, BLayout::RowMajor, 1, T> bias;
    TileLeft<float, T, T> a0;
    TileRight<float, T, T> b0;
    TileAcc<float, T, T> c;
    TASSIGN(a1, place(1, 512 * 1024, 1024));
    TASSIGN(a0, place(2, 64 * 1024, 1024));
    TASSIGN(b0, place(3, 64 * 1024, 1024));
    TASSIGN(c, place(4, 128 * 1024, 1024));
    TASSIGN(row, 4096);
    TASSIGN(bias, place(5, 1024, 64));
    TLOAD(a1, ga);
    GlobalTensor<float, Shape<1, 1, 1, 1, T>, Stride<1, 1, 1, T, 1>> gr(ga.data());
    TLOAD(row, gr);
    pipe_barrier(PIPE_ALL);
    TMOV(a0, a1);
    TMOV(b0, a1);
    TMOV(bias, row);
    pipe_barrier(PIPE_ALL);
    TMATMUL_BIAS(c, a0, b0, bias);
    pipe_barrier(PIPE_ALL);
    TSTORE(gc, c);
    pipe_sync();
}
