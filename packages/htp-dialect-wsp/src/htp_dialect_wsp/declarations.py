"""What packages contribute to schedules. Knows names; loads nothing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PolicyDeclaration"]


@dataclass(frozen=True)
class PolicyDeclaration:
    """What a plugin contributes to `htp_policies`: the class `name` of `module`, a `Policy`."""

    name: str
    module: str
    summary: str = ""
