// One task on all arguments.
#include <stdint.h>

#include "pto_orchestration_api.h"

extern "C" {
__attribute__((visibility("default"))) void instructions_entry(const ChipTaskArgs& args) {
    CoreTaskArgs p;
    for (int i = 0; i < 4; ++i) p.add_input(args.tensor(i).ref());
    p.add_inout(args.tensor(4).ref());
    p.add_scalar(static_cast<int32_t>(args.scalar(0)));
    rt_submit_aiv_task(0, p);
}
}
