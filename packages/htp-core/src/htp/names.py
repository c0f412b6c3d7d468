"""The names that a stage's text may import from `htp`, and where each one lives.

Knows spelling only: which public name belongs to which module.
"""

from __future__ import annotations

DTYPES = (
    "f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2",
    "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "bool_",
)  # fmt: skip
FORMS = ("Tensor", "Tile", "Scalar", "In", "Out", "InOut", "Send", "Recv", "Slot", "strided")
DECORATORS = ("kernel", "func", "routine")
LOOPS = (
    "alloc", "argmax_row", "argmin_row", "argsort_row", "checked", "clip_index", "iota", "mma", "parallel",
    "print_tile",
    "require", "sort_row", "strips", "topk_row", "transpose_block",
)  # fmt: skip
TASKS = ("barrier", "close_tasks", "first_seen", "fnv1a", "open_tasks", "task", "wait_for", "work")
STREAMS = (
    "advance", "advance_any", "channel", "close", "close_network", "full", "occupancy", "one_of", "open_network",
    "peek", "process_name", "send", "spawn_process", "stop_process", "token", "token_size", "try_advance", "try_send",
)  # fmt: skip
CORE = frozenset((*DTYPES, *FORMS, *DECORATORS, "tile", "empty"))
BUILTINS = ("range", "min", "max", "abs", "len", "int", "float", "bool")
RESERVED = CORE | frozenset(LOOPS) | frozenset(TASKS) | frozenset(STREAMS) | frozenset(BUILTINS) | {"run_stage"}
METHODS = frozenset((
    "all", "any", "argmax", "argmin", "astype", "clip", "cumsum", "max", "mean", "min", "prod", "reshape", "squeeze",
    "sum", "transpose",
))  # fmt: skip
