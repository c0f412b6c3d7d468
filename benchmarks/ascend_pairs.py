"""Programs for Ascend and the hand-written kernels that compute the same, for `ascend.py`.

Knows the mathematics, the tile sizes and the arguments of both; the kernels themselves are files of a checkout of
pto-runtime (hw-native-sys/simpler), or of the pto-isa that is built into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ascend_programs as programs
import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from htp.language import Definition

    Arrays = dict[str, npt.NDArray[np.generic]]

RUNTIME = "examples/a2a3/tensormap_and_ringbuffer"
QWEN = f"{RUNTIME}/qwen3_14b_decode/kernels/aiv"
PAGED_ATTENTION = {
    "paged attention": f"{RUNTIME}/paged_attention/kernels",
    "paged, unrolled": f"{RUNTIME}/paged_attention_unroll_manual_scope/kernels",
}
ISA = "build/pto-isa"


@dataclass(frozen=True)
class Kernel:
    """A file, and the core it is for. `call` calls what it defines, where that is no kernel of pto-runtime."""

    path: str
    core: str = "aiv"
    call: str = ""


@dataclass(frozen=True)
class Pair:
    """A program and its peer.

    `order` names the arrays as the peer takes them: `>` is written, `=` read and written. Without an orchestration
    the peer is one task of its first kernel, of so many `blocks`.
    """

    name: str
    ours: Definition[..., None]
    kernels: tuple[Kernel, ...]
    order: str
    arrays: Callable[[np.random.Generator], Arrays]
    scalars: tuple[tuple[str, str, float], ...] = ()
    orchestration: str = ""
    blocks: int = 1
    flat: bool = False
    """The peer takes arrays as one row of elements."""
    by: str = "hand"


def blank(*shape: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[np.generic]:
    """An array to be written."""
    return np.zeros(shape, dtype)


def numbers(rng: np.random.Generator, *shape: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[np.generic]:
    """Normally distributed."""
    return rng.standard_normal(shape).astype(dtype)


def paged(rng: np.random.Generator) -> Arrays:
    """Four requests of other lengths over shuffled pages."""
    lengths = np.array((300, 128, 77, 512), np.int32)
    pages = rng.permutation(16).astype(np.int32).reshape(4, 4)
    drawn = {
        "query": rng.uniform(-0.5, 0.5, (4, 16, 128)), "keys": rng.uniform(-0.5, 0.5, (16, 128, 1, 128)),
        "values": rng.uniform(-1.0, 1.0, (16, 128, 1, 128)),
    }  # fmt: skip
    made: Arrays = {name: each.astype(ml_dtypes.bfloat16) for name, each in drawn.items()}
    return {**made, "table": pages, "lengths": lengths, "out": blank(4, 16, 128)}


def state(rng: np.random.Generator) -> Arrays:
    """Of one block and of those before."""
    made: Arrays = {name: numbers(rng, 16, 1) for name in ("m", "top")}
    made |= {name: rng.uniform(1.0, 9.0, (16, 1)).astype(np.float32) for name in ("part", "total")}
    return {**made, "o": numbers(rng, 16, 128), "acc": numbers(rng, 16, 128), "unused": blank(16, 128)}


def residual(rng: np.random.Generator) -> Arrays:
    """What the kernels with a residual take."""
    made = {"x": numbers(rng, 16, 5120), "y": numbers(rng, 16, 5120), "gamma": numbers(rng, 1, 5120)}
    return {**made, "hidden": blank(16, 5120), "normed": blank(16, 5120, dtype=ml_dtypes.bfloat16)}


def factors(m: int, k: int, n: int) -> Callable[[np.random.Generator], Arrays]:
    """Two matrices, the second by columns, and the product."""

    def made(rng: np.random.Generator) -> Arrays:
        a, b = (numbers(rng, rows, k, dtype=np.float16) for rows in (m, n))
        return {"a": a, "b": b, "c": blank(m, n)}

    return made


def pairs() -> tuple[Pair, ...]:
    """All of them."""
    return (*vector_pairs(), *product_pairs(), *attention_pairs(), *decoder_pairs(), *isa_pairs())


def vector_pairs() -> tuple[Pair, ...]:
    """The vector example: its addition, and the whole of it."""
    folder = f"{RUNTIME}/vector_example/kernels"
    names = ("add", "add_scalar", "mul")
    square = (128, 128)
    return (
        Pair(
            "vector add", programs.add, (Kernel(f"{folder}/aiv/kernel_add.cpp"),), "x y >z",
            lambda rng: {"x": numbers(rng, *square), "y": numbers(rng, *square), "z": blank(*square)},
        ),
        Pair(
            "vector example", programs.formula, tuple(Kernel(f"{folder}/aiv/kernel_{each}.cpp") for each in names),
            "a b >f",
            lambda rng: {"a": numbers(rng, *square), "b": numbers(rng, *square), "f": blank(*square)},
            orchestration=f"{folder}/orchestration/example_orchestration.cpp", flat=True,
        ),
    )  # fmt: skip


def product_pairs() -> tuple[Pair, ...]:
    """The benchmark of products: its two kernels, and the whole of it."""
    folder = f"{RUNTIME}/benchmark_bgemm/kernels"
    product, addition = f"{folder}/aic/kernel_gemm_tile.cpp", f"{folder}/aiv/kernel_tile_add.cpp"
    config = np.array((128, 2, 4, 4), np.int64)  # tile size, products to add, groups, tiles of a group
    tiles = (4, 128, 128)
    return (
        Pair(
            "gemm tile", programs.gemm_tile, (Kernel(product, "aic"),), "a b >c config",
            lambda rng: {
                "a": numbers(rng, *tiles), "b": numbers(rng, *tiles), "c": blank(*tiles), "config": config,
            }, flat=True,
        ),
        Pair(
            "tile add", programs.tile_add, (Kernel(addition),), "=c p config",
            lambda rng: {"c": numbers(rng, *tiles), "p": numbers(rng, *tiles), "config": config}, flat=True,
        ),
        Pair(
            "bgemm", programs.bgemm, (Kernel(product, "aic"), Kernel(addition)), "a b =c config",
            lambda rng: {
                "a": numbers(rng, 4, 2, *tiles), "b": numbers(rng, 4, 2, *tiles), "c": blank(4, *tiles),
                "config": config,
            }, orchestration=f"{folder}/orchestration/bgemm_orch.cpp", flat=True,
        ),
    )  # fmt: skip


def attention_pairs() -> tuple[Pair, ...]:
    """Paged attention: its four kernels, and the whole of it."""
    qk, prepare, pv, update = paged_kernels(PAGED_ATTENTION["paged attention"])
    scale = ("scale", "f32", 0.0884)
    half = ml_dtypes.bfloat16
    return (
        Pair(
            "scores", programs.scores, (qk,), "q k >s",
            lambda rng: {
                "q": numbers(rng, 16, 128, dtype=half), "k": numbers(rng, 128, 128, dtype=half), "s": blank(16, 128),
            },
        ),
        Pair(
            "softmax prepare", programs.softmax_prepare, (prepare,), "s >p >m >total",
            lambda rng: {
                "s": numbers(rng, 16, 128), "p": blank(16, 128, dtype=half), "m": blank(16, 1), "total": blank(16, 1),
            }, scalars=(scale,),
        ),
        Pair(
            "weighted", programs.weighted, (pv,), "p v >o",
            lambda rng: {
                "p": numbers(rng, 16, 128, dtype=half), "v": numbers(rng, 128, 128, dtype=half), "o": blank(16, 128),
            },
        ),
        Pair(
            "online update", programs.online_update, (update,), "m part o =top =total =acc =unused", state,
            scalars=(("first", "i64", 0), ("last", "i64", 0)),
        ),
        *(paged_pair(name, folder, scale) for name, folder in PAGED_ATTENTION.items()),
    )  # fmt: skip


def paged_kernels(folder: str) -> tuple[Kernel, ...]:
    """The four kernels of paged attention, in the order of their numbers."""
    names = ("aic_qk_matmul", "aiv_softmax_prepare", "aic_pv_matmul", "aiv_online_update")
    return tuple(Kernel(f"{folder}/{each[:3]}/{each}.cpp", each[:3]) for each in names)


def paged_pair(name: str, folder: str, scale: tuple[str, str, float]) -> Pair:
    """One of the hand-written forms of paged attention."""
    return Pair(
        name, programs.paged_attention, paged_kernels(folder), "query keys values table lengths >out", paged,
        scalars=(scale,), orchestration=f"{folder}/orchestration/paged_attention_orch.cpp",
    )  # fmt: skip


def decoder_pairs() -> tuple[Pair, ...]:
    """Kernels that PyPTO made for a decoder."""
    half = ml_dtypes.bfloat16
    return (
        Pair(
            "rms recip", programs.rms_recip, (Kernel(f"{QWEN}/rms_recip.cpp"),), "x >inv",
            lambda rng: {"x": numbers(rng, 16, 5120), "inv": blank(16, 1)},
            by="pypto",
        ),
        Pair(
            "post rms reduce", programs.post_rms_reduce, (Kernel(f"{QWEN}/post_rms_reduce.cpp"),), "x y >inv",
            lambda rng: {"x": numbers(rng, 16, 5120), "y": numbers(rng, 16, 5120), "inv": blank(16, 1)},
            by="pypto",
        ),
        Pair(
            "residual rms cast", programs.residual_rms_cast, (Kernel(f"{QWEN}/residual_rms_cast.cpp"),),
            ">normed >hidden x y gamma", residual, scalars=(("base", "i64", 1024), ("row", "i64", 0)), by="pypto",
        ),
        Pair(
            "silu", programs.silu, (Kernel(f"{QWEN}/silu.cpp"),), "inv >mlp gate up",
            lambda rng: {
                "inv": numbers(rng, 16, 1), "mlp": blank(16, 17408, dtype=half), "gate": numbers(rng, 16, 17408),
                "up": numbers(rng, 16, 17408),
            }, scalars=(("base", "i64", 1024),), by="pypto",
        ),
        Pair(
            "x gamma", programs.x_gamma, (Kernel(f"{QWEN}/x_gamma0.cpp"),), ">normed x gamma", residual, blocks=5,
            by="pypto",
        ),
        Pair(
            "dcr x gamma", programs.dcr_xgamma, (Kernel(f"{QWEN}/dcr_xgamma.cpp"),), "x y >hidden gamma >normed",
            residual,
            scalars=(("row", "i64", 0),), blocks=5, by="pypto",
        ),
    )  # fmt: skip


def isa_pairs() -> tuple[Pair, ...]:
    """Products of pto-isa's own kernels."""
    performance = (
        "GemmPerformance<uint16_t, 1, 256, 1024, 512, 256, 1024, 512, 128, 64, 256, 1, 4, 4, 1>"
        "(bytes(args[2]), bytes(args[0]), bytes(args[1]))"
    )
    half = np.float16
    return (
        Pair(
            "add custom", programs.row_sums,
            (Kernel(
                f"{ISA}/demos/baseline/add/csrc/kernel/add_custom.cpp", "aiv",
                "add_custom(bytes(args[0]), bytes(args[1]), bytes(args[2]), 20 * 2048)",
            ),), "x y >z",
            lambda rng: {
                "x": numbers(rng, 20, 2048, dtype=half), "y": numbers(rng, 20, 2048, dtype=half),
                "z": blank(20, 2048, dtype=half),
            }, blocks=20,
        ),
        Pair(
            "gemm performance", programs.gemm_performance,
            (Kernel(f"{ISA}/kernels/manual/a2a3/gemm_performance/gemm_performance_kernel.cpp", "aic", performance),),
            "a b >c", factors(256, 1024, 512),
        ),
        Pair(
            "gemm basic", programs.gemm_basic,
            (Kernel(
                f"{ISA}/demos/baseline/gemm_basic/csrc/kernel/gemm_basic_custom.cpp", "aic",
                "gemm_basic_custom(bytes(args[0]), bytes(args[1]), bytes(args[2]))",
            ),), "a b >c", factors(512, 2048, 1536), blocks=24,
        ),
    )  # fmt: skip
