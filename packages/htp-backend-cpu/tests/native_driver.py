"""Builds the prelude's test driver and the runtime once per process, and calls their C functions with NumPy arrays."""

import atexit
import ctypes
import functools
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np

HERE = Path(__file__).parent
NATIVE = HERE.parent / "src" / "htp_backend_cpu" / "native"
FLAGS = (
    "-std=c++17", "-O2", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
    "-shared", "-fPIC", "-Wno-psabi",
)  # fmt: skip
DTYPES = {
    "f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16,
    "f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2, "i64": np.int64, "i32": np.int32,
    "i16": np.int16, "i8": np.int8, "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8,
    "bool_": np.bool_,
}  # fmt: skip


def compiler():
    """The command of a C++ compiler, as a list; None when there is none."""
    if chosen := os.environ.get("HTP_CXX"):
        return shlex.split(chosen)
    for name in ("g++", "clang++", "c++"):
        if path := shutil.which(name):
            return [path]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "c++"]
    return None


@functools.cache
def folder():
    path = Path(tempfile.mkdtemp(prefix="htp-native-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def build(name, *sources, flags=()):
    """A library (or with other flags a program) made of `sources`."""
    command = compiler()
    assert command, "the tests of the prelude need a C++ compiler"
    output = folder() / name
    arguments = [*command, *FLAGS, "-I", str(NATIVE), *map(str, sources), "-o", str(output), *flags, "-pthread", "-lm"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return output


@functools.cache
def driver():
    """The functions of native_driver.cpp."""
    return ctypes.CDLL(str(build("driver.so", HERE / "native_driver.cpp")))


@functools.cache
def runtime():
    """The runtime library."""
    library = ctypes.CDLL(str(build("runtime.so", *(NATIVE / "runtime").glob("*.cpp"), flags=("-Wl,-z,nodelete",))))
    library.htp_runtime.restype = ctypes.c_void_p
    library.htp_set_threads.argtypes = [ctypes.c_longlong]
    return library


class Failure(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_int), ("place", ctypes.c_char_p), ("text", ctypes.c_char_p), ("value", ctypes.c_longlong),
        ("extent", ctypes.c_longlong),
    ]  # fmt: skip


class Context(ctypes.Structure):
    _fields_ = [("runtime", ctypes.c_void_p), ("failure", ctypes.POINTER(Failure)), ("reserved", ctypes.c_void_p * 2)]


def context():
    """A Context on the runtime, with an empty failure slot at `.failure.contents`."""
    return Context(runtime().htp_runtime(), ctypes.pointer(Failure()))


def call(name, *arguments, result=None):
    """Calls a function of the driver: arrays by address, integers as i64, contexts by reference."""
    function = getattr(driver(), name)
    function.restype = result
    return function(*(_argument(each) for each in arguments))


def _argument(value):
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, Context):
        return ctypes.byref(value)
    return value if isinstance(value, ctypes._SimpleCData) else ctypes.c_longlong(value)


def elementwise(name, dtype, *inputs, out=None, scalar=False):
    """`name` of arrays of one length through the vector form, or the scalar one."""
    arrays = [np.ascontiguousarray(each, DTYPES[dtype]) for each in inputs]
    result = np.empty(arrays[0].shape, DTYPES[out or dtype])
    call(f"{name}_{dtype}{'_scalar' if scalar else ''}", result, *arrays, arrays[0].size)
    return result


def cast(source, target, values, scalar=False):
    values = np.ascontiguousarray(values, DTYPES[source])
    result = np.empty(values.shape, DTYPES[target])
    call(f"cast_{source}_{target}{'_scalar' if scalar else ''}", result, values, values.size)
    return result


def same(a, b):
    """Equal values and dtypes; NaN equals NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "iub":
        return bool(np.array_equal(a, b))
    with np.errstate(all="ignore"):
        a, b = a.astype(np.float64), b.astype(np.float64)
    return bool(np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a)[a == a], np.signbit(b)[b == b]))
