"""The thread pool, scratch memory, failures and printing of the runtime library."""

import ctypes
import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

if "native_driver" not in sys.modules:
    spec = importlib.util.spec_from_file_location("native_driver", Path(__file__).with_name("native_driver.py"))
    sys.modules["native_driver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["native_driver"])
native = sys.modules["native_driver"]


@pytest.fixture(params=[1, 2, 5])
def pool(request):
    """A context on a pool of 1, 2 and 5 threads."""
    context = native.context()
    native.runtime().htp_set_threads(request.param)
    yield context
    native.runtime().htp_set_threads(0)


def test_every_element_once(pool):
    for n in (0, 1, 2, 3, 17, 1000, 100003):
        x = np.arange(n, dtype=np.float32)
        out = np.zeros(n, np.float32)
        native.call("twice", pool, out, x, n)
        assert np.array_equal(out, 2 * x)


def test_pairs(pool):
    for n, m in ((0, 5), (5, 0), (1, 1), (13, 7), (100, 100)):
        counts = np.zeros((n, m), np.int32)
        native.call("pairs", pool, counts, n, m)
        assert (counts == 1).all()


def test_nested_loops(pool):
    for _ in range(20):
        counts = np.zeros((40, 30), np.int32)
        native.call("nested", pool, counts, 40, 30)
        assert (counts == 1).all()


def test_many_short_jobs(pool):
    out, x = np.zeros(64, np.float32), np.arange(64, dtype=np.float32)
    for _ in range(3000):
        native.call("twice", pool, out, x, 64)
    assert np.array_equal(out, 2 * x)


def test_several_callers_at_once(pool):
    wrong = []

    def caller(seed):
        for n in range(1, 200):
            x = np.full(n, seed, np.float32)
            out = np.zeros(n, np.float32)
            native.call("twice", pool, out, x, n)
            counts = np.zeros((3, n), np.int32)
            native.call("nested", pool, counts, 3, n)
            if not ((out == 2 * seed).all() and (counts == 1).all()):
                wrong.append((seed, n))

    threads = [threading.Thread(target=caller, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_resizing_between_and_during_jobs():
    context = native.context()
    stop = threading.Event()

    def resize():
        while not stop.is_set():
            for count in (1, 4, 2, 3):
                native.runtime().htp_set_threads(count)

    thread = threading.Thread(target=resize)
    thread.start()
    try:
        for n in range(300):
            counts = np.zeros((n % 50 + 1, 20), np.int32)
            native.call("pairs", context, counts, *counts.shape)
            assert (counts == 1).all()
    finally:
        stop.set()
        thread.join()
        native.runtime().htp_set_threads(0)


def test_a_forked_child_has_its_own_pool(pool):
    counts = np.zeros((50, 50), np.int32)
    native.call("pairs", pool, counts, 50, 50)
    child = os.fork()
    if child == 0:
        counts[:] = 0
        native.call("pairs", pool, counts, 50, 50)
        os._exit(0 if (counts == 1).all() else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    counts[:] = 0
    native.call("pairs", pool, counts, 50, 50)
    assert (counts == 1).all()


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("1", 1), ("many", None), ("0", None), ("", None)])
def test_the_number_of_threads(setting, expected):
    native.runtime()
    program = (
        "import ctypes, sys\n"
        "table = ctypes.CDLL(sys.argv[1]).htp_runtime\n"
        "table.restype = ctypes.POINTER(ctypes.c_void_p)\n"
        "print(ctypes.CFUNCTYPE(ctypes.c_longlong)(table()[2])())\n"
    )
    environment = {**os.environ, "HTP_NUM_THREADS": setting}
    library = native.folder() / "runtime.so"
    done = subprocess.run(
        [sys.executable, "-c", program, library], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == (expected or len(os.sched_getaffinity(0)))


def test_a_process_exits_while_workers_wait():
    native.runtime()
    native.driver()
    program = (
        f"import importlib.util, numpy as np, ctypes\n"
        f"driver = ctypes.CDLL({str(native.folder() / 'driver.so')!r})\n"
        f"runtime = ctypes.CDLL({str(native.folder() / 'runtime.so')!r})\n"
        "runtime.htp_runtime.restype = ctypes.c_void_p\n"
        "runtime.htp_set_threads(ctypes.c_longlong(4))\n"
        "failure = (ctypes.c_longlong * 8)()\n"
        "context = (ctypes.c_void_p * 4)(runtime.htp_runtime(), ctypes.addressof(failure))\n"
        "counts = np.zeros((9, 9), np.int32)\n"
        "driver.pairs(context, ctypes.c_void_p(counts.ctypes.data), ctypes.c_longlong(9), ctypes.c_longlong(9))\n"
        "print(counts.sum())\n"
    )
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, "81\n"), done.stderr


def test_indices_wrap_and_failures_are_recorded():
    context = native.context()
    x = np.arange(10, dtype=np.float32)
    at = np.array([0, 9, -1, -10, 3] * 5, np.int64)
    out = np.zeros(25, np.float32)
    native.call("pick", context, out, x, at, 25, 10)
    assert np.array_equal(out, x[at])
    assert context.failure.contents.code == 0
    at[18] = 10
    at[20] = -11
    native.call("pick", context, out, x, at, 25, 10)
    failure = context.failure.contents
    assert (failure.code, failure.place, failure.value, failure.extent) == (1, b"user.py:12", 10, 10)
    assert native.call("pick_one", context, -1, 7, result=ctypes.c_longlong) == 6
    assert native.call("pick_one", context, 99, 7, result=ctypes.c_longlong) == -1, "a failed check stops the run"
    assert native.call("pick_one", context, 0, 0, result=ctypes.c_longlong) == -1, "nothing lies in an empty axis"
    assert context.failure.contents.value == 10, "the first failure wins"


def test_requirements():
    context = native.context()
    assert native.call("demand", context, 1, result=ctypes.c_longlong) == 1
    assert context.failure.contents.code == 0
    assert native.call("demand", context, 0, result=ctypes.c_longlong) == 0
    failure = context.failure.contents
    assert (failure.code, failure.place, failure.text) == (2, b"user.py:14", b"n > 3")


def test_printing(capfd):
    x = np.array([[1.0, 2.5], [1e-7, -0.1]], np.float32)
    native.call("say", native.context(), x, 2, 2)
    assert capfd.readouterr().out == "values 0.1 -3 True [[1.0 2.5]\n [1e-07 -0.1]] 1.5\n"
    big = np.arange(2000, dtype=np.float32)
    native.call("say", native.context(), big, 1, 2000)
    assert "[[0.0 1.0 2.0 ... 1997.0 1998.0 1999.0]]" in capfd.readouterr().out


def test_lines_of_several_threads_do_not_mix(capfd):
    native.runtime().htp_set_threads(4)
    native.call("say_from_threads", native.context(), 500)
    native.runtime().htp_set_threads(0)
    lines = capfd.readouterr().out.splitlines()
    assert sorted(lines) == sorted(f"line {i} {i}" for i in range(500))


def test_heap_memory_is_zero_and_returned():
    for n in (1, 1000, 3_000_000):
        assert native.call("heap_sum", native.context(), n, result=ctypes.c_longlong) == n * (n - 1) // 2
