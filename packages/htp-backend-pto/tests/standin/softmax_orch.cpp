// y = softmax(x), one task for 32 rows.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) PTO2OrchestrationConfig softmax_config(const ChipTaskArgs& a) {
    (void)a;
    return PTO2OrchestrationConfig{.expected_arg_count = 2};
}
__attribute__((visibility("default"))) void softmax_entry(const ChipTaskArgs& args) {
    const ChipTensor& x = args.tensor(0).ref();
    const ChipTensor& y = args.tensor(1).ref();
    for (uint32_t i = 0; i < x.shapes[0]; i += 32) {
        uint32_t shape[2] = {x.shapes[0] - i < 32 ? x.shapes[0] - i : 32, x.shapes[1]}, offset[2] = {i, 0};
        ChipTensor tx = x.view(shape, offset);
        ChipTensor ty = y.view(shape, offset);
        CoreTaskArgs p;
        p.add_input(tx);
        p.add_output(ty);
        rt_submit_aiv_task(0, p);
    }
}
}
