// The face of columns for Python: what a call checks before it enters native code.
#include "htp_module.hpp"

extern "C" htp::i32 htp_columns(const htp_runtime_table*, htp::Failure*, const htp::f32*, htp::f32*, htp::i64, htp::i64, htp::i32);

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
const Parameter parameters[] = {
    {"x", Form::array, "f", 4, false, 2, x_dims, 0, 0},
    {"y", Form::array, "f", 4, true, 2, y_dims, 0, 0},
    {"limit", Form::integer, "", 0, false, 0, nullptr, -2147483647 - 1, 2147483647},
};

htp::i32 enter(const htp_runtime_table* runtime, htp::Failure* failure, void* const* data,
               const i64* dims, const Number* numbers) {
    (void)data, (void)dims, (void)numbers;
    return htp_columns(runtime, failure, static_cast<htp::f32*>(data[0]), static_cast<htp::f32*>(data[1]), dims[0], dims[1], htp::i32(numbers[0].integer));
}
}  // namespace

HTP_MODULE(columns, parameters, 3, 2, enter)
