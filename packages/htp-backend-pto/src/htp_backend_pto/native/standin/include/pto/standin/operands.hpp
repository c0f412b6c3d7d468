// What instructions have in common: announcing operands, comparing valid shapes, the loop over the elements.
#pragma once
#include <cstdio>

#include "globals.hpp"
#include "tiles.hpp"

namespace pto::standin {

// An operand must cover the valid shape of the result.
template <typename A> void same_valid(const char* name, const A& a, unsigned rows, unsigned cols) {
    if (a.GetValidRow() == rows && a.GetValidCol() == cols) return;
    char text[160];
    std::snprintf(text, sizeof text, "an operand's valid shape is %u x %u, the result's is %u x %u", a.GetValidRow(),
                  a.GetValidCol(), rows, cols);
    core().broken("valid-shape", name, text);
}

inline void extent_is(const char* name, const char* what, int64_t found, int64_t wanted) {
    if (found == wanted) return;
    char text[160];
    std::snprintf(text, sizeof text, "%s is %lld, but must be %lld", what, static_cast<long long>(found),
                  static_cast<long long>(wanted));
    core().broken("valid-shape", name, text);
}

template <typename D, typename... A> void announce(const char* name, pipe_t pipe, const D& d, const A&... a) {
    Instruction instruction(name, pipe);
    uint8_t operand = 1;
    (add_tile(instruction, a, Mode::Read, operand++), ...);
    add_tile(instruction, d, Mode::Write, 0);
    core().issue(instruction);
}

template <typename D, typename S, typename... A>
void announce_scratch(const char* name, pipe_t pipe, const D& d, const S& scratch, const A&... a) {
    Instruction instruction(name, pipe);
    uint8_t operand = 1;
    (add_tile(instruction, a, Mode::Read, operand++), ...);
    add_scratch(instruction, scratch, operand);
    add_tile(instruction, d, Mode::Write, 0);
    core().issue(instruction);
}

template <typename D, typename F, typename... A> void each(D& d, F f, A&... a) {
    const int64_t rows = d.GetValidRow(), cols = d.GetValidCol();
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) d.at(r, c) = typename D::DType(f(Work<typename A::DType>(a.at(r, c))...));
}

// d[r, c] = f(a[r, c]...) on the vector pipe.
template <typename D, typename F, typename... A> void elementwise(const char* name, D& d, F f, A&... a) {
    (same_valid(name, a, d.GetValidRow(), d.GetValidCol()), ...);
    announce(name, PIPE_V, d, a...);
    each(d, f, a...);
}

template <typename D, typename S, typename F, typename... A>
void elementwise_scratch(const char* name, D& d, S& scratch, F f, A&... a) {
    (same_valid(name, a, d.GetValidRow(), d.GetValidCol()), ...);
    announce_scratch(name, PIPE_V, d, scratch, a...);
    each(d, f, a...);
}

}  // namespace pto::standin
