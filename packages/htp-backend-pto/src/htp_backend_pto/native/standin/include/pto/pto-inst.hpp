// Host stand-in of the tile instructions: kernels written for pto-isa compile against this header with any C++17
// compiler, run on the host, and are checked while they run. Written from the interface; no upstream text.
#pragma once
#include "standin/compare.hpp"
#include "standin/convert.hpp"
#include "standin/cube.hpp"
#include "standin/elementwise.hpp"
#include "standin/fifo.hpp"
#include "standin/indexed.hpp"
#include "standin/matrices.hpp"
#include "standin/moves.hpp"
#include "standin/patches.hpp"
#include "standin/print.hpp"
#include "standin/quant.hpp"
#include "standin/random.hpp"
#include "standin/reductions.hpp"
#include "standin/scaled.hpp"
#include "standin/sort.hpp"
#include "standin/sync.hpp"
