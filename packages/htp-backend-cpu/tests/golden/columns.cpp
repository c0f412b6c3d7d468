// columns, from blocks.py:52
#include "htp_regions.hpp"

namespace htp {
namespace program {

constexpr i64 ROWS = 8;

// Values that may change between runs.
struct Slots {
    i32 limit;
};

// A kernel for others to call.
// scaled(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], by: Scalar[f32])
template <class L0, class L1>
void scaled(const Context& ctx, const Slots& slots, Region<f32, 1, L0> x, Region<f32, 1, L1> y, f64 by) {
    const i64 N = x.dim(0);                                                           // blocks.py:46
    strips<16>(0, N, [&](i64 j, auto n) HTP_LAMBDA {                                  // blocks.py:47
        store(row(y, j), load(row(x, j), n) * cast<f32>(by), n);                      // blocks.py:48
    });
}

// Calls a kernel on rows, on columns of a buffer of its own, and as often as a slot says.
// columns(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]])
template <class L0, class L1>
void columns(const Context& ctx, const Slots& slots, Region<f32, 2, L0> x, Region<f32, 2, L1> y) {
    const i64 M = x.dim(0), N = x.dim(1);                                             // blocks.py:54
    Heap<f32> buffer_memory(ctx, M * N);                                              // blocks.py:55
    Region<f32, 2> buffer = region(buffer_memory.data, M, N);
    for (i64 i = 0; i < M; ++i) {                                                     // blocks.py:56
        scaled(ctx, slots, cut(x, i, whole), cut(buffer, i, whole), f32(2.0));        // blocks.py:57
    }
    for (i64 j = 0; j < N; ++j) {                                                     // blocks.py:58
        scaled(ctx, slots, cut(buffer, whole, j), cut(y, whole, j), f32(0.5));        // blocks.py:59
    }
    i32 step = i32(0);                                                                // blocks.py:60
    while (step < cast<i32>(i64(slots.limit))) {                                      // blocks.py:61
        if (mod(step, i32(2)) == i32(0)) {                                            // blocks.py:62
            for (i64 i = 0; i < M; i += 2) {                                          // blocks.py:63
                scaled(ctx, slots, cut(buffer, i, span(0, 4)), cut(y, i, span(0, 4)), f32(3.0));  // blocks.py:64
            }
        } else {
            scaled(ctx, slots, cut(buffer, i64(0), whole), cut(y, i64(0), whole), M > 2 && N != 1 ? f32(4.0) : f32(5.0));  // blocks.py:66
        }
        step = step + i32(1);                                                         // blocks.py:67
    }
}

}  // namespace program
}  // namespace htp

extern "C" htp::i32 htp_columns(
    const htp_runtime_table* runtime,
    htp::Failure* failure,
    const htp::f32* x,
    htp::f32* y,
    htp::i64 M,
    htp::i64 N,
    htp::i32 limit) {
    const htp::Context ctx{runtime, failure, {}};
    const htp::program::Slots slots{limit};
    try {
        htp::program::columns(ctx,
            slots,
            htp::region(const_cast<htp::f32*>(x), M, N),
            htp::region(y, M, N));
    } catch (const htp::Stop&) {}
    return failure->code;
}
