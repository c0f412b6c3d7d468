/* softmax: native entry of an HTP package (cpu.package/1). Arrays are contiguous, row after row.
   x: in Tensor[f32, "M", "N"]
   y: out Tensor[f32, "M", "N"]
   Narrow floats (f16, bf16, f8) are passed as bit patterns, bool_ as 0 or 1. Written arrays overlap
   no other argument. `failure` is all zero before the call. Returns its code. */
#ifndef HTP_SOFTMAX_H
#define HTP_SOFTMAX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef HTP_FAILURE_H
#define HTP_FAILURE_H
typedef struct htp_runtime_table htp_runtime_table;
typedef struct htp_failure {
    int32_t code; /* 0 none, 1 index out of range, 2 assertion failed, 3 out of memory, 4 window full,
                    5 deadlock, 6 stream closed, 7 buffer moved, 8 token too large,
                    9 channel not connected, 10 end of a channel shared, 11 no token taken */
    const char *place, *text;
    int64_t value, extent; /* the index and the extent that it missed, or the task and the window */
} htp_failure;
#endif

int32_t htp_softmax(
    const htp_runtime_table *runtime,
    htp_failure *failure,
    const float *x,
    float *y,
    int64_t M,
    int64_t N);

#ifdef __cplusplus
}
#endif

#endif
