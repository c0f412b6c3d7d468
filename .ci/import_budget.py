"""Checks that `import htp` loads no NumPy and costs at most 60 ms above starting Python.

Both are medians of fresh interpreters that take turns, so that a slow spell of the machine hits both alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BUDGET_MS = 60.0
RUNS = 15
HEAVY = ("numpy", "ml_dtypes", "packaging")


def milliseconds(code: str) -> float:
    """Wall time of a fresh interpreter that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return 1e3 * (time.perf_counter() - start)


def main() -> int:
    """Prints the figures and returns 1 when a rule is broken."""
    listing = f"import htp, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", listing], check=True, capture_output=True, text=True).stdout.split()
    bare: list[float] = []
    full: list[float] = []
    for _ in range(RUNS):
        bare.append(milliseconds("pass"))
        full.append(milliseconds("import htp"))
    own = statistics.median(full) - statistics.median(bare)
    print(f"import htp: {own:.0f} ms above bare Python ({statistics.median(bare):.0f} ms), budget {BUDGET_MS:.0f} ms")
    if loaded:
        print(f"import htp loads {', '.join(loaded)}; these belong behind a first use")
    if own > BUDGET_MS:
        subprocess.run([sys.executable, "-X", "importtime", "-c", "import htp"], check=False)
    return int(bool(loaded) or own > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main())
