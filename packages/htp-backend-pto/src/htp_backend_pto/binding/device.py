"""Packages on an Ascend device: what that needs, and what of it is missing here.

Knows where CANN keeps its compilers; a device runs packages through pto-runtime, as the real simulator does.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.artifact.read import Package as PackageFiles
    from htp.declarations import Executable

__all__ = ["gaps", "load_device", "missing"]

CANN = "ASCEND_HOME_PATH"
# hw-native-sys/simpler@6ebaf77, simpler_setup/toolchain.py: where the tools of CANN lie
TOOLS = (
    ("ccec, which compiles kernels", "bin/ccec"),
    ("ld.lld, which links them", "bin/ld.lld"),
    ("aarch64 g++, which compiles the orchestration", "tools/hcc/bin/aarch64-target-linux-gnu-g++"),
)
DRIVER = "/usr/local/Ascend/driver"


def load_device(package: PackageFiles) -> Executable:
    """A package on a device.

    Raises:
        Refused: `pto.no-device`, `pto.no-toolchain`, `pto.toolchain-mismatch`.
    """
    missing()
    from htp_backend_pto.binding.runtime import load_on

    return load_on(package, "device")


def missing() -> str | None:
    """None when packages can be built for a device here.

    Raises:
        Refused: `pto.no-device`, with all that is missing and what still works.
    """
    found = gaps(os.environ)
    if not found:
        return None
    raise Refused(
        "pto.no-device",
        "there is no Ascend toolchain here to build and run the package with",
        notes=tuple(found),
        help=(
            "install CANN 8 and source its set_env.sh, which sets ASCEND_HOME_PATH",
            'bind with mode="sim": the same sources run on the host stand-in',
        ),
    )


def gaps(environment: Mapping[str, str]) -> list[str]:
    """What a device needs and this machine has not."""
    home = environment.get(CANN, "")
    found: list[str] = [] if home else [f"{CANN} is not set"]
    for what, where in TOOLS:
        tool = Path(home, where) if home else None
        if tool is None or not tool.is_file():
            found.append(f"no {what} ({CANN}/{where})")
    if not Path(DRIVER).is_dir() and shutil.which("npu-smi") is None:
        found.append(f"no driver ({DRIVER})")
    return found
