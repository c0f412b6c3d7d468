// Sizes that kernels name. Interface facts: hw-native-sys/pto-isa@cd4a3d3, include/pto/common/constants.hpp.
#pragma once
#include <cstdint>

namespace pto {

constexpr int REPEAT_BYTE = 256;
constexpr int BLOCK_BYTE_SIZE = 32;
constexpr int CUBE_BLOCK_SIZE = 512;
constexpr int C0_SIZE_BYTE = 32;
constexpr int FRACTAL_NZ_ROW = 16;

}  // namespace pto
