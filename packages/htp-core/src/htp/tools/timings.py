"""How long each step of a compilation took, as the package's logs say.

Knows `logs/timings.json`, which no seal covers; does not know what the steps did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from htp.artifact.read import Package


def step_seconds(package: Package) -> dict[str, float]:
    """Seconds by step, in order; empty when the log is missing or is no such log."""
    try:
        return msgspec.json.decode((package.path / "logs" / "timings.json").read_bytes(), type=dict[str, float])
    except (OSError, msgspec.MsgspecError):
        return {}
