// One task on a whole cluster.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) PTO2OrchestrationConfig channel_config(const ChipTaskArgs& a) {
    (void)a;
    return PTO2OrchestrationConfig{.expected_arg_count = 4};
}
__attribute__((visibility("default"))) void channel_entry(const ChipTaskArgs& args) {
    CoreTaskArgs p;
    p.add_input(args.tensor(0).ref(), args.tensor(1).ref());
    p.add_output(args.tensor(2).ref());
    p.add_inout(args.tensor(3).ref());
    MixedKernels kernels;
    kernels.aic_kernel_id = 0;
    kernels.aiv0_kernel_id = 1;
    kernels.aiv1_kernel_id = 1;
    rt_submit_task(kernels, p);
}
}
