"""The names of the instructions, for whoever needs no more of them. What each is stands in `isa`."""

__all__ = ["INSTRUCTIONS"]

INSTRUCTIONS = (
    "abs", "accumulator", "add", "addc", "adddeqrelu", "adds", "addsc", "and_", "ands", "axpy", "ci", "cmp", "cmps",
    "colargmax", "colargmin", "colexpand", "colexpandadd", "colexpanddiv", "colexpandexpdif", "colexpandmax",
    "colexpandmin", "colexpandmul", "colexpandsub", "colmax", "colmin", "colprod", "colsum", "concat", "cvt",
    "deinterleave_even", "deinterleave_odd", "dequant", "div", "divs", "exp", "expands", "extract", "extract_fp",
    "fillpad", "fillpad_expand", "fillpad_inplace", "fmod", "fmods", "fusedmuladd", "fusedmuladdrelu", "gather",
    "gather_mask", "gatherb", "gemv", "gemv_acc", "gemv_bias", "histogram", "img2col", "insert", "insert_fp",
    "interleave_high", "interleave_low", "load", "load_col", "load_col_flags", "load_flags", "load_row",
    "load_row_flags", "load_rows", "load_t", "log", "lrelu", "matmul", "matmul_acc", "matmul_bias", "max", "maxs",
    "mgather", "mgather_rows", "min", "mins", "mov", "mov_as", "mov_fp", "mrgsort", "mrgsort2", "mrgsort3", "mrgsort4",
    "mscatter", "mscatter_rows", "mul", "muladddst", "muls", "neg", "not_", "or_", "ors", "pairreducesum", "partadd",
    "partargmax", "partargmin", "partmax", "partmin", "partmul", "pow", "pows", "prelu", "print", "quant", "quant_asym",
    "random", "recip", "reinterpret", "relu", "rem", "rems", "reshape", "rowargmax", "rowargmin", "rowexpand",
    "rowexpandadd", "rowexpanddiv", "rowexpandexpdif", "rowexpandmax", "rowexpandmin", "rowexpandmul", "rowexpandsub",
    "rowmax", "rowmin", "rowprod", "rowsum", "rsqrt", "scatter", "scatter_mask", "scratch", "sdivs", "sel", "sels",
    "shl", "shls", "shr", "shrs", "sort32", "sorted_indices", "sorted_places", "sorted_values", "sqrt", "store",
    "store_add", "store_as", "store_col", "store_col_flags", "store_flags", "store_fp", "store_row", "store_row_flags",
    "store_rows", "store_t", "sub", "subc", "subrelu", "subs", "subsc", "subview", "trans", "tri", "within", "xor",
    "xors",
)  # fmt: skip
"""Every instruction that programs may write, sorted."""
