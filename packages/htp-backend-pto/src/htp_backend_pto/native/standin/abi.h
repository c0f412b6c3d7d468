// The C interface of the host stand-in's executor: everything that a binding calls. One session runs one package.
//
// Calls in order: open, kernel*, orchestration, option*, (tensor*, scalar*, run, report, clear)*, close.
// Every function that returns int gives 0 for success; after anything else `htp_pto_error` says why.
#pragma once
#include <cstdint>

#ifdef _WIN32
#define HTP_PTO_API extern "C"
#else
#define HTP_PTO_API extern "C" __attribute__((visibility("default")))
#endif

struct htp_pto_session;

enum htp_pto_core { HTP_PTO_AIV = 0, HTP_PTO_AIC = 1 };
enum htp_pto_direction { HTP_PTO_IN = 0, HTP_PTO_OUT = 1, HTP_PTO_INOUT = 2 };
// The numbers of data types are those of the runtime's `DataType` (hw-native-sys/simpler@6ebaf77,
// src/common/task_interface/data_type.h): f32 0, f16 1, i32 2, i16 3, i8 4, u8 5, bf16 6, i64 7, u64 8, u16 9, u32 10,
// bool 11.

HTP_PTO_API htp_pto_session* htp_pto_open(void);
HTP_PTO_API void htp_pto_close(htp_pto_session* session);

// Loads one compiled kernel (a shared object with `kernel_entry`) under the number the orchestration submits it by.
// A kernel for both cores is compiled twice and loaded under two numbers. `name` is only for messages.
HTP_PTO_API int htp_pto_kernel(htp_pto_session* session, int32_t func_id, const char* name, const char* path, int core);

// Loads the orchestration: `ENTRY` and its configuration function (may be null).
HTP_PTO_API int htp_pto_orchestration(htp_pto_session* session, const char* path, const char* entry,
                                      const char* config);

// Options, all as text; unknown names and bad values are refused. Defaults in brackets.
//   runtime    tensormap_and_ringbuffer | host_build_graph               [tensormap_and_ringbuffer]
//   seed       which ready task runs next: 0 the first submitted, 1 the last, others at random [1]
//   checks     on | off                                                   [on]
//   trace      on | off: whether the report says what every core did      [off]
//   window     task window of each ring, a power of two >= 4              [16384]
//   heap       bytes of the heap of each ring                             [268435456]
//   clusters   clusters of the chip (1 cube + 2 vector cores each)        [24]
//   max_diagnostics  how many are kept; the rest is counted               [100]
HTP_PTO_API int htp_pto_option(htp_pto_session* session, const char* name, const char* value);

// The arguments of the next run, tensors first. `data` is used in place, row-major and contiguous; results are in it
// after the run. `staged` = 0 says that the host cannot read it (worker.malloc), 1 that it can (create_buffer).
HTP_PTO_API int htp_pto_tensor(htp_pto_session* session, void* data, uint32_t ndims, const uint32_t* shape, int dtype,
                               int direction, int staged);
HTP_PTO_API int htp_pto_scalar(htp_pto_session* session, uint64_t bits);

// Runs the orchestration and all its tasks. 0: ran, and no check found an error. 1: ran or stopped with error
// diagnostics. 2: nothing was run (see htp_pto_error).
HTP_PTO_API int htp_pto_run(htp_pto_session* session);

// What the last run did, as JSON (UTF-8), valid until the next run, clear or close:
// {
//  "runtime": "tensormap_and_ringbuffer", "seed": 1, "status": "ok" | "failed", "fatal": 0 | runtime error code,
//  "diagnostics": [{"code": "pipe-race", "severity": "error" | "warning", "message": "...",
//                   "task": 3 | null, "kernel": "softmax_0" | null, "core": "aiv0" | null, "block": 0,
//                   "instruction": "TADD" | null, "index": 17, "tile": "ub[8192:16384]" | null, "bytes": 32,
//                   "times": 1}],
//  "dropped": 0,                      // diagnostics beyond max_diagnostics
//  "tasks": [{"id": 0, "kind": "aiv" | "aic" | "mix" | "dummy" | "alloc", "kernels": ["softmax_0"], "func_ids": [0],
//             "blocks": 1, "ring": 0, "scope": 1, "manual": false, "skipped": false, "order": 5,
//             "args": [{"tag": "INPUT", "buffer": 0, "dtype": "f32", "offset": 0, "shape": [64, 64],
//                       "strides": [64, 1], "owner": null}], "scalars": [7],
//             "instructions": {"TLOAD": 2, "TADD": 1, "TSTORE": 1}, "loaded": 32768, "stored": 16384,
//             "high_water": {"ub": 24576, "l1": 0, "l0a": 0, "l0b": 0, "l0c": 0, "bias": 0, "fbuf": 0},
//             "cores": [["aiv0", 0, 2]]}],   // core, block and the number of its trace; empty without `trace`
//  "edges": [{"from": 0, "to": 1, "source": "creator" | "tensormap" | "explicit", "arg": 0 | null}],
//  "traces": [[                       // what cores did, in order; equal ones once
//     ["run", "TLOAD", "MTE2", [["gm", "r", 64, 64, 4], ["ub", "w", 64, 64, 4]]],
//                                     // memory, r(ead) w(rite) s(cratch) a(dd), rows, columns, bytes of an element
//     ["set", "MTE2", "V", 0], ["wait", "MTE2", "V", 0], ["barrier", "V"],
//     ["push", 0, 1, 8], ["pop", 0, 1], ["free", 0, 1],   // FIFO, direction, slots; before the instruction
//     ["meet"]]],                     // all cores of the task wait for each other
//  "order": [0, 1, 2]                 // task ids in the order in which they ran
// }
// Messages name byte ranges of a memory space, tasks by id and kernel; they hold no addresses, so they are stable.
HTP_PTO_API const char* htp_pto_report(htp_pto_session* session);

// Drops the arguments of the last run (and its report).
HTP_PTO_API void htp_pto_clear(htp_pto_session* session);

// Why the last call failed.
HTP_PTO_API const char* htp_pto_error(htp_pto_session* session);
