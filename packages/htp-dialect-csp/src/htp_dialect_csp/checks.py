"""All static checks of the networks of a program, in the order in which their findings explain each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_dialect_csp.counts import check_counts
from htp_dialect_csp.endpoints import check_channels, check_closes, check_ends, check_payloads, check_uses
from htp_dialect_csp.progress import check_progress, sample_sizes
from htp_dialect_csp.rates import check_rates
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.shared_arrays import check_arrays
from htp_dialect_csp.window import check_windows
from htp_dialect_csp.words import check_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.diagnostics import Diagnostic
    from htp.program import Program

__all__ = ["check"]


def check(program: Program, sizes: Mapping[str, int] | None = None) -> tuple[Diagnostic, ...]:
    """Notes and warnings on what is not known before networks run; with `sizes` they are looked at at these.

    Raises:
        Refused: `csp.no-network`, `csp.bad-channel`, `csp.endpoint-shared`, `csp.unconnected`, `csp.payload`,
            `csp.shared-array`, `csp.not-an-end`, `csp.replicate`, `csp.wrong-end`, `csp.send-after-close`,
            `csp.double-close`, `csp.no-close`, `csp.branch`, `csp.count`, `csp.rate`, `csp.deadlock`, `csp.window`,
            `type.bad-arguments`.
    """
    check_words(program)
    notes: list[Diagnostic] = []
    for network in program.functions:
        if network.kind == "network" and not any(param.is_end for param in network.params):
            graph = graph_of(program, network)
            check_channels(graph)
            check_ends(graph)
            check_payloads(graph)
            check_arrays(graph)
            check_uses(graph)
            check_closes(graph)
            uncounted = check_counts(graph)
            check_rates(graph)
            unknown = check_progress(graph, (sizes,) if sizes is not None else sample_sizes(graph))
            notes += (uncounted or unknown) if unknown else ()
            notes += check_windows(program, graph)
    return tuple(notes)
