// c = a @ b in tiles of 64 x 64, one task a tile, tails in all three dimensions.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) PTO2OrchestrationConfig gemm_config(const ChipTaskArgs& a) {
    (void)a;
    return PTO2OrchestrationConfig{.expected_arg_count = 3};
}
__attribute__((visibility("default"))) void gemm_entry(const ChipTaskArgs& args) {
    const ChipTensor& a = args.tensor(0).ref();
    const ChipTensor& b = args.tensor(1).ref();
    const ChipTensor& c = args.tensor(2).ref();
    const uint32_t M = a.shapes[0], K = a.shapes[1], N = b.shapes[1];
    for (uint32_t i = 0; i < M; i += 64) {
        for (uint32_t j = 0; j < N; j += 64) {
            const uint32_t m = M - i < 64 ? M - i : 64, n = N - j < 64 ? N - j : 64;
            uint32_t as[2] = {m, K}, ao[2] = {i, 0}, bs[2] = {K, n}, bo[2] = {0, j}, cs[2] = {m, n}, co[2] = {i, j};
            ChipTensor ta = a.view(as, ao);
            ChipTensor tb = b.view(bs, bo);
            ChipTensor tc = c.view(cs, co);
            CoreTaskArgs p;
            p.add_input(ta, tb);
            p.add_output(tc);
            rt_submit_aic_task(0, p);
        }
    }
}
}
