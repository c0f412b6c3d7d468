// The whole prelude of emitted programs.
#pragma once
#include "htp_math.hpp"
#include "htp_mma.hpp"
#include "htp_parallel.hpp"
#include "htp_rows.hpp"
