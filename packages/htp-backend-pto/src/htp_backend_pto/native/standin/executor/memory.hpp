// Global memory as the run knows it: the buffers, what of them has been written, and exact byte ranges of accesses.
#pragma once
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pto/standin/core.hpp"

namespace htp_pto {

using pto::standin::Access;
using pto::standin::Mode;
using pto::standin::Space;

struct Range {
    uint64_t begin, end;
};

// Calls f(begin, end) for every run of bytes of an access.
template <typename F> void each_run(const Access& access, F f) {
    for (uint64_t i = 0; i < access.outer; ++i)
        for (uint64_t j = 0; j < access.inner; ++j) {
            uint64_t begin = access.start + i * access.outer_stride + j * access.inner_stride;
            f(begin, begin + access.bytes);
        }
}

inline Range hull(const Access& access) {
    uint64_t last = access.start + (access.outer ? (access.outer - 1) * access.outer_stride : 0) +
                    (access.inner ? (access.inner - 1) * access.inner_stride : 0);
    return {access.start, last + access.bytes};
}

inline uint64_t bytes_of(const Access& access) { return access.outer * access.inner * access.bytes; }

// Sorts ranges and joins those that touch.
inline void join(std::vector<Range>& ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
    size_t kept = 0;
    for (const Range& range : ranges) {
        if (kept > 0 && range.begin <= ranges[kept - 1].end)
            ranges[kept - 1].end = std::max(ranges[kept - 1].end, range.end);
        else ranges[kept++] = range;
    }
    ranges.resize(kept);
}

inline std::vector<Range> ranges_of(const Access& access) {
    std::vector<Range> ranges;
    each_run(access, [&](uint64_t begin, uint64_t end) { ranges.push_back({begin, end}); });
    join(ranges);
    return ranges;
}

// The first byte that two sorted lists of ranges share, or `none`.
constexpr uint64_t none = UINT64_MAX;
inline uint64_t first_common(const std::vector<Range>& a, const std::vector<Range>& b) {
    for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
        if (a[i].end <= b[j].begin) ++i;
        else if (b[j].end <= a[i].begin) ++j;
        else return std::max(a[i].begin, b[j].begin);
    }
    return none;
}

inline bool touch(const Access& a, const Access& b) {
    Range x = hull(a), y = hull(b);
    if (x.end <= y.begin || y.end <= x.begin) return false;
    return first_common(ranges_of(a), ranges_of(b)) != none;
}

// One allocation: a host array, or a tensor that a task allocated.
struct Buffer {
    int id;
    uint64_t begin, end;
    bool staged;                     // the host can read it
    std::unique_ptr<uint8_t[]> own;  // memory of the run
    std::vector<uint8_t> written;    // one for every byte

    std::string name(uint64_t address) const {
        return "buffer " + std::to_string(id) + " byte " + std::to_string(address - begin);
    }
};

class Memory {
public:
    std::vector<std::unique_ptr<Buffer>> buffers;

    Buffer& add(void* data, uint64_t bytes, bool written, bool staged) {
        uint64_t begin = reinterpret_cast<uint64_t>(data);
        buffers.push_back(std::make_unique<Buffer>(
            Buffer{int(buffers.size()), begin, begin + bytes, staged, nullptr, std::vector<uint8_t>(bytes, written)}));
        by_end_.emplace(begin + bytes, buffers.back().get());
        return *buffers.back();
    }
    // Fresh memory holds NaN (or -1), so a read of it shows in results too.
    Buffer& allocate(uint64_t bytes) {
        auto own = std::make_unique<uint8_t[]>(bytes + 1024);
        std::memset(own.get(), 0xff, bytes + 1024);
        uint64_t at = (reinterpret_cast<uint64_t>(own.get()) + 1023) / 1024 * 1024;
        Buffer& buffer = add(reinterpret_cast<void*>(at), bytes, false, false);
        buffer.own = std::move(own);
        return buffer;
    }
    Buffer* find(uint64_t address) const {
        const auto next = by_end_.upper_bound(address);
        return next != by_end_.end() && next->second->begin <= address ? next->second : nullptr;
    }
    std::string name(uint64_t address) const {
        Buffer* buffer = find(address);
        return buffer ? buffer->name(address) : "no buffer";
    }
    void clear() {
        buffers.clear();
        by_end_.clear();
    }

private:
    std::multimap<uint64_t, Buffer*> by_end_;  // the first of those that share their bytes comes first
};

}  // namespace htp_pto
