"""How names of a program are spelled in C++.

Knows which identifiers the language and the prelude own; does not know what they stand for.
"""

from __future__ import annotations

KEYWORDS = frozenset(
    (
        "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch",
        "char", "char16_t", "char32_t", "class", "compl", "const", "const_cast", "constexpr", "continue",
        "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit", "export",
        "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable", "namespace",
        "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public",
        "register", "reinterpret_cast", "return", "short", "signed", "sizeof", "static", "static_assert",
        "static_cast", "struct", "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef",
        "typeid", "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while",
        "xor", "xor_eq", "linux", "unix",
    )
)  # fmt: skip

PRELUDE = frozenset(
    (
        "Context", "Region", "Unit", "Strided", "Line", "Span", "Vec", "Full", "Part", "Range", "Heap", "htp",
        "program", "ctx", "slots", "whole", "f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2", "i64", "i32", "i16",
        "i8", "u64", "u32", "u16", "u8", "bool_", "strips", "load", "store", "gather", "scatter", "splat", "iota",
        "assign", "cast", "where", "minimum", "maximum", "floordiv", "mod", "shl", "shr", "pow", "exp", "exp2",
        "log", "log2", "sqrt", "rsqrt", "abs", "neg", "sign", "sin", "cos", "tanh", "erf", "sigmoid", "relu",
        "gelu", "gelu_tanh", "silu", "floor", "ceil", "round", "clip", "isnan", "isinf", "isfinite", "sum", "prod",
        "max", "min", "any", "all",
        "mean", "mma", "transpose_block", "sort_row", "topk_row", "argsort_row", "argmax_row", "argmin_row", "parallel",
        "range",
        "checked", "require", "print_tile", "cut", "span", "along", "row", "region", "clip_index", "Stack",
        "Scratch", "Line", "Failure", "HTP_LAMBDA", "handlers", "only",
        "Accesses", "Attributes", "Settings", "Tasks", "Use", "fnv1a", "given", "reads", "recorded",
        "run_tasks", "tasks", "updates", "work", "writes", "writes_freely",
        "Channel", "Network", "Recv", "Send", "Timing", "advance_any", "network", "one_of", "receives",
        "run_network", "running_network", "sends", "stop_process", "streams",
    )
)  # fmt: skip

RESERVED = KEYWORDS | PRELUDE


def spelled(name: str) -> str:
    """`name` as a C++ identifier: itself, with an underscore behind it when C++ or the prelude owns the word.

    >>> spelled("acc"), spelled("max"), spelled("new_")
    ('acc', 'max_', 'new__')
    """
    return f"{name}_" if name.rstrip("_") in RESERVED else name
