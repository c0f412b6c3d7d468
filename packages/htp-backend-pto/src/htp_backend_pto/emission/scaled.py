"""Instructions that scale the columns of a sum, as functions that do the same in every simulator and on devices.

pto-runtime's simulator scales the rows of an accumulator instead, and its TMOV_FP scales nothing; of a tile that lies
in rows it scales the columns, as devices do. Scales lie in the first 2 KiB of its unified buffer, so that rows are put
behind. Sources: hw-native-sys/pto-isa@cd4a3d3f, include/pto/cpu/{TStore,TMov,TExtract,TInsert,NPUMemoryModel}.hpp, and
tests/npu/a2a3/src/st/testcase/{tstore_acc2gm,tmov_acc2mat}/gen_data.py for devices.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["SCALED"]

INLINE = "static inline __aicore__ __attribute__((always_inline))"
SIMULATED = "#if defined(__CPU_SIM) && !defined(HTP_PTO_STANDIN)  // the accumulator as rows, which are not scaled"
IN_ROWS = """\
#if defined(__CPU_SIM) && !defined(HTP_PTO_STANDIN)
template <typename T, typename X>
using InRows = Tile<TileType::Vec, T, X::Rows, X::Cols, BLayout::RowMajor, -1, -1>;
template <typename X> static inline InRows<typename X::DType, X> in_rows(X &x) {
    InRows<typename X::DType, X> rows(x.GetValidRow(), x.GetValidCol());
    TASSIGN(rows, 0x1000);
    TMOV(rows, x);
    return rows;
}
#endif"""


def _function(name: str, more: tuple[str, ...], simulated: str, plain: str) -> str:
    parameters = ", ".join(("D &dst, X &x, S &scales", *(f"int64_t {each}" for each in more)))
    return f"""\
template <typename D, typename X, typename S>
{INLINE} void {name}({parameters}) {{
{SIMULATED}
    auto rows = in_rows(x);
    {simulated}
#else
    {plain}
#endif
}}"""


PART = """\
InRows<typename D::DType, X> whole(x.GetValidRow(), x.GetValidCol());
    TASSIGN(whole, 0x1000 + sizeof(typename X::DType) * X::Rows * X::Cols);
    TEXTRACT_FP<decltype(whole), decltype(rows), S>(whole, rows, scales, 0, 0);
    TEXTRACT(dst, whole, row, col);"""

SCALED = MappingProxyType({
    "in_rows": IN_ROWS,
    "store_fp": _function("store_fp", (), "TSTORE_FP<decltype(rows), D, S>(dst, rows, scales);",
                          "TSTORE_FP<X, D, S>(dst, x, scales);"),
    "mov_fp": _function("mov_fp", (), "TEXTRACT_FP<D, decltype(rows), S>(dst, rows, scales, 0, 0);",
                        "TMOV_FP<D, X, S>(dst, x, scales);"),
    "extract_fp": _function("extract_fp", ("row", "col"), PART, "TEXTRACT_FP<D, X, S>(dst, x, scales, row, col);"),
    "insert_fp": _function("insert_fp", ("row", "col"),
                           "TINSERT_FP<D, decltype(rows), S>(dst, rows, scales, row, col);",
                           "TINSERT_FP<D, X, S>(dst, x, scales, row, col);"),
})  # fmt: skip
"""The definition of each, by name; all but the first need the first."""
