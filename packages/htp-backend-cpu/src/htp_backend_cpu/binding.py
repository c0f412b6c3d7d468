"""The binding of packages for the CPU: builds and loads a package and calls its entry without Python in between.

Knows the loaded library's three symbols (see `native/htp_module.hpp`); how it is built is `build`'s business.
"""

from __future__ import annotations

import ctypes
import functools
import os
import time
from typing import TYPE_CHECKING, cast

import msgspec
from msgspec import structs

from htp.arguments import check_arguments
from htp.channel_refusals import already_closed, end_shared
from htp.diagnostics import Bug, Refused
from htp.dims import const, parse
from htp.loops import out_of_range, span_of
from htp.networks import unconnected
from htp.payloads import too_large
from htp.reference import out_of_memory, window_full
from htp.runs import RunReport, Simulated, TaskGraph, TaskStatistics
from htp.streams import no_token
from htp.types import Array, Param, ScalarType, Slot, TensorType, TileType, dtype_named, numpy_dtype
from htp.values import moved
from htp_backend_cpu.abi import Native, SourceMap
from htp_backend_cpu.blame import handler_at_fault
from htp_backend_cpu.build import CompilerRefused, build, runtime_library, sources_of
from htp_backend_cpu.compilers import find_compiler
from htp_backend_cpu.module import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from htp.artifact.read import Package
    from htp.types import DType
    from htp_backend_cpu.abi import Parameter

# Failure::Code, native/htp_parallel.hpp
INDEX_OUT_OF_RANGE, ASSERTION_FAILED, OUT_OF_MEMORY, WINDOW_FULL = range(1, 5)
DEADLOCK, STREAM_CLOSED, BUFFER_MOVED, TOKEN_TOO_LARGE, UNCONNECTED, END_SHARED, NO_TOKEN = range(5, 12)
PROCESS_TASKS = "tasks that processes issue; their cycles are in the times of the processes"
MOST_THREADS = 1024  # max_workers of the runtime, and the caller


class Failure(ctypes.Structure):
    """`htp::Failure`: why a run stopped."""

    _fields_ = (
        ("code", ctypes.c_int32),
        ("place", ctypes.c_char_p),
        ("text", ctypes.c_char_p),
        ("value", ctypes.c_int64),
        ("extent", ctypes.c_int64),
    )


class Number(ctypes.Union):
    """`htp::module::Number`: a scalar argument."""

    _fields_ = (("integer", ctypes.c_int64), ("real", ctypes.c_double))


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What native code says of a run: see `native/runtime/htp_record.cpp`."""

    tasks: TaskStatistics | None = None
    graph: TaskGraph | None = None
    simulated: Simulated | None = None


class NativeProgram:
    """A loaded package; calling it runs the entry on arrays, by position or by name."""

    def __init__(self, native: Native, library: Path, target: str) -> None:
        self.native = native
        self.target = target
        self.slots: dict[str, Slot[Array]] = {each.name: Slot(_dtype(each.dtype), each.value) for each in native.slots}
        self.params = tuple(_param(each) for each in native.params)
        self._runtime = _runtime()
        self._raw = ctypes.CDLL(str(library))
        self._raw.htp_module_failure.restype = ctypes.POINTER(Failure)
        self._call = self._callable(library)

    def _callable(self, library: Path) -> Callable[..., int]:
        with_gil = ctypes.PyDLL(str(library))
        make = with_gil.htp_module_callable
        make.restype = ctypes.py_object
        make.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
        dtypes = tuple(
            None if each.dtype in FORMATS or each.direction == "scalar" else numpy_dtype(_dtype(each.dtype))
            for each in self.native.params
        )
        return cast("Callable[..., int]", make(self._runtime.htp_runtime(), (int, float, bool), dtypes))

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Runs the entry; Out and InOut arrays are written.

        Raises:
            Refused: a `run.*` code.
        """
        status = self._call(*self._in_order(args, kwargs)) if kwargs or self.slots else self._call(*args)
        if status:
            self._explain(status, args, kwargs)

    def run(self, *args: object, trace: bool = False, **kwargs: object) -> RunReport:
        """Runs the entry and reports its wall time, the tasks it ran, and simulated time where the program counts work.

        With `trace` also every task, and the graph of all. Of a network also its processes and channels.

        Raises:
            Refused: a `run.*` code, or the code of a check in the program.
        """
        if not (self.native.tasks or self.native.timed):
            found, seconds = Recorded(), self._timed(args, kwargs)
        else:
            found, seconds = self._recorded(args, kwargs, trace=trace and self.native.tasks)
        return RunReport(
            entry=self.native.entry,
            target=self.target,
            mode="device",
            wall_seconds=seconds,
            simulated=found.simulated,
            tasks=self._tasks(found),
            graph=found.graph,
        )

    def _tasks(self, found: Recorded) -> TaskStatistics | None:
        if not self.native.tasks or found.tasks is None:
            return None
        return structs.replace(found.tasks, left_out=PROCESS_TASKS if self.native.process_tasks else "")

    def _timed(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> float:
        start = time.perf_counter()
        self(*args, **kwargs)
        return time.perf_counter() - start

    def _recorded(
        self, args: tuple[object, ...], kwargs: Mapping[str, object], *, trace: bool
    ) -> tuple[Recorded, float]:
        self._runtime.htp_record_begin(int(trace or self.native.timed))
        try:
            seconds = self._timed(args, kwargs)
        except BaseException:
            self._runtime.htp_record_end(0, 0)
            raise
        text = self._runtime.htp_record_end(int(trace), int(self.native.timed))
        return msgspec.json.decode(text, type=Recorded), seconds

    def attach(self, slots: Mapping[str, Slot[Array]]) -> None:
        """Reads these slots of a live program from now on, instead of the values stored in the package."""
        self.slots.update({name: slot for name, slot in slots.items() if name in self.slots})

    def _in_order(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> tuple[object, ...]:
        names = [each.name for each in self.params[len(args) :]]
        values = [kwargs[name] for name in names if name in kwargs]
        if len(values) != len(kwargs):
            return ()  # does not fit; the words are found below
        return (*args, *values, *(_number(each) for each in self.slots.values()))

    def _explain(self, status: int, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Says what does not fit; runs what fits but is no plain buffer."""
        if status > 0:
            raise _refusal(self._raw.htp_module_failure().contents, self.native)
        arrays, sizes = check_arguments(self.params, args, kwargs)
        given = [each for each, param in zip(arrays, self.params, strict=True) if param.direction != "scalar"]
        scalars: list[tuple[DType, object]] = [
            (_type(param), each.astype("f8" if _type(param).kind == "float" else each.dtype).item())
            for each, param in zip(arrays, self.params, strict=True)
            if param.direction == "scalar"
        ]
        scalars += [(each.dtype, _number(each)) for each in self.slots.values()]
        data = (ctypes.c_void_p * max(1, len(given)))(*(each.ctypes.data for each in given))
        dims = (ctypes.c_int64 * max(1, len(sizes)))(*(sizes[name] for name in self.native.dims))
        numbers = (Number * max(1, len(scalars)))(*(_union(*each) for each in scalars))
        failure = Failure()
        table = ctypes.c_void_p(self._runtime.htp_runtime())
        self._raw.htp_module_enter(table, ctypes.byref(failure), data, dims, numbers)
        if failure.code:
            raise _refusal(failure, self.native)


def load(package: Package, mode: str) -> NativeProgram:
    """Builds the package, or finds it built, and loads it.

    Raises:
        Refused: `cpu.no-compiler`, `cpu.bad-thread-count`, `cpu.bad-handler`.
        Bug: the compiler refuses the emitted program; what it said is in `logs/build.txt` of the package.
    """
    if mode != "device":
        raise Bug(f"the CPU binding was asked for mode {mode}")
    _check_threads()
    native = package.record("contract/cpu.json", Native)
    sources = sources_of({each.path: package.read(each.path) for each in package.files})
    try:
        library = build(sources, logs=package.path / "logs")
    except CompilerRefused as refused:
        mapped = package.record("contract/source_map.json", SourceMap)
        raise handler_at_fault(refused.said, mapped, package.read(mapped.file).decode()) or refused from None
    return NativeProgram(native, library, package.manifest.target)


def probe(mode: str) -> str | None:
    """Why packages cannot be built here, or None when they can.

    Raises:
        Refused: `cpu.no-compiler`.
    """
    if mode != "device":
        return f"the CPU has no mode {mode}"
    find_compiler()
    return None


def _check_threads() -> None:
    """Refuses a wish for threads that the native runtime would overlook."""
    wanted = os.environ.get("HTP_NUM_THREADS", "")
    if wanted and not (wanted.isascii() and wanted.isdecimal() and 1 <= int(wanted) <= MOST_THREADS):
        raise Refused(
            "cpu.bad-thread-count",
            f"HTP_NUM_THREADS is {wanted!r}, which is no number of threads from 1 to {MOST_THREADS}",
            help="set it to the number of processors to use, or unset it to use every processor",
        )


@functools.cache
def _runtime() -> ctypes.CDLL:
    library = ctypes.CDLL(str(runtime_library()))
    library.htp_runtime.restype = ctypes.c_void_p
    library.htp_record_end.restype = ctypes.c_char_p
    return library


def _refusal(failure: Failure, native: Native) -> Refused:
    span = span_of(failure.place.decode()) if failure.place else None
    if failure.code == INDEX_OUT_OF_RANGE:
        return out_of_range(failure.value, failure.extent, failure.place.decode())
    if failure.code == ASSERTION_FAILED:
        row = int(failure.value)  # a check with a code of its own says which one it is, counted from 1
        code, help = (native.checks[row - 1].code, native.checks[row - 1].help) if row else ("run.assertion-failed", "")
        return Refused(code, failure.text.decode(), span=span, help=help or ())
    if failure.code == WINDOW_FULL:
        return window_full(failure.value, failure.text.decode(), failure.extent, span)
    if failure.code == DEADLOCK:
        from htp_backend_cpu.stuck import stuck

        return stuck(native.entry, failure.text)
    if failure.code == STREAM_CLOSED:
        return already_closed("close" if failure.extent else "send", failure.text.decode(), failure.value, span)
    if failure.code == BUFFER_MOVED:
        return moved(failure.value, span)
    if failure.code == TOKEN_TOO_LARGE:
        return too_large(failure.text.decode(), failure.value, failure.extent, span)
    side = "recv" if failure.value else "send"
    if failure.code == UNCONNECTED:
        return unconnected(failure.text.decode(), side, native.entry, span)
    if failure.code == END_SHARED:
        channel, first, place, second = failure.text.decode().split("\n")
        return end_shared(channel, side, (first, second), (span_of(place), span))
    if failure.code == NO_TOKEN:
        return no_token(failure.text.decode(), span)
    if failure.code == OUT_OF_MEMORY:
        return out_of_memory(f"{failure.value} bytes for one buffer")
    raise Bug(f"the program failed with the unknown code {failure.code}")


def _dtype(name: str) -> DType:
    found = dtype_named(name)
    if found is None:
        raise Refused("artifact.bad-record", f"contract/cpu.json names an unknown dtype {name!r}")
    return found


def _param(parameter: Parameter) -> Param:
    dtype = _dtype(parameter.dtype)
    dims = tuple(const(each) if isinstance(each, int) else parse(each) for each in parameter.dims)
    forms = {"Tensor": TensorType(dtype, dims), "Tile": TileType(dtype, dims), "Scalar": ScalarType(dtype)}
    return Param(parameter.name, parameter.direction, forms[parameter.form])


def _type(param: Param) -> DType:
    if param.type is None:
        raise Bug(f"parameter {param.name} has no type")
    return param.type.dtype


def _number(slot: Slot[Array]) -> int | float | bool:
    kind = slot.dtype.kind
    return bool(slot.value) if kind == "bool" else float(slot.value) if kind == "float" else int(slot.value)


def _union(dtype: DType, value: object) -> Number:
    if dtype.kind == "float":
        return Number(real=float(cast("float", value)))
    number = int(cast("int", value))
    return Number(integer=number - (1 << 64) if number >= 1 << 63 else number)
