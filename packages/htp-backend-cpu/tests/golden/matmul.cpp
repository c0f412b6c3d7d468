// matmul, from blocks.py:9
#include "htp_regions.hpp"

namespace htp {
namespace program {

constexpr i64 ROWS = 8;

// Values that may change between runs.
struct Slots {
    i32 limit;
};

// Panels of b are packed; register blocks of 8 x 32.
// matmul(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]])
template <class L0, class L1, class L2>
void matmul(const Context& ctx, const Slots& slots, Region<f32, 2, L0> a, Region<f32, 2, L1> b, Region<f32, 2, L2> c) {
    const i64 M = a.dim(0), K = a.dim(1);                                             // blocks.py:11
    i64 N = b.dim(1);                                                                 // blocks.py:12
    parallel(ctx, range(0, N, 32), [=, &ctx](i64 p) {                                 // blocks.py:13
        i64 cols = minimum(i64(32), N - p);                                           // blocks.py:14
        Scratch<f32> panel_memory(ctx, K * 32);                                       // blocks.py:15
        Region<f32, 2> panel = region(panel_memory.data, K, 32);
        for (i64 k = 0; k < K; ++k) {                                                 // blocks.py:16
            strips<16>(0, cols, [&](i64 j, auto n) HTP_LAMBDA {                       // blocks.py:17
                store(row(panel, k, j), load(row(b, k, p + j), n), n);                // blocks.py:18
            });
        }
        for (i64 i = 0; i < M; i += ROWS) {                                           // blocks.py:19
            i64 rows = minimum(ROWS, M - i);                                          // blocks.py:20
            Stack<f32, 8 * 32> acc_memory;                                            // blocks.py:21
            Region<f32, 2> acc = region(acc_memory.data, 8, 32);
            mma(cut(acc, span(0, rows), span(0, cols)), cut(a, span(i, i + rows), span(0, K)), cut(panel, span(0, K), span(0, cols)), true);  // blocks.py:22
            for (i64 r = 0; r < rows; ++r) {                                          // blocks.py:23
                strips<16>(0, cols, [&](i64 j, auto n) HTP_LAMBDA {                   // blocks.py:24
                    store(row(c, i + r, p + j), load(row(acc, r, j), n), n);          // blocks.py:25
                });
            }
        }
    });
}

}  // namespace program
}  // namespace htp

extern "C" htp::i32 htp_matmul(
    const htp_runtime_table* runtime,
    htp::Failure* failure,
    const htp::f32* a,
    const htp::f32* b,
    htp::f32* c,
    htp::i64 M,
    htp::i64 K,
    htp::i64 N,
    htp::i32 limit) {
    const htp::Context ctx{runtime, failure, {}};
    const htp::program::Slots slots{limit};
    try {
        htp::program::matmul(ctx,
            slots,
            htp::region(const_cast<htp::f32*>(a), M, K),
            htp::region(const_cast<htp::f32*>(b), K, N),
            htp::region(c, M, N));
    } catch (const htp::Stop&) {}
    return failure->code;
}
