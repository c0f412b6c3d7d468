"""The pass `csp.check`: what can be known of networks before they run is checked, the rest is noted.

Knows that it is a pass; the checks are those of `checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.passes import Pass
from htp.rewriting import warn
from htp_dialect_csp.capabilities import Checked
from htp_dialect_csp.checks import check

if TYPE_CHECKING:
    from htp.program import Program

__all__ = ["Check"]


@dataclass(frozen=True)
class Check(Pass):
    """Networks that are wrong in every run are refused: two senders, counts that differ, too small capacities."""

    name = "csp.check"
    provides = (Checked(),)

    def apply(self, program: Program) -> Program:
        """The same program.

        Raises:
            Refused: `csp.*`, as `checks.check` says.
        """
        warn(*check(program))
        return program
