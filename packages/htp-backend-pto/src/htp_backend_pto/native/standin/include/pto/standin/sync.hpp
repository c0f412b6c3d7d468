// Barriers by operation, and the meeting of cores.
#pragma once
#include "core.hpp"

namespace pto {

// Operations by the pipe they run on; TSYNC<Op::X>() is a barrier of that pipe.
enum class Op : int {
    TLOAD,
    TSTORE_VEC,
    TSTORE_ACC,
    TSTORE_MAT,
    TMOV_M2L,
    TMOV_M2R,
    TMOV_V2V,
    TMATMUL,
    TADD,
    TSUB,
    TMUL,
    TDIV,
    TMAX,
    TMIN,
    TEXP,
    TLOG,
    TSQRT,
    TRSQRT,
    TCVT,
    TROWSUM,
    TROWMAX,
    TROWEXPAND,
    TCOLSUM,
    VECTOR,
    SCALAR,
};

constexpr pipe_t pipe_of(Op op) {
    switch (op) {
        case Op::TLOAD:
            return PIPE_MTE2;
        case Op::TSTORE_VEC:
        case Op::TSTORE_MAT:
            return PIPE_MTE3;
        case Op::TSTORE_ACC:
            return PIPE_FIX;
        case Op::TMOV_M2L:
        case Op::TMOV_M2R:
            return PIPE_MTE1;
        case Op::TMATMUL:
            return PIPE_M;
        case Op::SCALAR:
            return PIPE_S;
        default:
            return PIPE_V;
    }
}

template <Op Code> void TSYNC() { standin::core().barrier(pipe_of(Code)); }

template <SyncCoreType Who = SyncCoreType::AIVOnly> void SYNCALL() { standin::core().meet(Who); }

}  // namespace pto
