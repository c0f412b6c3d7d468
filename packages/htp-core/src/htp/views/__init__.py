"""What a run looks like: task graphs as Mermaid and SVG, timelines as SVG and as Chrome trace, a page of a package.

Everything here is a function of records: the same report gives the same bytes, and nothing is run or measured.

    from htp import views

    report = htp.bind(package).run(*arrays, trace=True)
    print(views.mermaid(report.graph))
    Path("graph.svg").write_text(views.graph_svg(report.graph))
    Path("timeline.svg").write_text(views.timeline_svg(report))
    Path("trace.json").write_bytes(views.chrome_trace(report))
"""

from __future__ import annotations

from htp.views.flowcharts import mermaid
from htp.views.graphs import graph_svg
from htp.views.pictures import reduced_edges
from htp.views.timelines import timeline_svg
from htp.views.traces import chrome_trace

__all__ = ["chrome_trace", "graph_svg", "mermaid", "reduced_edges", "timeline_svg"]
