// Which block of an SPMD task, and which vector core of its cluster, a kernel is.
// Interface facts: hw-native-sys/simpler@6ebaf77, src/a2a3/runtime/tensormap_and_ringbuffer/common/intrinsic.h.
#pragma once
#include <cstdint>

#ifndef __gm__
#define __gm__
#endif
#ifndef __aicore__
#define __aicore__
#endif

static constexpr int32_t SPMD_LOCAL_CONTEXT_INDEX = 48;
static constexpr int32_t SPMD_GLOBAL_CONTEXT_INDEX = 49;

struct GlobalContext {
    int32_t sub_block_id;
};
struct LocalContext {
    int32_t block_idx;
    int32_t block_num;
};

static inline int32_t get_sub_block_id(int64_t* args) {
    return reinterpret_cast<GlobalContext*>(args[SPMD_GLOBAL_CONTEXT_INDEX])->sub_block_id;
}
static inline int32_t get_block_idx(int64_t* args) {
    return reinterpret_cast<LocalContext*>(args[SPMD_LOCAL_CONTEXT_INDEX])->block_idx;
}
static inline int32_t get_block_num(int64_t* args) {
    return reinterpret_cast<LocalContext*>(args[SPMD_LOCAL_CONTEXT_INDEX])->block_num;
}
