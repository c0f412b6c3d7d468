"""Native programs beside whole-array NumPy in one process: medians of interleaved calls, spread, and error.

    python benchmarks/numpy_table.py                  # the table
    python benchmarks/numpy_table.py --rounds 41      # more rounds
    python benchmarks/numpy_table.py --only gemm

NumPy is measured twice: with the kernels that its OpenBLAS detects for the CPU, and with the AVX2 kernels that
OPENBLAS_CORETYPE=Haswell selects, which are also what OpenBLAS falls back to on CPUs it does not know. On an AMD EPYC
of family 26 (Zen 5, AVX-512) with OpenBLAS 0.3.31 of NumPy 2.4.6 a product of 1024 x 1024 f32 matrices takes 4.9 ms
with the first and 8.7 ms with the second (medians, 2 threads). The variable is read when NumPy is loaded, so each
setting has a process of its own. Where the CPU has no AVX-512 the second column is left out.

A pause before every call lets the threads of the other library fall asleep: OpenBLAS's keep a processor busy for some
time after a call, which on two processors halves what the next library can use.

Knows how to measure; the programs are those of `examples/`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import htp
from htp import In, Out, Tensor, f32, kernel, tile
from htp_backend_cpu.demos.workloads import Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = ("detected", "Haswell")
PAUSE = 0.1  # seconds; the threads of OpenBLAS sleep by then


@kernel
def product(
    a: In[Tensor[f32, "M", "K"]],
    b: In[Tensor[f32, "K", "N"]],
    c: Out[Tensor[f32, "M", "N"]],
) -> None:
    """`c = a @ b`, one 64 x 256 tile of `c` after the other."""
    for i in range(0, a.shape[0], 64):
        for j in range(0, b.shape[1], 256):
            a_rows = a[i:i + 64, :]
            b_columns = b[:, j:j + 256]
            acc = tile.zeros((a_rows.shape[0], b_columns.shape[1]), f32)
            for k in range(0, a.shape[1], 256):
                acc += a_rows[:, k:k + 256] @ b_columns[k:k + 256, :]
            c[i:i + 64, j:j + 256] = acc


@dataclass(frozen=True)
class Row:
    """One workload under one setting: seconds at 25, 50 and 75 % of the rounds, errors relative to float64."""

    name: str
    native: tuple[float, float, float]
    numpy: tuple[float, float, float]
    native_error: float
    numpy_error: float

    @property
    def ratio(self) -> float:
        """How many times as fast as NumPy, from the medians."""
        return self.numpy[1] / self.native[1]


def all_workloads() -> list[Workload]:
    """The demo's programs and the plain matrix product."""
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((1024, 1024)).astype(np.float32) for _ in range(2))
    plain = Workload("gemm", "1024 x 1024 x 1024", product, lambda a, b: a @ b, (a, b), (1024, 1024))
    return [plain, *workloads()]


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call, after a pause and a call that wakes threads and caches."""
    time.sleep(PAUSE)
    call()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(workload: Workload, rounds: int, folder: Path) -> Row:
    """Compiles, checks against float64, and alternates native and NumPy calls; the order flips every round."""
    run = htp.bind(htp.compile_program(workload.entry, target="cpu", out=folder / workload.name.replace(" ", "-")))
    out = np.full(workload.out_shape, np.nan, np.float32)
    arguments = workload.arguments(out)

    def native() -> None:
        run(*arguments)

    def numpy() -> object:
        return workload.reference(*workload.inputs)

    expected = workload.expected()
    native()
    native_error = workload.error(out, expected)
    numpy_error = workload.error(np.asarray(numpy()), expected)
    del expected
    times: dict[str, list[float]] = {"native": [], "numpy": []}
    for each in range(rounds + 2):
        pair = [("native", native), ("numpy", numpy)]
        for name, call in pair if each % 2 else reversed(pair):
            taken = seconds(call)
            if each >= 2:  # two rounds warm caches, pages and thread pools
                times[name].append(taken)
    return Row(workload.name, quartiles(times["native"]), quartiles(times["numpy"]), native_error, numpy_error)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """25 %, 50 % and 75 % of `values`."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return float(low), float(middle), float(high)


def in_process(setting: str, rounds: int, only: str) -> list[Row] | None:
    """All rows under one OpenBLAS setting, measured by a fresh interpreter; None when it failed."""
    environment = {**os.environ}
    environment.pop("OPENBLAS_CORETYPE", None)
    if setting != "detected":
        environment["OPENBLAS_CORETYPE"] = setting
    command = [sys.executable, __file__, "--child", "--rounds", str(rounds), "--only", only]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return None
    return [
        Row(**{key: tuple(value) if isinstance(value, list) else value for key, value in each.items()})
        for each in json.loads(done.stdout)
    ]


def has_avx512() -> bool:
    """Whether the kernels of the second setting can run here (Linux says so in /proc/cpuinfo)."""
    try:
        return "avx512f" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def table(rows: dict[str, list[Row]]) -> list[str]:
    """The rows of every setting side by side, in milliseconds."""
    heads = "".join(f"{'numpy ' + setting:>26}{'ratio':>8}" for setting in rows)
    lines = [f"{'program':<18}{'htp, ms (25-75 %)':>26}{heads}{'error: htp':>13}{'numpy':>10}"]
    first = next(iter(rows.values()))
    for index, row in enumerate(first):
        columns = "".join(f"{spread(each[index].numpy):>26}{each[index].ratio:>7.2f}x" for each in rows.values())
        errors = f"{row.native_error:>13.1e}{row.numpy_error:>10.1e}"
        lines.append(f"{row.name:<18}{spread(row.native):>26}{columns}{errors}")
    return lines


def spread(times: tuple[float, float, float]) -> str:
    """A median with its interquartile range, in milliseconds."""
    low, middle, high = (1e3 * each for each in times)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def main() -> int:
    """Prints the table; with `--child`, prints the rows of this process as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21, help="timed rounds for each program")
    parser.add_argument("--only", default="", help="only programs whose name contains this")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        with tempfile.TemporaryDirectory() as folder:
            chosen = [each for each in all_workloads() if options.only in each.name]
            rows = []
            for each in chosen:
                print(f"measuring {each.name} ...", file=sys.stderr)
                rows.append(asdict(measure(each, options.rounds, Path(folder))))
            print(json.dumps(rows))
        return 0
    print(f"{os.cpu_count()} CPUs, NumPy {np.__version__}, {options.rounds} rounds, errors relative to float64")
    settings = SETTINGS if has_avx512() else SETTINGS[:1]
    rows = {each: measured for each in settings if (measured := in_process(each, options.rounds, options.only))}
    if set(rows) != set(settings):
        print("some measurements failed; see above", file=sys.stderr)
        return 1
    print("\n".join(table(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
