"""Rows of what moves between memories, and of the cube unit.

Routes and dtypes: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/{TLoad,TStore,TMov,TExtract,TMatmul}.hpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_pto.isa.dtypes import MOVING as SMALL
from htp_backend_pto.isa.dtypes import pairs
from htp_backend_pto.isa.rows import row

if TYPE_CHECKING:
    from htp_backend_pto.isa.instructions import Instruction

__all__ = ["CUBE", "MEMORY"]

MOVING = f"{SMALL} i64"
BY_INDEX = pairs(SMALL, "i32 u32")
LOAD = "MTE2 ub gm; MTE2 l1 gm"
STORE = "MTE3 gm ub; FIX gm l0c; MTE3 gm l1"
FLAGS = ("a flag has a byte in global memory",)
ACCUMULATED = "f32>f16 f32>bf16 f32>f32 i32>i32 i32>f16 i32>i8"
SCALED = "f32>i8 f32>u8 i32>i8 i32>u8 i32>f16"
"""A sum and what it is scaled to."""
SIDES = (
    "height", "width", "filter_height", "filter_width", "stride_height", "stride_width", "dilation_height",
    "dilation_width", "top", "bottom", "left", "right",
)  # fmt: skip
FILTER = " ".join(f"@{each}" for each in (*SIDES[:4], "block", *SIDES[4:]))
PATCHES = ", ".join(f"{{{each}}}" for each in SIDES)

MEMORY: tuple[Instruction, ...] = (
    row("load", "TLOAD", "dst:nd,nz x", "a region of global memory", dtypes=MOVING, routes=LOAD),
    row("load_t", "TLOAD", "dst:zn,dn x", "a region with its rows as columns", dtypes=MOVING, routes=LOAD,
        notes=("the region is a global view in column-major order, Layout::DN",)),
    row("load_rows", "TLOAD", "x", "matrices of global memory, their rows one behind the other", dtypes=MOVING,
        routes="MTE2 ub gm"),
    row("load_row", "TLOAD", "x", "a part of a vector as a row", dtypes=MOVING, routes=LOAD),
    row("load_col", "TLOAD", "dst:dn x", "a part of a vector as a column", dtypes=MOVING, routes=LOAD),
    row("store", "TSTORE", "dst x:nd,nz", "a tile to global memory", dtypes=MOVING, routes=STORE),
    row("store_as", "TSTORE", "dst x:nz @dtype", "an accumulator to global memory, narrower", dtypes=ACCUMULATED,
        variables="Number Other", routes="FIX gm l0c"),
    row("store_add", "TSTORE", "dst x:nd,nz !old", "a tile added to global memory", dtypes="f32 f16 bf16 i32 i16 i8",
        routes="MTE3 gm ub gm; FIX gm l0c gm", call="TSTORE<{x_type}, {dst_type}, AtomicType::AtomicAdd>({dst}, {x})"),
    row("store_flags", "TSTORE", "x", "zeros and ones to flags in global memory", dtypes="u8", variables="",
        routes="MTE3 gm ub", notes=FLAGS),
    row("store_row_flags", "TSTORE", "x", "a row of zeros and ones to a vector of flags", dtypes="u8", variables="",
        routes="MTE3 gm ub", notes=FLAGS),
    row("store_col_flags", "TSTORE", "x:dn", "a column of zeros and ones to a vector of flags", dtypes="u8",
        variables="", routes="MTE3 gm ub", notes=FLAGS),
    row("load_flags", "TLOAD", "x", "flags of global memory as zeros and ones", dtypes="u8", variables="",
        routes="MTE2 ub gm", notes=FLAGS),
    row("load_row_flags", "TLOAD", "x", "a part of a vector of flags as a row of zeros and ones", dtypes="u8",
        variables="", routes="MTE2 ub gm", notes=FLAGS),
    row("load_col_flags", "TLOAD", "dst:dn x", "a part of a vector of flags as a column of zeros and ones", dtypes="u8",
        variables="", routes="MTE2 ub gm", notes=FLAGS),
    row("store_t", "TSTORE", "dst x:dn", "a tile to a region whose rows are its columns", dtypes=MOVING,
        routes="MTE3 gm ub", notes=("the region is a global view in column-major order, Layout::DN",)),
    row("store_rows", "TSTORE", "x #groups #rows", "rows one behind the other to matrices of global memory",
        dtypes=MOVING, routes="MTE3 gm ub", call="TSTORE({dst}, {x})"),
    row("store_row", "TSTORE", "x", "a row to a part of a vector", dtypes=MOVING, routes="MTE3 gm ub"),
    row("store_col", "TSTORE", "x:dn", "a column to a part of a vector", dtypes=MOVING, routes="MTE3 gm ub"),
    row("mov", "TMOV", "dst:nd,dn,nz,zn,zz x:nd,dn,nz,zn,zz", "the tile in another memory", dtypes=MOVING,
        routes="MTE1 l0a l1; MTE1 l0b l1; MTE1 bias l1; V ub ub; FIX l1 l0c; FIX ub l0c; FIX scaling l1"),
    row("mov_as", "TMOV", "dst:nz,nd x:nz @dtype", "an accumulator in another memory, narrower", dtypes=ACCUMULATED,
        variables="Number Other", routes="FIX l1 l0c; FIX ub l0c"),
    row("extract", "TEXTRACT", "dst:nd,nz,zn,zz x:nd,nz,zn #row #col #rows #cols", "a part of a tile", dtypes=MOVING,
        routes="MTE1 l0a l1; MTE1 l0b l1; V ub ub; FIX l1 l0c", call="TEXTRACT({dst}, {x}, {row}, {col})"),
    row("insert", "TINSERT", "!old:nd,nz x:nd,nz #row #col", "a tile in a part of a larger one", dtypes=MOVING,
        routes="FIX l1 l1 l0c; V ub ub ub", call="TINSERT({dst}, {x}, {row}, {col})"),
    row("img2col", "TIMG2COL", f"dst:zz x:nz #row #col #rows #cols {FILTER}", "patches of an image as rows",
        dtypes="f16 bf16 f32 i8", routes="MTE1 l0a l1",
        call=f"htp::img2col<{PATCHES}>({{dst}}, {{x}}, {{x_at}}, {{row}}, {{col}})"),
    row("store_fp", "TSTORE_FP", "dst x:nz scales @dtype", "an accumulator to global memory, its columns scaled",
        dtypes=SCALED, variables="Sum Scaled", routes="FIX gm l0c scaling", call="htp::store_fp({dst}, {x}, {scales})"),
    row("mov_fp", "TMOV_FP", "dst:nz x:nz scales @dtype", "an accumulator in another memory, its columns scaled",
        dtypes=SCALED, variables="Sum Scaled", routes="FIX l1 l0c scaling", call="htp::mov_fp({dst}, {x}, {scales})"),
    row("extract_fp", "TEXTRACT_FP", "dst:nz x:nz scales #row #col #rows #cols @dtype",
        "a part of an accumulator, its columns scaled", dtypes=SCALED, variables="Sum Scaled",
        routes="FIX l1 l0c scaling", call="htp::extract_fp({dst}, {x}, {scales}, {row}, {col})"),
    row("insert_fp", "TINSERT_FP", "dst:nz !old:nz x:nz scales #row #col",
        "an accumulator in a part of a larger tile, its columns scaled", variables="Scaled Sum",
        dtypes="i8>f32 u8>f32 i8>i32 u8>i32 f16>i32", routes="FIX l1 l1 l0c scaling",
        call="htp::insert_fp({dst}, {x}, {scales}, {row}, {col})"),
    row("scratch", "", "@rows @cols @dtype", "room", dtypes=SMALL, routes="S ub",
        notes=("no instruction: it declares a tile",)),
    row("mgather", "MGATHER", "table index", "elements of global memory by index", variables="Any Index",
        dtypes=BY_INDEX, routes="S ub gm ub"),
    row("mgather_rows", "MGATHER", "table index", "rows of global memory by index", variables="Any Index",
        dtypes=BY_INDEX, routes="S ub gm ub",
        call="MGATHER<Coalesce::Row>({dst}, {table}, {index})"),
    row("mscatter", "MSCATTER", "x index !old", "elements put in global memory by index", variables="Any Index",
        dtypes=BY_INDEX, routes="S gm ub ub gm"),
    row("mscatter_rows", "MSCATTER", "x index !old", "rows put in global memory by index", variables="Any Index",
        dtypes=BY_INDEX, routes="S gm ub ub gm",
        call="MSCATTER<Coalesce::Row>({dst}, {x}, {index})"),
)  # fmt: skip

FACTORS = "f16>f32 bf16>f32 f32>f32 i8>i32"
TILES = "dst:nz a:zz b:zn"

CUBE: tuple[Instruction, ...] = (
    row("accumulator", "", "dst:nz #rows #cols @dtype", "room for a sum", dtypes="f32 i32", routes="S l0c",
        notes=("no instruction: it declares a tile, which the first product fills",)),
    row("matmul", "TMATMUL", f"{TILES} @dtype", "a @ b", variables="Factor Sum", dtypes=FACTORS,
        routes="M l0c l0a l0b"),
    row("matmul_acc", "TMATMUL_ACC", "dst:nz !acc:nz a:zz b:zn", "acc + a @ b", variables="Sum Factor",
        dtypes="f32>f16 f32>bf16 f32>f32 i32>i8", routes="M l0c l0c l0a l0b",
        call="TMATMUL_ACC({dst}, {acc}, {a}, {b})"),
    row("matmul_bias", "TMATMUL_BIAS", f"{TILES} bias", "a @ b + bias", variables="Factor Sum", dtypes=FACTORS,
        routes="M l0c l0a l0b bias"),
    row("gemv", "TGEMV", f"{TILES} @dtype", "one row @ b", variables="Factor Sum", dtypes=FACTORS,
        routes="M l0c l0a l0b"),
    row("gemv_acc", "TGEMV_ACC", "dst:nz !acc:nz a:zz b:zn", "acc + one row @ b", variables="Sum Factor",
        dtypes="f32>f16 f32>bf16 f32>f32 i32>i8", routes="M l0c l0c l0a l0b",
        call="TGEMV_ACC({dst}, {acc}, {a}, {b})"),
    row("gemv_bias", "TGEMV_BIAS", f"{TILES} bias", "one row @ b + bias", variables="Factor Sum", dtypes=FACTORS,
        routes="M l0c l0a l0b bias"),
)  # fmt: skip
