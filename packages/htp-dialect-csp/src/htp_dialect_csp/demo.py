"""What `htp demo csp` shows: seven networks compiled for this machine, checked, drawn, with the times of Python.

Knows the order of the show; the programs are in `demos`, and they are compiled through the public face like any others.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

import htp
from htp.tools.answers import table
from htp.views import chrome_trace, networks_of, stream_svg, timeline_svg
from htp_dialect_csp.demos import attention, cluster, feedback, gemm, multirate, pipeline, serving
from htp_dialect_csp.processes import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from htp.runs import RunReport, Simulated
    from htp.views import DeclaredNetwork
    from htp_dialect_csp.processes import NetworkDefinition

ROUNDS = 7


@dataclass(frozen=True, eq=False)
class Shown:
    """A network with its inputs, its result in float64, and the largest error it may have."""

    name: str
    size: str
    network: NetworkDefinition[..., None]
    inputs: tuple[object, ...]
    expected: npt.NDArray[np.float64]
    tolerance: float


def programs() -> list[Shown]:
    """The seven networks at the sizes in their `size`."""
    blocks, (a, b), numbers, signal, requests = (
        pipeline.inputs(), gemm.inputs(), multirate.inputs(), feedback.inputs(), serving.inputs(),
    )  # fmt: skip
    layer = cluster.inputs()
    q, k, v = (each[:1, :64] if number == 0 else each[:1] for number, each in enumerate(attention.inputs()))
    return [
        Shown(
            "load, square, store", "64 x 64 f32", pipeline.squares, blocks, pipeline.golden(*blocks),
            pipeline.TOLERANCE,
        ),
        Shown("product of streams", "128 x 256 x 128 f16", gemm.gemm, (a, b), gemm.golden(a, b), gemm.TOLERANCE),
        Shown(
            "attention", "64 queries, 512 keys, D64 f16", attention.attend, (q[0], k[0], v[0]),
            attention.golden(q, k, v)[0], attention.TOLERANCE,
        ),
        Shown(
            "linear layer", "200 x 256 x 128 f16", cluster.linear, layer, cluster.golden(*layer), cluster.TOLERANCE,
        ),
        Shown(
            "two rates", "pairs to sums of three", multirate.sums, numbers, multirate.golden(*numbers),
            multirate.TOLERANCE,
        ),
        Shown(
            "feedback", "four numbers", feedback.smooth, signal, feedback.golden(*signal), feedback.TOLERANCE,
        ),
        Shown(
            "serving", "8 requests in three tiers", serving.tiers, requests, serving.golden(*requests),
            serving.TOLERANCE,
        ),
    ]  # fmt: skip


def run(folder: Path | str = "build/demo-csp") -> str:
    """Compiles, runs, checks, times and draws every network; packages go to `folder`, progress to standard error.

    Returns:
        What was found, as lines of text.

    Raises:
        Bug: a result lies further from float64 NumPy than its tolerance, or a time differs from the one in Python.
    """
    parts = [_show(each, Path(folder) / each.name.replace(",", "").replace(" ", "-")) for each in programs()]
    return "\n".join([*parts, "All agree with NumPy in float64, and all times with those in Python."])


def _show(shown: Shown, place: Path) -> str:
    """One network from source to timed result."""
    sys.stderr.write(f"{shown.name}: compiling, building, running\n")
    sys.stderr.flush()
    package = htp.compile_program(shown.network, target="cpu", out=place)
    call = htp.bind(package)
    out = np.full(shown.expected.shape, np.nan, np.float32)
    report = cast("RunReport", call.run(*shown.inputs, out))
    times = report.simulated
    error = float(np.abs(out - shown.expected).max())
    if not error <= shown.tolerance:  # true for NaN as well
        raise htp.Bug(f"{shown.name}: the error is {error:.1e}, above {shown.tolerance:.0e}: {place}")
    meant = simulate(shown.network, *shown.inputs, np.empty_like(out))
    if times != meant:
        raise htp.Bug(f"{shown.name}: the times differ from those in Python: {place}")
    (network,) = networks_of(package)
    picture, timeline, trace = (Path(f"{place}{ending}") for ending in (".svg", ".timeline.svg", ".trace.json"))
    picture.write_text(stream_svg(network, times), encoding="utf-8")
    timeline.write_text(timeline_svg(report), encoding="utf-8")
    trace.write_bytes(chrome_trace(report))
    native = _median(lambda: call(*shown.inputs, out))
    python = _median(lambda: shown.network(*shown.inputs, out))
    return "\n".join(
        [
            f"{shown.name}, {shown.size}",
            f"  network   {_network(meant)}",
            *(f"            {line}" for line in _channels(network, meant)),
            f"  error     {error:.1e}, at most {shown.tolerance:.1e}, against NumPy in float64",
            f"  time      {1e3 * native:.2f} ms, in Python {1e3 * python:.2f} ms",
            f"  drawn     {picture}, {timeline}, {trace}",
            f"  package   {place}",
            "",
        ]
    )


def _network(times: Simulated) -> str:
    """How large the network is, how many cycles it takes, and which process is the busiest."""
    name, busiest = max(times.processes.items(), key=lambda each: each[1].busy)
    channels = len(times.channels)
    size = f"{len(times.processes)} processes, {channels} channel{'s' * (channels != 1)}"
    return f"{size}, {times.makespan} cycles, of which {name} works {busiest.busy}"


def _channels(network: DeclaredNetwork, times: Simulated) -> Iterator[str]:
    """The graph, a line for every channel: what it carried from where to where, and who waited how many cycles."""
    rows = [("from", "channel", "to", "carries", "capacity", "least", "high water", "sender waited", "receiver waited")]
    for each in network.channels:
        ran = times.channels[each.name]
        waited = (str(ran.stall_full), str(ran.stall_empty))
        ends = (each.sender, f"-> {each.name}", f"-> {each.receiver}")
        rows.append((*ends, each.payload, each.capacity, each.least or "?", str(ran.high_water), *waited))
    yield from table(rows)


def _median(call: Callable[[], object]) -> float:
    """Median seconds of a few calls, after one that is not timed."""
    call()
    times: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
