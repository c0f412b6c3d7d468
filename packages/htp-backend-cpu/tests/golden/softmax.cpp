// softmax, from rows.py:17
#include "htp_regions.hpp"

namespace htp {
namespace program {

// Rows sum to one.
// softmax(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]])
template <class L0, class L1>
void softmax(const Context& ctx, Region<f32, 2, L0> x, Region<f32, 2, L1> y) {
    const i64 M = x.dim(0), N = x.dim(1);                                             // rows.py:19
    parallel(ctx, range(M), [=, &ctx](i64 i) {                                        // rows.py:20
        Vec<f32, 16> top;                                                             // rows.py:21
        top = splat<f32, 16>(f32(-__builtin_inf()));                                  // rows.py:22
        strips<16>(0, N, [&](i64 j, auto n) HTP_LAMBDA {                              // rows.py:23
            assign(top, n, maximum(top, load(row(x, i, j), n)));                      // rows.py:24
        });
        f32 peak = max(top);                                                          // rows.py:25
        Vec<f32, 16> total;                                                           // rows.py:26
        total = splat<f32, 16>(f32(0.0));                                             // rows.py:27
        strips<16>(0, N, [&](i64 j, auto n) HTP_LAMBDA {                              // rows.py:28
            Vec<f32, 16> e = exp(load(row(x, i, j), n) - peak);                       // rows.py:29
            assign(total, n, total + e);                                              // rows.py:30
            store(row(y, i, j), e, n);                                                // rows.py:31
        });
        f32 scale = f32(1.0) / sum(total);                                            // rows.py:32
        strips<16>(0, N, [&](i64 j, auto n) HTP_LAMBDA {                              // rows.py:33
            store(row(y, i, j), load(row(y, i, j), n) * scale, n);                    // rows.py:34
        });
    });
}

}  // namespace program
}  // namespace htp

extern "C" htp::i32 htp_softmax(
    const htp_runtime_table* runtime,
    htp::Failure* failure,
    const htp::f32* x,
    htp::f32* y,
    htp::i64 M,
    htp::i64 N) {
    const htp::Context ctx{runtime, failure, {}};
    try {
        htp::program::softmax(ctx,
            htp::region(const_cast<htp::f32*>(x), M, N),
            htp::region(y, M, N));
    } catch (const htp::Stop&) {}
    return failure->code;
}
