// y = a + b in tiles of 32 x 64, one task a tile.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) PTO2OrchestrationConfig vector_add_config(const ChipTaskArgs& a) {
    (void)a;
    return PTO2OrchestrationConfig{.expected_arg_count = 3};
}
__attribute__((visibility("default"))) void vector_add_entry(const ChipTaskArgs& args) {
    const ChipTensor& a = args.tensor(0).ref();
    const ChipTensor& b = args.tensor(1).ref();
    const ChipTensor& y = args.tensor(2).ref();
    const uint32_t rows = a.shapes[0], cols = a.shapes[1];
    PTO2_SCOPE() {
        for (uint32_t i = 0; i < rows; i += 32) {
            for (uint32_t j = 0; j < cols; j += 64) {
                uint32_t shape[2] = {rows - i < 32 ? rows - i : 32, cols - j < 64 ? cols - j : 64};
                uint32_t offset[2] = {i, j};
                ChipTensor ta = a.view(shape, offset);
                ChipTensor tb = b.view(shape, offset);
                ChipTensor ty = y.view(shape, offset);
                CoreTaskArgs p;
                p.add_input(ta, tb);
                p.add_output(ty);
                rt_submit_aiv_task(0, p);
            }
        }
    }
}
}
