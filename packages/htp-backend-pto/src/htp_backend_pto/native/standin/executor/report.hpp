// The report of a run as JSON.
#pragma once
#include "run.hpp"

namespace htp_pto {

std::string report_text(const Run& run, const Options& options, const std::map<int32_t, Kernel>& kernels,
                        const Diagnostics& diagnostics);

}  // namespace htp_pto
