// The face of tiles for Python: what a call checks before it enters native code.
#include "htp_module.hpp"

extern "C" htp::i32 htp_tiles(const htp_runtime_table*, htp::Failure*, const htp::f32*, htp::f32*, htp::f32*, htp::i64, htp::i64);

namespace {
using namespace htp::module;
using htp::i64;

const Dim x_dims[] = {
    {Dim::symbol, 0, nullptr},
    {Dim::symbol, 1, nullptr},
};
const Dim y_dims[] = {
    {Dim::symbol, 0, nullptr},
    {Dim::symbol, 1, nullptr},
};
const Dim z_dims[] = {
    {Dim::symbol, 0, nullptr},
    {Dim::symbol, 1, nullptr},
};
const Parameter parameters[] = {
    {"x", Form::array, "f", 4, false, 2, x_dims, 0, 0},
    {"y", Form::array, "f", 4, true, 2, y_dims, 0, 0},
    {"z", Form::array, "f", 4, true, 2, z_dims, 0, 0},
};

htp::i32 enter(const htp_runtime_table* runtime, htp::Failure* failure, void* const* data,
               const i64* dims, const Number* numbers) {
    (void)data, (void)dims, (void)numbers;
    return htp_tiles(runtime, failure, static_cast<htp::f32*>(data[0]), static_cast<htp::f32*>(data[1]), static_cast<htp::f32*>(data[2]), dims[0], dims[1]);
}
}  // namespace

HTP_MODULE(tiles, parameters, 3, 2, enter)
