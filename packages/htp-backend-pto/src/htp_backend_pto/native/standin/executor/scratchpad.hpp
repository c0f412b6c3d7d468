// One on-chip memory space of a core: its bytes, which of them are written, and who touched each 32-byte block last.
#pragma once
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "clocks.hpp"
#include "memory.hpp"

namespace htp_pto {

struct SpaceLimit {
    const char* name;
    uint64_t bytes;
};

// Sizes of A2/A3. UB has 192 KiB of which the last 8 are used by some instructions, so 184 KiB are safe.
// hw-native-sys/pto-isa@cd4a3d3, include/pto/common/{buffer_limits.hpp,constants.hpp}.
constexpr SpaceLimit space_limits[] = {
    {"gm", 0},          {"ub", 184 * 1024},  {"l1", 512 * 1024}, {"l0a", 64 * 1024},
    {"l0b", 64 * 1024}, {"l0c", 128 * 1024}, {"bias", 1024},     {"fbuf", 2 * 1024},
};

constexpr uint64_t BLOCK = 32;

struct Toucher {
    uint32_t clock = 0;
    uint32_t index = 0;  // of the instruction in the kernel
};

struct BlockState {
    uint8_t write_pipe = 0;
    Toucher write;
    Toucher read[PIPES];
};

class Scratchpad {
public:
    Scratchpad() = default;
    Scratchpad(const Scratchpad&) = delete;
    Scratchpad& operator=(const Scratchpad&) = delete;
    ~Scratchpad() { std::free(data_); }

    // Room beyond the limit, so that a tile that is too far out can still be computed with.
    static constexpr uint64_t room(Space space) { return 4 * space_limits[int(space)].bytes; }

    void open(Space space) {
        space_ = space;
        if (data_ == nullptr) data_ = static_cast<uint8_t*>(std::calloc(1, room(space)));
    }
    uint8_t* data() const { return data_; }
    // Nothing is written; what a kernel before this one left is gone.
    void reset() {
        uint64_t used = std::min<uint64_t>(high_water, room(space_));
        std::memset(data_, 0xff, used);
        written_.assign(written_.size(), 0);
        blocks_.assign(blocks_.size(), BlockState{});
        high_water = 0;
    }
    // Makes the books reach up to `end`.
    void reach(uint64_t end) {
        high_water = std::max(high_water, end);
        if (end > written_.size()) {
            uint64_t size = (end + 4095) / 4096 * 4096;
            std::memset(data_ + written_.size(), 0xff, std::min(size, room(space_)) - written_.size());
            written_.resize(size, 0);
            blocks_.resize(size / BLOCK);
        }
    }
    bool written(uint64_t begin, uint64_t end) const {
        return std::memchr(&written_[begin], 0, end - begin) == nullptr;
    }
    void mark(uint64_t begin, uint64_t end, bool written) { std::memset(&written_[begin], written, end - begin); }
    BlockState& block(uint64_t index) { return blocks_[index]; }

    uint64_t high_water = 0;

private:
    Space space_ = Space::Ub;
    uint8_t* data_ = nullptr;
    std::vector<uint8_t> written_;
    std::vector<BlockState> blocks_;
};

inline std::string tile_text(const Access& access) {
    Range range = hull(access);
    return std::string(space_limits[int(access.space)].name) + "[" + std::to_string(range.begin) + ":" +
           std::to_string(range.end) + "]";
}

}  // namespace htp_pto
