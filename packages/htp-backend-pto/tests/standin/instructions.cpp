// One instruction, chosen by the scalar, on tiles that are loaded from global memory. Barriers are everywhere; order is
// not what is looked at here.
#include <cstdint>
#include <pto/pto-inst.hpp>

#include "tensor.h"
using namespace pto;
#include "pipe_sync.h"

constexpr int R = 16, C = 32;
template <typename T, int Rows = R, int Cols = C> using V =
    Tile<TileType::Vec, T, Rows, Cols, BLayout::RowMajor, Rows, Cols>;
template <typename T> using DN = Tile<TileType::Vec, T, R, 1, BLayout::ColMajor, R, 1>;
template <typename T, int Rows = R, int Cols = C> using G =
    GlobalTensor<T, Shape<1, 1, 1, Rows, Cols>, Stride<1, 1, 1, Cols, 1>>;
template <typename T> using GC = GlobalTensor<T, Shape<1, 1, 1, R, 1>, Stride<1, 1, 1, 1, 1>, Layout::DN>;

template <typename T> static T* data(int64_t tensor) {
    ChipTensor* t = reinterpret_cast<ChipTensor*>(tensor);
    return reinterpret_cast<T*>(t->buffer.addr) + t->start_offset;
}

#define ROW_VECTOR(NAME) TROWEXPAND##NAME(d, a, r)
#define COLUMN_VECTOR(NAME) TCOLEXPAND##NAME(d, a, c)

// f32: arguments a, b (16 x 32), r (16), c (32), result d (16 x 32).
static void floats(int64_t* args, int which) {
    V<float> a, b, d, t;
    V<float, 1, C> c;
    DN<float> r;
    V<uint8_t> mask, scratch;
    TASSIGN(a, 0), TASSIGN(b, 2048), TASSIGN(d, 4096), TASSIGN(t, 6144), TASSIGN(c, 8192), TASSIGN(r, 8320),
        TASSIGN(mask, 8448), TASSIGN(scratch, 9216);
    G<float> ga(data<float>(args[0])), gb(data<float>(args[1])), gd(data<float>(args[4]));
    GC<float> gr(data<float>(args[2]));
    G<float, 1, C> gc(data<float>(args[3]));
    TLOAD(a, ga), TLOAD(b, gb), TLOAD(r, gr), TLOAD(c, gc), TLOAD(d, gb);
    pipe_barrier(PIPE_ALL);
    switch (which) {
        case 0:
            TADD(d, a, b);
            break;
        case 1:
            TSUB(d, a, b);
            break;
        case 2:
            TMUL(d, a, b);
            break;
        case 3:
            TDIV(d, a, b);
            break;
        case 4:
            TMIN(d, a, b);
            break;
        case 5:
            TMAX(d, a, b);
            break;
        case 6:
            TEXP(d, a);
            break;
        case 7:
            TABS(d, a);
            break;
        case 8:
            TNEG(d, a);
            break;
        case 9:
            TRELU(d, a);
            break;
        case 10:
            TABS(d, a), pipe_barrier(PIPE_V), TLOG(d, d);
            break;
        case 11:
            TABS(d, a), pipe_barrier(PIPE_V), TSQRT(d, d);
            break;
        case 12:
            TABS(t, a), pipe_barrier(PIPE_V), TRSQRT(d, t);
            break;
        case 13:
            TRECIP(d, a);
            break;
        case 14:
            TADDS(d, a, 1.5f);
            break;
        case 15:
            TSUBS(d, a, 1.5f);
            break;
        case 16:
            TMULS(d, a, 1.5f);
            break;
        case 17:
            TDIVS(d, a, 1.5f);
            break;
        case 18:
            TMINS(d, a, 0.25f);
            break;
        case 19:
            TMAXS(d, a, 0.25f);
            break;
        case 20:
            TLRELU(d, a, 0.125f);
            break;
        case 21:
            TEXPANDS(d, 3.0f);
            break;
        case 22:
            TAXPY(d, a, 2.0f);
            break;  // d was b
        case 23:
            TFUSEDMULADD(d, a, b);
            break;
        case 24:
            TMULADDDST(d, a, a);
            break;
        case 25:
            TFMOD(d, a, b);
            break;
        case 26:
            TREM(d, a, b, t);
            break;
        case 27:
            TPRELU(d, a, b, t);
            break;
        case 28:
            ROW_VECTOR(ADD);
            break;
        case 29:
            ROW_VECTOR(SUB);
            break;
        case 30:
            ROW_VECTOR(MUL);
            break;
        case 31:
            ROW_VECTOR(DIV);
            break;
        case 32:
            ROW_VECTOR(MAX);
            break;
        case 33:
            ROW_VECTOR(EXPDIF);
            break;
        case 34:
            COLUMN_VECTOR(ADD);
            break;
        case 35:
            COLUMN_VECTOR(MUL);
            break;
        case 36:
            TROWEXPAND(d, r);
            break;
        case 37:
            TCOLEXPAND(d, c);
            break;
        case 38:
            TROWSUM(r, a, t), pipe_barrier(PIPE_V), TROWEXPAND(d, r);
            break;
        case 39:
            TROWMAX(r, a, t), pipe_barrier(PIPE_V), TROWEXPAND(d, r);
            break;
        case 40:
            TROWMIN(r, a, t), pipe_barrier(PIPE_V), TROWEXPAND(d, r);
            break;
        case 41:
            TCOLSUM(c, a), pipe_barrier(PIPE_V), TCOLEXPAND(d, c);
            break;
        case 42:
            TCOLMAX(c, a), pipe_barrier(PIPE_V), TCOLEXPAND(d, c);
            break;
        case 43:
            TMOV(d, a);
            break;
        case 44:
            TCMP(mask, a, b, CmpMode::GT), pipe_barrier(PIPE_V), TSEL(d, mask, a, b, scratch);
            break;
        case 45:
            TCMPS(mask, a, 0.25f, CmpMode::LE), pipe_barrier(PIPE_V), TSELS(d, mask, b, scratch, -7.0f);
            break;
        case 46: {
            V<float, C, R> turned;
            TASSIGN(turned, 12288);
            TTRANS(turned, a, t), pipe_barrier(PIPE_V);
            V<float, C, R> same;
            TASSIGN(same, 4096);
            TMOV(same, turned);
            break;
        }
        case 47: {
            Tile<TileType::Vec, float, R, C, BLayout::RowMajor, 10, 20> part;
            TASSIGN(part, 0);
            Tile<TileType::Vec, float, R, C, BLayout::RowMajor, R, C, SLayout::NoneBox, 512, PadValue::Min> filled;
            TASSIGN(filled, 4096);
            TFILLPAD(filled, part);
            break;
        }
        case 48:
            TTRI<V<float>, 0>(d, 1);
            break;
        case 49:
            TSUBRELU(d, a, b);
            break;
    }
    pipe_barrier(PIPE_ALL);
    TSTORE(gd, d);
}

// Conversions: a is f32, d holds the result converted back to f32.
template <typename T> static void conversion(int64_t* args, int mode) {
    V<float> a, d;
    V<T> t;
    TASSIGN(a, 0), TASSIGN(t, 4096), TASSIGN(d, 8192);
    G<float> ga(data<float>(args[0])), gd(data<float>(args[4]));
    TLOAD(a, ga);
    pipe_barrier(PIPE_ALL);
    TCVT(t, a, static_cast<RoundMode>(mode));
    pipe_barrier(PIPE_ALL);
    TCVT(d, t, RoundMode::CAST_RINT);
    pipe_barrier(PIPE_ALL);
    TSTORE(gd, d);
}

// d = exp(f16(a)) + f16(b) in f16: every step is rounded.
static void halves(int64_t* args) {
    V<float> a, d;
    V<half> x, y;
    TASSIGN(a, 0), TASSIGN(x, 4096), TASSIGN(y, 8192), TASSIGN(d, 12288);
    G<float> ga(data<float>(args[0])), gb(data<float>(args[1])), gd(data<float>(args[4]));
    TLOAD(a, ga), pipe_barrier(PIPE_ALL), TCVT(x, a, RoundMode::CAST_RINT), pipe_barrier(PIPE_ALL);
    TLOAD(a, gb), pipe_barrier(PIPE_ALL), TCVT(y, a, RoundMode::CAST_RINT), pipe_barrier(PIPE_ALL);
    TEXP(x, x), pipe_barrier(PIPE_V), TADD(x, x, y), pipe_barrier(PIPE_ALL);
    TCVT(d, x, RoundMode::CAST_NONE), pipe_barrier(PIPE_ALL);
    TSTORE(gd, d);
}

// Sorting 32 x 32 by blocks, then merging four rows; positions; d gets values, then positions of the first row.
static void sorting(int64_t* args) {
    V<float, 1, 128> a, d;
    V<uint32_t, 1, 128> index;
    V<float, 1, 256> records, merged;
    V<int32_t, 1, 128> counting;
    TASSIGN(a, 0), TASSIGN(index, 1024), TASSIGN(records, 2048), TASSIGN(merged, 4096), TASSIGN(d, 6144),
        TASSIGN(counting, 1024);
    G<float, 1, 128> ga(data<float>(args[0])), gd(data<float>(args[4])), gi(data<float>(args[4]) + 128);
    TLOAD(a, ga);
    TCI<V<int32_t, 1, 128>, int32_t, 0>(counting, 0);
    pipe_barrier(PIPE_ALL);
    TSORT32(records, a, index);
    pipe_barrier(PIPE_V);
    TMRGSORT(merged, records, 64u);
    pipe_barrier(PIPE_V);
    TGATHER<V<float, 1, 128>, V<float, 1, 256>, MaskPattern::P0101>(d, merged);
    pipe_barrier(PIPE_ALL);
    TSTORE(gd, d);
    pipe_barrier(PIPE_ALL);
    V<uint32_t, 1, 128> where;
    V<int32_t, 1, 128> signed_where;
    TASSIGN(where, 6144), TASSIGN(signed_where, 6144);
    TGATHER<V<uint32_t, 1, 128>, V<float, 1, 256>, MaskPattern::P1010>(where, merged);
    pipe_barrier(PIPE_V);
    TCVT(a, signed_where, RoundMode::CAST_RINT);
    pipe_barrier(PIPE_ALL);
    TSTORE(gi, a);
}

// Rows of a chosen by the positions of the largest element of every row of b; the sums of what they hit are added.
static void indexing(int64_t* args) {
    V<float> b, rows, t;
    V<int32_t, R, 8> best;
    TASSIGN(b, 0), TASSIGN(rows, 4096), TASSIGN(t, 8192), TASSIGN(best, 12288);
    DN<int32_t> column;
    V<int32_t, 1, R> line;
    TASSIGN(column, 12288), TASSIGN(line, 12288);
    G<float> ga(data<float>(args[0])), gb(data<float>(args[1])), gd(data<float>(args[4]));
    TLOAD(b, gb);
    pipe_barrier(PIPE_ALL);
    TROWARGMAX(column, b, t);
    pipe_barrier(PIPE_V);
    TMINS(line, line, 15);
    pipe_barrier(PIPE_ALL);
    MGATHER<Coalesce::Row>(rows, ga, line);
    pipe_barrier(PIPE_ALL);
    TSTORE(gd, rows);
    pipe_barrier(PIPE_ALL);
    MSCATTER<Coalesce::Row, ScatterAtomicOp::Add>(gd, b, line);
}

extern "C" __aicore__ void kernel_entry(__gm__ int64_t* args) {
    const int which = from_u64<int32_t>(args[5]);
    if (which < 100) floats(args, which);
    else if (which < 110) conversion<half>(args, which - 100);
    else if (which < 120) conversion<bfloat16_t>(args, which - 110);
    else if (which < 130) conversion<int32_t>(args, which - 120);
    else if (which < 140) conversion<int16_t>(args, which - 130);
    else if (which == 140) halves(args);
    else if (which == 141) sorting(args);
    else indexing(args);
    pipe_sync();
}
