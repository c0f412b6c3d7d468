// Random numbers: Philox-4x32, four words for each count of 128 bits under a key of 64.
#pragma once
#include <array>

#include "operands.hpp"

namespace pto {

using TRandomKey = uint32_t[2];
using TRandomCounter = uint32_t[4];

namespace standin {

using Words = std::array<uint32_t, 4>;

inline Words counted_on(Words count, uint64_t by) {
    for (uint32_t& word : count) {
        by += word;
        word = static_cast<uint32_t>(by);
        by >>= 32;
    }
    return count;
}

inline Words philox(Words x, uint32_t one, uint32_t two, int rounds) {
    for (; rounds > 0; --rounds, one += 0x9E3779B9u, two += 0xBB67AE85u) {
        const uint64_t left = uint64_t(0xD2511F53u) * x[0], right = uint64_t(0xCD9E8D57u) * x[2];
        x = {uint32_t(right >> 32) ^ x[1] ^ one, uint32_t(right), uint32_t(left >> 32) ^ x[3] ^ two, uint32_t(left)};
    }
    return x;
}

}  // namespace standin

// Every 256 columns are the four words of 64 counts, first words first; behind them the count goes on by a quarter of
// the tile's columns, padding included.
template <uint16_t Rounds = 10, typename D> RecordEvent TRANDOM(D& d, TRandomKey& key, TRandomCounter& counter) {
    static_assert(sizeof(typename D::DType) == 4 && std::is_integral_v<typename D::DType>, "TRANDOM: i32 or u32");
    static_assert(Rounds == 7 || Rounds == 10, "TRANDOM: 7 or 10 rounds");
    static_assert(D::isRowMajor, "TRANDOM: rows");
    standin::announce("TRANDOM", PIPE_V, d);
    standin::Words count{counter[0], counter[1], counter[2], counter[3]};
    for (int64_t r = 0; r < d.GetValidRow(); ++r)
        for (int64_t start = 0; start < d.GetValidCol(); start += 256, count = standin::counted_on(count, D::Cols / 4))
            for (int64_t lane = 0; lane < 64; ++lane) {
                const auto words = standin::philox(standin::counted_on(count, lane), key[0], key[1], Rounds);
                for (int64_t k = 0, c = start + lane; k < 4 && c < d.GetValidCol(); ++k, c += 64)
                    d.at(r, c) = static_cast<typename D::DType>(words[k]);
            }
    return {};
}

}  // namespace pto
