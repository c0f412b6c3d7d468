// Kernels may include this by itself; all of it is in one header.
#pragma once
#include "../pto-inst.hpp"
