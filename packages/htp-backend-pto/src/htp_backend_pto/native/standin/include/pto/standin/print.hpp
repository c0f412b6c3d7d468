// A tile on the standard output, in one piece, so that kernels beside each other do not mix their lines.
#pragma once
#include <cstdio>
#include <string>

#include "operands.hpp"

namespace pto {

template <PrintFormat Format = PrintFormat::Width8_Precision4, typename T> RecordEvent TPRINT(T& tile) {
    using E = typename T::DType;
    static_assert(T::Loc == TileType::Vec, "TPRINT: a tile of a vector core");
    constexpr bool wide = Format == PrintFormat::Width10_Precision6;
    constexpr int width = wide ? 10 : 8, digits = wide ? 6 : Format == PrintFormat::Width8_Precision2 ? 2 : 4;
    standin::Instruction instruction("TPRINT", PIPE_S);
    standin::add_tile(instruction, tile, standin::Mode::Read, 1);
    standin::core().issue(instruction);
    std::string text = std::to_string(tile.GetValidRow()) + " x " + std::to_string(tile.GetValidCol()) + "\n";
    for (unsigned r = 0; r < tile.GetValidRow(); ++r)
        for (unsigned c = 0; c < tile.GetValidCol(); ++c) {
            char number[64];
            if constexpr (standin::is_floating<E>)
                std::snprintf(number, sizeof number, "%*.*f", width, digits, double(float(tile.at(r, c))));
            else std::snprintf(number, sizeof number, "%*lld", width, static_cast<long long>(tile.at(r, c)));
            text += number;
            text += c + 1 < tile.GetValidCol() ? " " : "\n";
        }
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    return {};
}

}  // namespace pto
