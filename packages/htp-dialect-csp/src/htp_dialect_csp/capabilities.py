"""Facts about networks on their way to process form. Knows forms; does not know the passes that bring them about."""

from __future__ import annotations

from dataclasses import dataclass

from htp.capabilities import Capability

__all__ = ["Checked"]


@dataclass(frozen=True)
class Checked(Capability, owner="csp"):
    """What can be known of the networks before they run is well: ends, payloads, counts, rates, capacities."""
