"""The architecture model of Ascend A2 and A3: one die with its clusters, their memories, pipes and flags.

Knows published figures, each with its source; does not know instructions (`isa`) or what a program occupies.
"""

from __future__ import annotations

from htp.targets import Level, Limit, Model, Route, Space, Sync, Unit

__all__ = ["a2a3", "a2a3sim"]

ISA = "hw-native-sys/pto-isa@cd4a3d3f"
RUNTIME = "hw-native-sys/simpler@6ebaf771"
BUFFERS = f"{ISA} include/pto/common/buffer_limits.hpp"
TILES = f"{ISA} include/pto/common/pto_tile.hpp, docs/coding/Tile.md"
MOVES = f"{ISA} include/pto/npu/a2a3/TMov.hpp"
PLATFORM = f"{RUNTIME} src/a2a3/platform/include/common/platform_config.h"
USABLE_UB = "hw-native-sys/pto-isa#170 and hw-native-sys/pypto PR#1804: the last 8 KiB are not safe to use"

FLOATS = ("f32", "f16")
VECTOR_DTYPES = (*FLOATS, "i32", "i16")
MATRIX_DTYPES = (*FLOATS, "bf16", "i8")


def _levels() -> tuple[Level, ...]:
    return (
        Level(name="die", units=1, axis="die", source=PLATFORM),
        Level(name="cluster", units=24, parent="die", axis="core", source=PLATFORM),
        Level(name="aic", units=1, parent="cluster", source=PLATFORM),
        Level(name="aiv", units=2, parent="cluster", axis="sub", source=PLATFORM),
    )


def _spaces(left: str) -> tuple[Space, ...]:
    return (
        Space(name="gm", level="die", capacity=64 << 30, align=32, granule=512, source=f"{TILES}; 512 B bursts"),
        Space(name="l2", level="die", managed=True, granule=512, source=TILES),
        Space(
            name="ub", level="aiv", capacity=192 << 10, usable=184 << 10, align=32, forms=("nd", "dn", "nz", "bits"),
            source=f"{BUFFERS}; usable: {USABLE_UB}",
        ),
        Space(name="l1", level="aic", capacity=512 << 10, align=32, forms=("nz", "zn", "nd"), source=BUFFERS),
        Space(name="l0a", level="aic", capacity=64 << 10, align=512, forms=(left,), source=f"{BUFFERS}; {TILES}"),
        Space(name="l0b", level="aic", capacity=64 << 10, align=512, forms=("zn",), source=f"{BUFFERS}; {TILES}"),
        Space(name="l0c", level="aic", capacity=128 << 10, align=1024, forms=("nz",), source=f"{BUFFERS}; {TILES}"),
        Space(name="bias", level="aic", capacity=1 << 10, align=64, forms=("nd",), source=BUFFERS),
        Space(name="scaling", level="aic", capacity=2 << 10, align=128, forms=("nd",), source=f"{BUFFERS}; {MOVES}"),
    )  # fmt: skip


def _route(name: str, src: str, dst: str, engine: str, *reform: tuple[str, str]) -> Route:
    return Route(name=name, src=src, dst=dst, engine=engine, asynchronous=True, max_dims=5, align=32, reform=reform,
                 source=TILES)  # fmt: skip


def _routes(left: str) -> tuple[Route, ...]:
    return (
        _route("mte2.gm_ub", "gm", "ub", "MTE2", ("nd", "nd"), ("dn", "dn")),
        _route("mte3.ub_gm", "ub", "gm", "MTE3", ("nd", "nd"), ("dn", "dn")),
        _route("mte2.gm_l1", "gm", "l1", "MTE2", ("nd", "nz"), ("dn", "zn"), ("nd", "nd")),
        _route("mte1.l1_l0a", "l1", "l0a", "MTE1", ("nz", left), ("zn", left)),
        _route("mte1.l1_l0b", "l1", "l0b", "MTE1", ("nz", "zn"), ("zn", "zn")),
        _route("mte1.l1_bias", "l1", "bias", "MTE1", ("nd", "nd")),
        _route("fix.l1_scaling", "l1", "scaling", "FIX", ("nd", "nd")),
        _route("fix.l0c_gm", "l0c", "gm", "FIX", ("nz", "nd")),
        _route("fix.l0c_l1", "l0c", "l1", "FIX", ("nz", "nz")),
    )


def _units() -> tuple[Unit, ...]:
    """The pipes of both kinds of core, which run beside each other; a vector register has 256 bytes."""
    copies = (("MTE2", "aiv"), ("MTE3", "aiv"), ("MTE2.cube", "aic"), ("MTE1", "aic"), ("FIX", "aic"))
    source = f"{ISA} include/pto/common/type.hpp; dtypes: include/pto/npu/a2a3"
    return (
        Unit(name="S", level="cluster", kind="scalar", source=source),
        Unit(name="V", level="aiv", kind="vector", dtypes=VECTOR_DTYPES, width=256, source=source),
        Unit(name="M", level="aic", kind="matrix", dtypes=MATRIX_DTYPES, source=source),
        *(Unit(name=name, level=level, kind="copy", source=source) for name, level in copies),
    )


def _limits() -> tuple[Limit, ...]:
    arguments = f"{RUNTIME} src/a2a3/runtime/tensormap_and_ringbuffer/runtime/pto_types.h"
    return (
        Limit(subject="task.tensors", value=32, source=arguments),
        Limit(subject="task.scalars", value=16, source=arguments),
        Limit(subject="call.tensors", value=256, source=arguments),
        Limit(subject="call.scalars", value=128, source=arguments),
        Limit(subject="tensor.dims", value=5, source=arguments),
        Limit(subject="kernels", value=1024, source=arguments),
        Limit(subject="task.fanin", value=64, source=arguments),
        Limit(subject="product.extent", value=4095, source=f"{ISA} include/pto/npu/a2a3/TMatmul.hpp"),
        Limit(subject="load.rows", value=4095, source=f"{ISA} include/pto/npu/a2a3/TLoad.hpp"),
    )


def _model(name: str, left: str) -> Model:
    flags = Sync(name="flag", scope="aiv", kind="flag", count=8, source=f"{ISA} EVENT_ID0 to EVENT_ID7, each pipe pair")
    cube_flags = Sync(name="flag.cube", scope="aic", kind="flag", count=8, source=flags.source)
    return Model(
        name=name,
        levels=_levels(),
        spaces=_spaces(left),
        routes=_routes(left),
        units=_units(),
        syncs=(flags, cube_flags),
        limits=_limits(),
    )


def a2a3() -> Model:
    """Ascend 910B and one die of 910C, by CANN."""
    return _model("a2a3", "zz")


def a2a3sim() -> Model:
    """The same machine as pto-isa's CPU simulator has it: it keeps L0A as nz."""
    return _model("a2a3sim", "nz")
