"""Calling built packages: what is accepted, what is refused and in which words, from how many threads."""

from __future__ import annotations

import array
import gc
import subprocess
import sys
import threading

import ml_dtypes
import numpy as np
import pytest

from htp import Bug, Refused
from htp.artifact import Manifest, open_package, publish_package
from htp.artifact.manifest import Contract, PlanFile
from htp.artifact.seal import canonical
from htp.bindings import RunReport, bind_package
from htp_backend_cpu.compilers import find_compiler
from htp_backend_cpu.emit import emit
from htp_backend_cpu.plugin import htp_bindings

CPU = Contract(name="cpu.package", version=1)


@pytest.fixture
def add(native_of):
    return native_of("elementwise", "add")


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def refusal(call, *args, **kwargs):
    with pytest.raises(Refused) as found:
        call(*args, **kwargs)
    return found.value.code


def test_by_position_and_by_name(add):
    x, z = ones(20), ones(20)
    assert add(x, x.copy(), z) is None
    assert (z == 2).all()
    add(x, z=z, y=np.full(20, 4, np.float32))
    assert (z == 5).all()


def test_the_input_may_be_given_twice_and_may_be_read_only(add):
    x, z = ones(20), ones(20)
    x.flags.writeable = False
    add(x, x, z)
    assert (z == 2).all()


def test_what_does_not_fit_is_refused_by_code(add):
    x, y, z = ones(8), ones(8), ones(8)
    fixed = ones(8)
    fixed.flags.writeable = False
    assert refusal(add, x, y) == "run.argument-count"
    assert refusal(add, x, y, z, z) == "run.argument-count"
    assert refusal(add, x, y, zz=z) == "run.argument-count"
    assert refusal(add, x, y.astype(np.float64), z) == "run.dtype-mismatch"
    assert refusal(add, x, y.view(np.int32), z) == "run.dtype-mismatch"
    assert refusal(add, x, y.astype(">f4"), z) == "run.dtype-mismatch"
    assert refusal(add, x, ones(9), z) == "run.dim-mismatch"
    assert refusal(add, x, ones(2, 4), z) == "run.shape-mismatch"
    assert refusal(add, x, ones(16)[::2], z) == "run.not-contiguous"
    assert refusal(add, x, y, fixed) == "run.read-only"
    assert refusal(add, x, [1.0] * 8, z) == "run.not-an-array"
    assert refusal(add, x, z, z) == "run.aliased-arguments"
    assert refusal(add, x, z[:8], z) == "run.aliased-arguments"
    assert (z == 1).all()


def test_overlapping_parts_of_one_array(add):
    memory = ones(30)
    assert refusal(add, memory[0:10], memory[10:20], memory[15:25]) == "run.aliased-arguments"
    add(memory[0:10], memory[10:20], memory[20:30])
    assert (memory[20:] == 2).all()


def test_a_dim_mismatch_names_both_places(add):
    with pytest.raises(Refused, match=r"N is 8 by axis 0 of x but 9 by axis 0 of y") as found:
        add(ones(8), ones(9), ones(8))
    assert found.value.code == "run.dim-mismatch"


def test_derived_dims(native_of):
    call, x = native_of("mixed", "derived_dims"), np.arange(5, dtype=np.float32)
    y, z = ones(3), ones(7)
    call(x, y, z)
    assert (y.tolist(), z.tolist()) == ([0, 2, 4], [0, 1, 2, 3, 4, 5, 6])
    assert refusal(call, x, ones(2), z) == "run.dim-mismatch"
    assert refusal(call, x, y, ones(6)) == "run.dim-mismatch"


def test_constant_dims(native_of):
    call = native_of("blocks", "narrow_matmul")
    arrays = [
        np.zeros(shape, dtype)
        for shape, dtype in (
            ((4, 3), ml_dtypes.bfloat16),
            ((3, 19), ml_dtypes.bfloat16),
            ((5, 19), np.float32),
            ((5, 3), np.int8),
            ((3, 19), np.int8),
            ((5, 19), np.int32),
        )
    ]
    assert refusal(call, *arrays) == "run.shape-mismatch"


def test_buffers_that_are_no_numpy_arrays(add):
    x = array.array("f", [1, 2, 3])
    z = memoryview(array.array("f", [0, 0, 0]))
    add(x, memoryview(x), z)
    assert z.tolist() == [2, 4, 6]


def test_dlpack_exporters(add):
    class Exporter:
        def __init__(self, data):
            self.data = data

        def __dlpack__(self, **kwargs):
            return self.data.__dlpack__(**kwargs)

        def __dlpack_device__(self):
            return self.data.__dlpack_device__()

    z = ones(5)
    add(Exporter(ones(5)), ones(5), z)
    assert (z == 2).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.float16, ml_dtypes.float8_e5m2])
def test_arrays_without_a_buffer_format_are_told_apart(native_of, dtype):
    call = native_of("mixed", "narrow_storage")
    x, y, k = ones(4, dtype=ml_dtypes.float8_e4m3fn), ones(4, dtype=ml_dtypes.bfloat16), ones(4, dtype=np.int16)
    call(x, y, k)
    assert (y == 3).all()
    assert refusal(call, x, np.zeros(4, dtype), k) == "run.dtype-mismatch"


@pytest.mark.parametrize("value", [0.25, np.float32(0.25), 1])
def test_scalars(native_of, value):
    x, m, c = ones(3), np.zeros(3, np.bool_), np.zeros(2, np.int64)
    native_of("elementwise", "masks")(x, m, c, value)
    assert c.tolist() == [3, 0]


@pytest.mark.parametrize("value", ["1", None, 1j])
def test_what_is_no_number_is_refused(native_of, value):
    x, m, c = ones(3), np.zeros(3, np.bool_), np.zeros(2, np.int64)
    assert refusal(native_of("elementwise", "masks"), x, m, c, value) in ("run.dtype-mismatch", "run.not-an-array")


def test_integer_scalars_must_fit(native_of):
    call, x = native_of("mixed", "pieces"), ones(2, 3)
    call(x, ones(2, 3), 2)
    assert refusal(call, x, ones(2, 3), 2**63) == "run.dtype-mismatch"
    assert refusal(call, x, ones(2, 3), 0.5) == "run.dtype-mismatch"


def test_a_run_reports_what_was_measured(add):
    x, z = ones(4), ones(4)
    report = add.run(x, x, z, trace=True)
    assert isinstance(report, RunReport)
    assert (report.entry, report.mode, report.simulated) == ("add", "device", None)
    assert report.wall_seconds > 0


def test_a_failure_does_not_stick(native_of):
    call, table, out = native_of("rows", "lookup"), ones(4, 3), ones(2, 3)
    assert refusal(call, table, np.array([0, 4]), out) == "run.index-out-of-range"
    call(table, np.array([0, 3]), out)
    assert refusal(call, table, np.array([7, 0]), out) == "run.index-out-of-range"


def test_calls_from_several_threads(native_of):
    call = native_of("rows", "softmax")
    rng = np.random.default_rng(3)
    inputs = [rng.normal(size=(40, 50)).astype(np.float32) for _ in range(4)]
    outputs = [np.full_like(each, np.nan) for each in inputs]
    threads = [
        threading.Thread(target=lambda x, y: [call(x, y) for _ in range(20)], args=pair)
        for pair in zip(inputs, outputs, strict=True)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for x, y in zip(inputs, outputs, strict=True):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        np.testing.assert_allclose(y, e / e.sum(axis=1, keepdims=True), rtol=1e-5)


def test_arguments_are_released(add):
    x, z = ones(4), ones(4)
    before = sys.getrefcount(x)
    for _ in range(10):
        add(x, x, z)
        refusal(add, x, x, x)
        refusal(add, x, ones(5), z)
    gc.collect()  # refusals hold the frames they passed through
    assert sys.getrefcount(x) == before
    x.resize(9, refcheck=False)  # refused by NumPy while a buffer of the array is held


@pytest.fixture
def files(program_of):
    emitted = emit(program_of("elementwise", "add"))
    return {**dict(emitted.files + emitted.contract_files), "plan.json": canonical(PlanFile(target="cpu"))}


@pytest.fixture
def package(files, tmp_path):
    """A sealed package of one entry, without stages."""
    return publish_package(tmp_path / "add", files, Manifest(entry="add", target="cpu", contract=CPU))


class OnlyCpu:
    """A session that knows no binding but this package's."""

    plugins = ()

    def __init__(self):
        self.bindings = {each.name: each for each in htp_bindings()}


def test_a_package_is_bound_from_its_folder(package):
    call = bind_package(OnlyCpu(), package.path)
    x, z = ones(40), ones(40)
    call(x, x, z)
    assert (z == 2).all()


def test_binding_changes_nothing_in_the_package(package):
    before = sorted((each.name, each.stat().st_mtime_ns) for each in package.path.rglob("*"))
    bind_package(OnlyCpu(), package, "device")
    assert sorted((each.name, each.stat().st_mtime_ns) for each in package.path.rglob("*")) == before


@pytest.mark.parametrize("wanted", ["many", "0", "-2", "2.5", "4 ", "\u0662"])
def test_a_number_of_threads_that_is_none_is_refused(package, monkeypatch, wanted):
    monkeypatch.setenv("HTP_NUM_THREADS", wanted)
    with pytest.raises(Refused) as caught:
        bind_package(OnlyCpu(), package)
    assert caught.value.code == "cpu.bad-thread-count"
    assert repr(wanted) in caught.value.diagnostic.message


@pytest.mark.parametrize("wanted", ["", "1", "16"])
def test_a_number_of_threads_or_none_is_taken(package, monkeypatch, wanted):
    monkeypatch.setenv("HTP_NUM_THREADS", wanted)
    assert bind_package(OnlyCpu(), package).native.entry == "add"


def test_a_mode_that_the_cpu_does_not_have(package):
    with pytest.raises(Refused, match="mode `sim`") as found:
        bind_package(OnlyCpu(), package, "sim")
    assert found.value.code == "bind.mode-unavailable"
    assert found.value.diagnostic.help == ('bind with mode="device"',)


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        (None, "bind.no-contract"),
        (Contract(name="cpu.package", version=2), "bind.contract-version"),
        (Contract(name="toaster.package", version=1), "bind.no-binding"),
    ],
)
def test_packages_of_other_contracts(tmp_path, contract, code):
    other = publish_package(tmp_path / "other", {"a.txt": b"a"}, Manifest(entry="f", target="x", contract=contract))
    assert refusal(bind_package, OnlyCpu(), other) == code


def test_sources_that_do_not_compile_leave_a_log(files, tmp_path):
    files["codegen/cpu/add.cpp"] += b"#error on purpose\n"
    package = publish_package(tmp_path / "add", files, Manifest(entry="add", target="cpu", contract=CPU))
    with pytest.raises(Bug, match="on purpose"):
        bind_package(OnlyCpu(), package)
    assert "on purpose" in (package.path / "logs" / "build.txt").read_text()
    open_package(package.path)  # logs are outside the seal


def test_the_header_compiles_as_c(package, tmp_path):
    compiler = find_compiler().command[0]
    header = package.path / "contract" / "add.h"
    done = subprocess.run([compiler, "-x", "c", "-fsyntax-only", "-Wall", "-Werror", str(header)], check=False)
    assert done.returncode == 0
