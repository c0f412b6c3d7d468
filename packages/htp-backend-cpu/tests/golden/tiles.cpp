// tiles, from tiles.py:26
#include "htp_regions.hpp"
#include "htp_tasks.hpp"

namespace htp {
namespace program {

// A task: twice the work for twice the rows.
// scaled(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], by: Scalar[f32])
template <class L0, class L1>
void scaled(const Context& ctx, Region<f32, 2, L0> x, Region<f32, 2, L1> y, f64 by) {
    const i64 M = x.dim(0), N = x.dim(1);                                             // tiles.py:9
    work(ctx, M * 4);                                                                 // tiles.py:10
    for (i64 i = 0; i < M; ++i) {                                                     // tiles.py:11
        strips<16>(0, N, [&](i64 j, auto n) HTP_LAMBDA {                              // tiles.py:12
            store(row(y, i, j), load(row(x, i, j), n) * cast<f32>(by), n);            // tiles.py:13
        });
    }
}

// added(x: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]])
template <class L0, class L1>
void added(const Context& ctx, Region<f32, 2, L0> x, Region<f32, 2, L1> y) {
    const i64 M = x.dim(0), N = x.dim(1);                                             // tiles.py:18
    work(ctx, M);                                                                     // tiles.py:19
    for (i64 i = 0; i < M; ++i) {                                                     // tiles.py:20
        strips<16>(0, N, [&](i64 j, auto n) HTP_LAMBDA {                              // tiles.py:21
            store(row(y, i, j), load(row(x, i, j), n) + load(row(y, i, j), n), n);    // tiles.py:22
        });
    }
}

// Rows of 4 go through a buffer; the last task reads what all others wrote.
// tiles(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], z: Out[Tensor[f32, "M", "N"]])
template <class L0, class L1, class L2>
void tiles(const Context& ctx, Region<f32, 2, L0> x, Region<f32, 2, L1> y, Region<f32, 2, L2> z) {
    const i64 M = x.dim(0), N = x.dim(1);                                             // tiles.py:28
    run_tasks(ctx, {.workers = 2, .steal = false, .window = 8}, [&](Tasks& tasks) {   // tiles.py:29
        Accesses y_accesses;
        i64 order = 0;                                                                // tiles.py:30
        Region<f32, 2> t = region(tasks.keep<f32>(M * N), M, N);                      // tiles.py:31
        Accesses t_accesses;
        for (i64 i = 0; i < M; i += 4) {                                              // tiles.py:32
            tasks.task({.worker = mod(order, i64(2)), .at = {i}});                    // tiles.py:33
            order = order + 1;                                                        // tiles.py:34
            tasks.submit("scaled", "tiles.py:35", [&](const Context& ctx, auto... given) { scaled(ctx, given...); },  // tiles.py:35
                cut(x, span(i, i + 4), whole), writes(t_accesses, t, span(i, i + 4), whole), f32(3.0));
            tasks.task({.worker = mod(order, i64(2)), .at = {i}});                    // tiles.py:36
            order = order + 1;                                                        // tiles.py:37
            tasks.submit("scaled", "tiles.py:38", [&](const Context& ctx, auto... given) { scaled(ctx, given...); },  // tiles.py:38
                reads(t_accesses, t, span(i, i + 4), whole), writes(y_accesses, y, span(i, i + 4), whole), f32(2.0));
            tasks.submit("scaled", "tiles.py:39", [&](const Context& ctx, auto... given) { scaled(ctx, given...); },  // tiles.py:39
                cut(x, span(i, i + 4), whole), cut(z, span(i, i + 4), whole), f32(5.0));
        }
        tasks.submit("added", "tiles.py:40", [&](const Context& ctx, auto... given) { added(ctx, given...); },  // tiles.py:40
            reads(t_accesses, t), updates(y_accesses, y));
    });
}

}  // namespace program
}  // namespace htp

extern "C" htp::i32 htp_tiles(
    const htp_runtime_table* runtime,
    htp::Failure* failure,
    const htp::f32* x,
    htp::f32* y,
    htp::f32* z,
    htp::i64 M,
    htp::i64 N) {
    const htp::Context ctx = htp::recorded(runtime, failure);
    try {
        htp::program::tiles(ctx,
            htp::region(const_cast<htp::f32*>(x), M, N),
            htp::region(y, M, N),
            htp::region(z, M, N));
    } catch (const htp::Stop&) {}
    return failure->code;
}
