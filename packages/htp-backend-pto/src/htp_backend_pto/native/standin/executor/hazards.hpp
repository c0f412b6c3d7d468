// Pairs of tasks that touch the same bytes of global memory, one of them writing, with no path of edges between them.
#pragma once
#include "graph.hpp"

namespace htp_pto {

// Reports every such pair once: RAW, WAR or WAW in the order of submission. Two additions to the same bytes commute.
void report_hazards(const Graph& graph, const Memory& memory, Diagnostics& diagnostics,
                    const std::function<std::string(const Task&)>& name);

}  // namespace htp_pto
