// One task on the cube core.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) void capacity_entry(const ChipTaskArgs& args) {
    CoreTaskArgs p;
    p.add_input(args.tensor(0).ref());
    p.add_output(args.tensor(1).ref());
    p.add_scalar(static_cast<int32_t>(args.scalar(0)));
    rt_submit_aic_task(0, p);
}
}
