"""The graph of a program's tasks before it is run: the calls of kernels, and what orders their tasks.

Knows call sites and the rule of each array.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_backend_pto.contract import CallSite, Graph, SiteArray
from htp_backend_pto.emission.lines import place_of
from htp_backend_pto.emission.orchestration_names import Names
from htp_backend_pto.emission.sites import sites_of
from htp_backend_pto.emission.tracking import decide

if TYPE_CHECKING:
    from htp.program import Program
    from htp_backend_pto.contract import Tag
    from htp_backend_pto.emission.sites import Argument, Site
    from htp_backend_pto.emission.tracking import Decisions
    from htp_backend_pto.profile import Profile

__all__ = ["graph_of", "tag_of"]


def graph_of(program: Program, profile: Profile) -> Graph:
    """The calls of the program's entry, and its tasks where all sizes are known."""
    sites = sites_of(program, program.main)
    names = Names(program, program.main, sites, profile)
    decisions = decide(sites, names.facts())
    calls = tuple(_call(number, each, decisions) for number, each in enumerate(sites.calls))
    return Graph(entry=program.entry, exact=False, calls=calls, note="sizes are known when it runs")


def _call(number: int, site: Site, decisions: Decisions) -> CallSite:
    arrays = tuple(
        SiteArray(
            parameter=each.param.name,
            array=each.region.array,
            part=ast.unparse(each.node),
            tag=tag_of(each, site, decisions),
            order="package" if each.region.array in decisions.followed else "runtime",
        )
        for each in site.arrays
    )
    text = ast.unparse(site.call)
    return CallSite(number=number, kernel=site.kernel.name, place=place_of(site.statement), text=text, arrays=arrays)


def tag_of(argument: Argument, site: Site, decisions: Decisions) -> Tag:
    """How the task names an argument to the runtime."""
    array, direction = argument.region.array, argument.param.direction
    if decisions.makers.get(array) is site:
        return "OUTPUT"
    if direction == "in":
        return "INPUT"
    opens = decisions.opens(site, array) or (array not in decisions.followed and array in site.independent)
    return "OUTPUT_EXISTING" if direction == "out" and opens else "INOUT"
