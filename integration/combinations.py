"""What must be refused before anything is emitted: one row for each combination, and the packages it takes.

A row whose packages are all part of this workspace must have a case in one of the modules of `test_combinations.py`; a
package that joins the workspace therefore brings the cases of its rows with it.
"""

from __future__ import annotations

from dataclasses import dataclass

CPU, PTO, AIE = "htp-backend-cpu", "htp-backend-pto", "htp-backend-aie"
WSP, CSP = "htp-dialect-wsp", "htp-dialect-csp"
AXE, ARKNIFE = "htp-layout-axe", "htp-layout-arknife"
WAITING = {AIE, AXE, ARKNIFE}
"""Packages that the workspace does not have yet; rows that name one wait for it."""


@dataclass(frozen=True)
class Combination:
    """Something that does not fit together; `packages` are the distributions that must exist to meet it."""

    number: int
    what: str
    packages: tuple[str, ...] = ()


COMBINATIONS = (
    Combination(1, "a pto intrinsic in a program for AIE", (PTO, AIE)),
    Combination(2, "an AIE-only intrinsic for PTO", (PTO, AIE)),
    Combination(3, "a CSP program without the dialect `csp`"),
    Combination(4, "a cyclic channel graph without initial tokens on AIE", (CSP, AIE)),
    Combination(5, "`select` or `try_recv` on AIE or PTO", (CSP, PTO)),
    Combination(6, "a rendezvous channel on AIE", (CSP, AIE)),
    Combination(7, "a tile larger than the on-chip memory, with the live tiles and the tile that fits", (PTO,)),
    Combination(8, "too many DMA channels or FIFOs on an AIE core", (CSP, AIE)),
    Combination(9, "f64 on a target without it"),
    Combination(10, "an Axe facet over an axis that the mesh or profile of the target lacks", (AXE,)),
    Combination(11, "a target that understands only Arknife, given Axe with no conversion", (AXE, ARKNIFE)),
    Combination(12, "a shard that its mesh axis does not divide", (AXE,)),
    Combination(13, "two operands with incompatible shards", (AXE,)),
    Combination(14, "a partial sum stored or used nonlinearly", (AXE,)),
    Combination(15, "a task window below what the runtime can hold, or abort mode there", (WSP, PTO)),
    Combination(16, "`work_steal` on AIE", (WSP, AIE)),
    Combination(17, "a dynamic axis without a bound on AIE", (WSP, AIE)),
    Combination(18, "a race between parallel iterations", (WSP,)),
    Combination(19, "a schedule that reorders across a dependence", (WSP,)),
    Combination(20, "a pinned pass that destroys a fact nobody restores"),
    Combination(21, "two plugins that claim one namespace or handler"),
    Combination(22, "a plugin built for another API generation"),
    Combination(23, "a package of contract /2 given to a binding for /1", (CPU,)),
    Combination(24, "a package that was tampered with", (CPU,)),
    Combination(25, "mixed dtypes without a cast"),
    Combination(26, "a shape mismatch in `@`"),
    Combination(27, "an Out region that is not fully written"),
    Combination(28, "a channel with two senders", (CSP,)),
    Combination(29, "send and receive counts that differ", (CSP,)),
    Combination(30, "a channel whose capacity is too small, with the capacity that works", (CSP,)),
    Combination(31, "matmul operands in the wrong memory form for the cube unit", (PTO,)),
    Combination(32, "a row that is not 32-byte aligned on Ascend, with the padded width", (PTO,)),
    Combination(33, "a kernel body in unsupported Python"),
    Combination(34, "an unknown layout facet kind, naming the package that brings it"),
    Combination(35, "device mode without a toolchain: exit 4, what is missing and what still works", (CPU,)),
)
