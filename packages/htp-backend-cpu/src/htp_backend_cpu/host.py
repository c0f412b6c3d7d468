"""The machine this process runs on, as an architecture model.

Knows where Linux keeps its figures; a figure that cannot be read is absent, never guessed.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from htp.targets import Level, Limit, Model, Route, Space, Unit

__all__ = ["host_model"]

CPUINFO = "/proc/cpuinfo"
CACHES = "/sys/devices/system/cpu/cpu0/cache"
MEMORY = "/proc/meminfo"
ISA = "Intel SDM vol. 1, Arm Architecture Reference Manual: register width of the extension named in cpuinfo"
BASE_DTYPES = ("f64", "f32", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "bool_")


def host_model(root: str = "/") -> Model:
    """The host CPU: cores, caches, memory and vector registers; `root` is where `/proc` and `/sys` are looked for."""
    base = Path(root)
    flags = _flags(_read(base, CPUINFO))
    cores = _affinity() if root == "/" else None
    caches = _caches(base)
    line = next((each.align for each in caches if each.name == "l1"), 1)
    width = _vector_bytes(flags)
    registers = 32 if "avx512f" in flags or "asimd" in flags else 16 if width else None
    return Model(
        name="host",
        levels=(
            Level(name="host", units=1, source="by definition"),
            Level(name="core", units=cores, parent="host", axis="core", source="os.sched_getaffinity"),
        ),
        spaces=(
            Space(name="dram", level="host", capacity=_memory(base), align=line, granule=line, source=MEMORY),
            *caches,
        ),
        routes=(
            Route(name="load", src="dram", dst="l1", source="caches are filled by hardware"),
            Route(name="store", src="l1", dst="dram", source="caches are written back by hardware"),
        )
        if any(each.name == "l1" for each in caches)
        else (),
        units=(
            Unit(name="scalar", level="core", kind="scalar", dtypes=BASE_DTYPES, width=8, source=platform.machine()),
            Unit(
                name="simd",
                level="core",
                kind="vector",
                dtypes=_dtypes(flags),
                width=width,
                features=tuple(sorted(flags & _SHOWN)),
                source=f"{CPUINFO}; {ISA}",
            ),
        ),
        limits=(Limit(subject="registers.vector", value=registers, source=f"{CPUINFO}; {ISA}"),),
    )


_SHOWN = frozenset(
    (
        "sse2", "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16",
        "avx512_fp16", "avx512_vnni", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8", "asimd", "asimdhp", "bf16",
        "i8mm", "sve", "sve2",
    )
)  # fmt: skip


def _read(base: Path, path: str) -> str:
    try:
        return (base / path.lstrip("/")).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _affinity() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _flags(cpuinfo: str) -> frozenset[str]:
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def _vector_bytes(flags: frozenset[str]) -> int | None:
    """Bytes of one vector register. SVE's length is not in cpuinfo, so an SVE machine counts as its NEON part."""
    for flag, width in (("avx512f", 64), ("avx", 32), ("sse2", 16), ("asimd", 16)):
        if flag in flags:
            return width
    return None


def _dtypes(flags: frozenset[str]) -> tuple[str, ...]:
    bf16 = ("bf16",) if flags & {"avx512_bf16", "amx_bf16", "bf16"} else ()
    f16 = ("f16",) if flags & {"avx512_fp16", "asimdhp"} else ()
    return (*BASE_DTYPES, *f16, *bf16)


def _caches(base: Path) -> tuple[Space, ...]:
    """Data and unified caches of the first core, smallest first."""
    found: list[Space] = []
    for folder in sorted((base / CACHES.lstrip("/")).glob("index*")):
        read = {name: _read(folder, name).strip() for name in ("level", "type", "size", "coherency_line_size")}
        if read["type"] not in ("Data", "Unified") or not read["level"]:
            continue
        shared = _read(folder, "shared_cpu_list").strip()
        found.append(
            Space(
                name=f"l{read['level']}",
                level="core" if read["level"] in ("1", "2") else "host",
                capacity=_bytes(read["size"]),
                align=_number(read["coherency_line_size"]) or 1,
                granule=_number(read["coherency_line_size"]) or 1,
                managed=True,
                source=f"{CACHES}/{folder.name}" + (f", shared by cpu {shared}" if shared else ""),
            )
        )
    return tuple(found)


def _memory(base: Path) -> int | None:
    for line in _read(base, MEMORY).splitlines():
        if line.startswith("MemTotal:"):
            number = _number(line.split()[1])
            return None if number is None else number * 1024
    return None


def _bytes(text: str) -> int | None:
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number = _number(text.rstrip("KMG"))
    return None if number is None else number * units.get(text[-1:], 1)


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
