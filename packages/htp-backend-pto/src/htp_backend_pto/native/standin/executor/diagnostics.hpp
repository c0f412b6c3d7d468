// What the checks found: kept in order, each finding of a kernel once with the number of times it was seen.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace htp_pto {

// The place of a finding. Fields that do not apply are empty or negative.
struct Place {
    int64_t task = -1;
    std::string kernel, core;
    int block = 0;
    std::string instruction;
    int64_t index = -1;  // how many instructions the kernel had issued
    std::string tile;
    uint64_t bytes = 0;
};

struct Diagnostic {
    std::string code, message;
    bool error = true;
    Place place;
    uint64_t times = 1;
};

class Diagnostics {
public:
    size_t limit = 100;
    uint64_t dropped = 0;
    bool errors = false;
    std::vector<Diagnostic> items;

    void report(const std::string& code, const std::string& message, const Place& place, bool error = true) {
        errors = errors || error;
        auto key = std::make_tuple(code, place.kernel, place.instruction, message);
        auto known = seen_.find(key);
        if (known != seen_.end()) {
            if (known->second < items.size()) ++items[known->second].times;
            else ++dropped;
            return;
        }
        seen_[key] = items.size() < limit ? items.size() : SIZE_MAX;
        if (items.size() < limit) items.push_back({code, message, error, place, 1});
        else ++dropped;
    }
    void clear() {
        items.clear();
        seen_.clear();
        dropped = 0;
        errors = false;
    }

private:
    std::map<std::tuple<std::string, std::string, std::string, std::string>, size_t> seen_;
};

// Thrown through a kernel (or an orchestration) that cannot go on; what was wrong has been reported.
struct Stopped {};

}  // namespace htp_pto
