"""Tasks so long that threads without work fall asleep: nobody may be left asleep while there is something to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ROUNDS = 1_500_000  # more than a millisecond; a thread looks for work for about 20 microseconds before it sleeps
REPEATS = 3 if os.environ.get("HTP_TEST_LONG") else 1


def chain(length):
    """Every task needs the one before, on other elements, so that it is another lane's turn."""
    return [[t, t + 1] for t in range(length)]


def fans(count, width):
    """One task, many that need it, one that needs all of these, and again."""
    rows = []
    for _ in range(count):
        rows += [[0, each] for each in range(1, width + 1)]
        rows += [[each, 0] for each in range(1, width + 1)]
    return rows


PROGRAMS = {"chain": chain(90), "fans": fans(5, 6), "ladder": [[t % 2, (t + 1) % 2] for t in range(60)]}


def expected(rows, count):
    """The elements afterwards: n rounds make 3**n * v + (3**n - 1) / 2 of v, modulo 2**64."""
    y = list(range(count))
    power = pow(3, ROUNDS, 2**65)
    for u, v in rows:
        y[v] = (power * (y[u] + y[v]) + (power - 1) // 2) % 2**64
    return np.array(y, np.uint64).view(np.int64)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nobody_is_left_asleep(native_of, tmp_path, name):
    native_of("slow", "steps")  # built here, so that the other process only runs
    rows = np.array(PROGRAMS[name], np.int64)
    count = int(rows.max()) + 1
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "expected.npy", expected(PROGRAMS[name], count))
    program = (
        "import ctypes, sys, numpy as np\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "import conftest\n"
        "from htp_backend_cpu.build import runtime_library\n"
        "call, rows, expected = conftest._native('slow', 'steps'), np.load('rows.npy'), np.load('expected.npy')\n"
        "settings = (2, 2, True, 0), (2, 2, False, 0), (4, 3, True, 5), (4, 4, False, 0)\n"
        "for threads, workers, steal, window in settings:\n"
        "    ctypes.CDLL(str(runtime_library())).htp_set_threads(ctypes.c_longlong(threads))\n"
        f"    for _ in range({REPEATS}):\n"
        f"        y = np.arange({count})\n"
        f"        call(rows, y, {ROUNDS}, workers, steal, window)\n"
        "        np.testing.assert_array_equal(y, expected)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120 * REPEATS)
    assert done.returncode == 0, done.stderr
