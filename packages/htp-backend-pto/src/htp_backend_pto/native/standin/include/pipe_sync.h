// The last thing a kernel does: its output pipe has finished before the kernel returns.
#pragma once

static inline void pipe_sync() {
#if defined(__DAV_CUBE__)
    set_flag(PIPE_FIX, PIPE_S, EVENT_ID7);
    wait_flag(PIPE_FIX, PIPE_S, EVENT_ID7);
#else
    set_flag(PIPE_MTE3, PIPE_S, EVENT_ID7);
    wait_flag(PIPE_MTE3, PIPE_S, EVENT_ID7);
#endif
}
