// Which instruction of one pipe is known to have finished before the next one of another pipe starts.
//
// Every pipe but the vector one finishes what it begins in order (hw-native-sys/pto-isa@cd4a3d3, docs/coding/Event.md).
// Instructions of a pipe are numbered 1, 2, ... `seen(p, q)` is the last instruction of q that has finished when p
// starts its next. A flag carries the knowledge of its source pipe to its destination; a barrier lets a pipe finish
// what it has; the scalar unit issues everything in order, so what it has waited for holds for every later instruction.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <tuple>

#include "pto/standin/enums.hpp"

namespace htp_pto {

constexpr int PIPES = 8;

inline const char* pipe_name(int pipe) {
    static const char* names[PIPES] = {"S", "V", "MTE1", "MTE2", "MTE3", "M", "ALL", "FIX"};
    return pipe >= 0 && pipe < PIPES ? names[pipe] : "?";
}

class Clocks {
public:
    using Clock = std::array<uint32_t, PIPES>;

    // Numbers the next instruction of a pipe.
    uint32_t start(int pipe) {
        if (pipe != PIPE_S) learn(pipe, seen_[PIPE_S]);
        return ++count_[pipe];
    }
    // Whether instruction `number` of `before` has finished when `after` starts its next.
    bool ordered(int before, uint32_t number, int after) const {
        if (before == after && after != PIPE_V) return true;
        return seen_[after][before] >= number || seen_[PIPE_S][before] >= number;
    }
    void set_flag(int from, int to, int event) {
        Clock clock = seen_[from];
        for (int p = 0; p < PIPES; ++p) clock[p] = std::max(clock[p], seen_[PIPE_S][p]);
        clock[from] = count_[from];
        flags_[{from, to, event}].push_back(clock);
    }
    // False when nobody has set the flag.
    bool wait_flag(int from, int to, int event) {
        auto& flag = flags_[{from, to, event}];
        if (flag.empty()) return false;
        learn(to, flag.front());
        flag.pop_front();
        return true;
    }
    void barrier(int pipe) {
        for (int p = 0; p < PIPES; ++p) {
            if (pipe != PIPE_ALL && p != pipe) continue;
            if (pipe == PIPE_ALL) seen_[p] = count_;
            else seen_[p][p] = count_[p];
        }
    }
    size_t pending(int from, int to, int event) const {
        auto flag = flags_.find({from, to, event});
        return flag == flags_.end() ? 0 : flag->second.size();
    }
    template <typename F> void each_pending(F f) const {
        for (const auto& [key, clocks] : flags_)
            if (!clocks.empty()) f(std::get<0>(key), std::get<1>(key), std::get<2>(key));
    }

private:
    void learn(int pipe, const Clock& clock) {
        for (int p = 0; p < PIPES; ++p) seen_[pipe][p] = std::max(seen_[pipe][p], clock[p]);
    }

    Clock count_{};
    std::array<Clock, PIPES> seen_{};
    std::map<std::tuple<int, int, int>, std::deque<Clock>> flags_;
};

}  // namespace htp_pto
