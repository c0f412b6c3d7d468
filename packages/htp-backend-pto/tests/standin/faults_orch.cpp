// One task: y = exp(x) + x with the mistake that the scalar chooses.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) PTO2OrchestrationConfig faults_config(const ChipTaskArgs& a) {
    (void)a;
    return PTO2OrchestrationConfig{.expected_arg_count = 3};
}
__attribute__((visibility("default"))) void faults_entry(const ChipTaskArgs& args) {
    const ChipTensor& x = args.tensor(0).ref();
    const ChipTensor& y = args.tensor(1).ref();
    uint32_t shape[2] = {16, 64}, offset[2] = {0, 0};
    ChipTensor tx = x.view(shape, offset);
    ChipTensor ty = y.view(shape, offset);
    CoreTaskArgs p;
    p.add_input(tx);
    p.add_output(ty);
    p.add_scalar(static_cast<int32_t>(args.scalar(0)));
    rt_submit_aiv_task(0, p);
}
}
