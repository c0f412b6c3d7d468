"""Checks that `import htp` loads no NumPy and costs at most 60 ms above starting Python.

Both are the least processor time of several fresh interpreters: what the work takes when nothing else is in the way.
"""

from __future__ import annotations

import os
import subprocess
import sys

BUDGET_MS = 60.0
RUNS = 15
HEAVY = ("numpy", "ml_dtypes", "packaging")


def milliseconds(code: str) -> float:
    """Processor time of a fresh interpreter that runs `code`."""
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`{code}` ended with {process.returncode}")
    return 1e3 * (usage.ru_utime + usage.ru_stime)


def main() -> int:
    """Prints the figures and returns 1 when a rule is broken."""
    listing = f"import htp, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", listing], check=True, capture_output=True, text=True).stdout.split()
    bare: list[float] = []
    full: list[float] = []
    for _ in range(RUNS):
        bare.append(milliseconds("pass"))
        full.append(milliseconds("import htp"))
    own = min(full) - min(bare)
    print(f"import htp: {own:.0f} ms above bare Python ({min(bare):.0f} ms), budget {BUDGET_MS:.0f} ms")
    if loaded:
        print(f"import htp loads {', '.join(loaded)}; these belong behind a first use")
    if own > BUDGET_MS:
        subprocess.run([sys.executable, "-X", "importtime", "-c", "import htp"], check=False)
    return int(bool(loaded) or own > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main())
