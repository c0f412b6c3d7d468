// The face of a package for Python: one function that checks its arguments in place and enters native code.
// Knows the buffer protocol and integers, floats and bools; says only that something does not fit, not what: the caller
// asks again in Python for the words.
//
// No header of Python is included, so that a package builds wherever a C++ compiler is. Everything declared here is in
// the stable ABI of CPython 3.11: https://docs.python.org/3/c-api/stable.html; Py_buffer and the flags:
// https://docs.python.org/3/c-api/buffer.html, PyMethodDef: https://docs.python.org/3/c-api/structures.html
#pragma once
#include "htp_parallel.hpp"

extern "C" {
typedef struct _object PyObject;
typedef __PTRDIFF_TYPE__ Py_ssize_t;
struct Py_buffer {
    void* buf;
    PyObject* obj;
    Py_ssize_t len, itemsize;
    int readonly, ndim;
    char* format;
    Py_ssize_t *shape, *strides, *suboffsets;
    void* internal;
};
struct PyMethodDef {
    const char* ml_name;
    PyObject* (*ml_meth)(PyObject*, PyObject* const*, Py_ssize_t);
    int ml_flags;
    const char* ml_doc;
};
int PyObject_GetBuffer(PyObject*, Py_buffer*, int);
void PyBuffer_Release(Py_buffer*);
PyObject* PyObject_Type(PyObject*);
PyObject* PyObject_GetAttr(PyObject*, PyObject*);
PyObject* PyUnicode_InternFromString(const char*);
PyObject* PyTuple_GetItem(PyObject*, Py_ssize_t);
PyObject* PyLong_FromLong(long);
long long PyLong_AsLongLong(PyObject*);
unsigned long long PyLong_AsUnsignedLongLong(PyObject*);
double PyFloat_AsDouble(PyObject*);
int PyObject_IsTrue(PyObject*);
PyObject* PyErr_Occurred(void);
void PyErr_Clear(void);
void Py_IncRef(PyObject*);
void Py_DecRef(PyObject*);
PyObject* PyCFunction_NewEx(PyMethodDef*, PyObject*, PyObject*);
void* PyEval_SaveThread(void);
void PyEval_RestoreThread(void*);
}

namespace htp {
namespace module {

constexpr int buf_writable = 0x1, buf_format = 0x4, buf_c_contiguous = 0x38, meth_fastcall = 0x80;

enum class Form { array, integer, natural, real, truth };
union Number { i64 integer; f64 real; };

/// The size of an axis: a constant, the symbol number `value`, or derived from symbols.
struct Dim { enum Of { constant, symbol, derived } of; i64 value; i64 (*from)(const i64* dims); };
struct Parameter {
    const char* name;
    Form form;
    const char* format;  // letters of the buffer protocol; empty: the array's `dtype` is compared instead
    int bytes;
    bool written;
    int rank;
    const Dim* dims;
    i64 low, high;  // what an integer may be
};
using Enter = i32 (*)(const htp_runtime_table*, htp::Failure*, void* const* data, const i64* dims, const Number* numbers);

constexpr int most = 512;
constexpr long does_not_fit = -1;

struct State {
    const Parameter* parameters;
    int count, symbols;
    Enter enter;
    const htp_runtime_table* runtime;
    PyObject *types[3], *dtypes, *dtype_name;  // int, float, bool; the dtypes of arrays that have no letter
};

inline bool lettered(const Parameter& p, const Py_buffer& b) {
    const char* f = b.format;
    if (!f) return false;
    if (*f == '@' || *f == '=' || *f == '<') f++;  // every machine the prelude knows is little-endian
    if (!f[0] || f[1]) return false;
    for (const char* each = p.format; *each; each++)
        if (*each == *f) return true;
    return false;
}

inline bool has_dtype(const State& s, PyObject* array, Py_ssize_t index) {
    PyObject* found = PyObject_GetAttr(array, s.dtype_name);
    if (!found) return false;
    bool same = found == PyTuple_GetItem(s.dtypes, index);
    Py_DecRef(found);
    return same;
}

inline bool is_number(const State& s, PyObject* value, const Parameter& p, Number& number) {
    PyObject* type = PyObject_Type(value);
    Py_DecRef(type);  // the value keeps its type alive
    const bool integer = type == s.types[0], real = type == s.types[1];
    switch (p.form) {
        case Form::integer:
            number.integer = integer ? PyLong_AsLongLong(value) : 0;
            return integer && !PyErr_Occurred() && number.integer >= p.low && number.integer <= p.high;
        case Form::natural:
            number.integer = integer ? i64(PyLong_AsUnsignedLongLong(value)) : 0;
            return integer && !PyErr_Occurred();
        case Form::real:
            number.real = integer || real ? PyFloat_AsDouble(value) : 0;
            return (integer || real) && !PyErr_Occurred();
        default:
            number.integer = type == s.types[2] ? PyObject_IsTrue(value) : 0;
            return type == s.types[2];
    }
}

inline bool dims_agree(const State& s, const Py_buffer* buffers, i64* dims) {
    bool known[most] = {};
    for (int pass = 0; pass < 2; pass++) {  // symbols first: what is derived needs them
        const Py_buffer* b = buffers;
        for (int i = 0; i < s.count; i++) {
            const Parameter& p = s.parameters[i];
            if (p.form != Form::array) continue;
            for (int axis = 0; axis < p.rank; axis++) {
                const Dim& dim = p.dims[axis];
                const i64 size = b->shape[axis];
                if (pass == 0 && dim.of == Dim::symbol) {
                    if (known[dim.value] && dims[dim.value] != size) return false;
                    known[dim.value] = true;
                    dims[dim.value] = size;
                } else if (pass == 0 && dim.of == Dim::constant) {
                    if (size != dim.value) return false;
                } else if (pass == 1 && dim.of == Dim::derived) {
                    if (dim.from(dims) != size) return false;
                }
            }
            b++;
        }
        for (int i = 0; i < s.symbols; i++)
            if (!known[i]) return false;
    }
    return true;
}

inline bool disjoint(const State& s, const Py_buffer* buffers) {
    int first = 0;
    for (int i = 0; i < s.count; i++) {
        if (s.parameters[i].form != Form::array) continue;
        const char* from = (const char*)buffers[first].buf;
        int second = first + 1;
        for (int j = i + 1; j < s.count; j++) {
            if (s.parameters[j].form != Form::array) continue;
            const char* other = (const char*)buffers[second].buf;
            const bool written = s.parameters[i].written || s.parameters[j].written;
            if (written && from < other + buffers[second].len && other < from + buffers[first].len) return false;
            second++;
        }
        first++;
    }
    return true;
}

inline thread_local Failure last_failure;

/// 0, the number of the check that failed, or `does_not_fit`; leaves no Python error behind.
inline PyObject* call(const State& s, PyObject* const* args, Py_ssize_t given) {
    if (given != s.count) return PyLong_FromLong(does_not_fit);
    Py_buffer buffers[most];
    void* data[most];
    Number numbers[most];
    i64 dims[most];
    int held = 0, scalars = 0;
    bool fits = true;
    for (int i = 0; i < s.count && fits; i++) {
        const Parameter& p = s.parameters[i];
        if (p.form != Form::array) {
            fits = is_number(s, args[i], p, numbers[scalars++]);
            continue;
        }
        Py_buffer& b = buffers[held];
        const int flags = buf_c_contiguous | (p.written ? buf_writable : 0) | (*p.format ? buf_format : 0);
        if (PyObject_GetBuffer(args[i], &b, flags) != 0) {
            fits = false;
            break;
        }
        data[held++] = b.buf;
        fits = b.ndim == p.rank && b.itemsize == p.bytes && (__UINTPTR_TYPE__)b.buf % unsigned(p.bytes) == 0 &&
               (*p.format ? lettered(p, b) : has_dtype(s, args[i], i));
    }
    long result = does_not_fit;
    if (fits && dims_agree(s, buffers, dims) && disjoint(s, buffers)) {
        Failure failure{};
        void* thread = PyEval_SaveThread();
        result = s.enter(s.runtime, &failure, data, dims, numbers);
        PyEval_RestoreThread(thread);
        if (result) last_failure = failure;
    } else {
        PyErr_Clear();
    }
    while (held) PyBuffer_Release(&buffers[--held]);
    return PyLong_FromLong(result);
}

}  // namespace module
}  // namespace htp

// Three symbols: the callable for Python (given the runtime, a tuple of int, float and bool, and one of dtypes), the
// entry for addresses, and the failure behind the last result of this thread.
#define HTP_MODULE(entry, parameters, count, symbols, enter_function)                                              \
    static htp::module::State state{parameters, count, symbols, enter_function, nullptr, {}, nullptr, nullptr};    \
    static_assert((count) <= htp::module::most && (symbols) <= htp::module::most, "too many parameters");          \
    static PyObject* call(PyObject*, PyObject* const* args, Py_ssize_t given) { return htp::module::call(state, args, given); } \
    static PyMethodDef method{#entry, call, htp::module::meth_fastcall, nullptr};                                  \
    extern "C" PyObject* htp_module_callable(const htp_runtime_table* runtime, PyObject* types, PyObject* dtypes) {            \
        state.runtime = runtime;                                                                                   \
        for (int i = 0; i < 3; i++) state.types[i] = PyTuple_GetItem(types, i);                                    \
        Py_IncRef(types), Py_IncRef(dtypes);                                                                       \
        state.dtypes = dtypes;                                                                                     \
        state.dtype_name = PyUnicode_InternFromString("dtype");                                                    \
        return PyCFunction_NewEx(&method, nullptr, nullptr);                                                       \
    }                                                                                                              \
    extern "C" htp::i32 htp_module_enter(const htp_runtime_table* runtime, htp::Failure* failure, void* const* data,            \
                                         const htp::i64* dims, const htp::module::Number* numbers) {               \
        return state.enter(runtime, failure, data, dims, numbers);                                                 \
    }                                                                                                              \
    extern "C" htp::Failure* htp_module_failure(void) { return &htp::module::last_failure; }
