"""The headers of the stand-in: where they lie, what identifies them, and what a compiler has made of them once.

Knows files and flags; does not know which sources include them.
"""

from __future__ import annotations

import functools
import hashlib
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from htp.cache import Cache
from htp_backend_pto.binding.compilers import find_compiler

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["STANDIN", "digest_of", "headers_digest", "including", "with_precompiled"]

STANDIN = Path(str(files("htp_backend_pto").joinpath("native/standin")))
"""The stand-in's folder: its headers in `include`, the interface between its libraries in `abi.h`."""
COMMON = "common.hpp"
PRECOMPILE_SECONDS = 120.0


def including() -> str:
    """The flag by which sources find the headers."""
    return f"-I{STANDIN / 'include'}"


def digest_of(parts: Iterable[bytes]) -> str:
    """A digest that differs wherever a part does."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


@functools.cache
def headers_digest() -> str:
    """The digest of all headers."""
    found = sorted(each for each in (*(STANDIN / "include").rglob("*"), STANDIN / "abi.h") if each.is_file())
    return digest_of(part for each in found for part in (str(each.relative_to(STANDIN)).encode(), each.read_bytes()))


def with_precompiled(flags: tuple[str, ...], included: tuple[str, ...]) -> tuple[str, ...]:
    """The flags, by which g++ does not parse again what all sources include first: a third of its work on a kernel.

    Other compilers, and a g++ that cannot write such a file, read the headers as they are.
    """
    compiler = find_compiler()
    if "clang" in compiler.version or "zig" in compiler.name:
        return flags

    def make(folder: Path) -> None:
        (folder / COMMON).write_text("".join(f"#include {each}\n" for each in included))
        own = (*(each for each in flags if each != "-shared"), including(), "-x", "c++-header", COMMON)
        command = (*compiler.command, *own, "-o", f"{COMMON}.gch")
        subprocess.run(command, cwd=folder, capture_output=True, timeout=PRECOMPILE_SECONDS, check=False)

    said = (*compiler.command, compiler.version, *flags, *included, headers_digest())
    key = digest_of(each.encode() for each in said)
    return (*flags, "-include", str(Cache.open().get_or_make(f"pto-headers-{key}", make) / COMMON))
