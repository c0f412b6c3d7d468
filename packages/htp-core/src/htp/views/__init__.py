"""What a run looks like: graphs of tasks and of networks, timelines, a page of a package.

Everything here is a function of records: the same report gives the same bytes, and nothing is run or measured.

    from htp import views

    report = htp.bind(package).run(*arrays, trace=True)
    print(views.mermaid(report.graph))
    Path("graph.svg").write_text(views.graph_svg(report.graph))
    Path("timeline.svg").write_text(views.timeline_svg(report))
    Path("trace.json").write_bytes(views.chrome_trace(report))

A network is drawn as it is declared, as it ran, or both, and from the report of a deadlock with what is blocked:

    (network,) = views.networks_of(package)
    Path("network.svg").write_text(views.stream_svg(network, report.simulated))
    print(views.stream_mermaid(network))
"""

from __future__ import annotations

from htp.views.declared import DeclaredNetwork, networks_of
from htp.views.flowcharts import mermaid, stream_mermaid
from htp.views.graphs import graph_svg
from htp.views.pictures import reduced_edges
from htp.views.stream_graphs import stream_svg
from htp.views.timelines import timeline_svg
from htp.views.traces import chrome_trace

__all__ = [
    "DeclaredNetwork", "chrome_trace", "graph_svg", "mermaid", "networks_of", "reduced_edges", "stream_mermaid",
    "stream_svg", "timeline_svg",
]  # fmt: skip
