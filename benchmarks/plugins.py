"""What `htp plugins` takes in a fresh process when a hundred plugin distributions are installed.

    python benchmarks/plugins.py [-n 100] [--runs 11] [--profile]

The distributions are what `htp new` writes, every kind in turn, with the metadata an installer records, byte-compiled
as installers do. The figure is the median wall time of the whole command from start to exit; processor time is printed
beside it, which depends less on what else the machine does. The bar is 300 ms. `--profile` prints the modules whose
import takes longest.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from htp.tools.new import KINDS, new_package

BAR_MS = 300.0
COMMAND = (sys.executable, "-m", "htp", "plugins", "--format", "json")


def install(site: Path, number: int) -> None:
    """Writes a new package and lays it out as an installer does: its modules, and its metadata beside them."""
    kind = KINDS[number % len(KINDS)]
    with tempfile.TemporaryDirectory() as folder:
        made = new_package(kind, f"plugin{number:03}", Path(folder) / "made")
        for module in (made.path / "src").iterdir():
            shutil.copytree(module, site / module.name)
            for source in (site / module.name).glob("*.py"):  # two dialects may not bring one word
                text = source.read_text(encoding="utf-8")
                source.write_text(re.sub(r"\bblocks\b", f"blocks{number:03}", text), encoding="utf-8")
        project = tomllib.loads((made.path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        description = (made.path / "README.md").read_text(encoding="utf-8")
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {project['version']}"]
    lines += [f"Requires-Dist: {each}" for each in project["dependencies"]]
    (info / "METADATA").write_text("\n".join([*lines, "", description]))
    points = [f"{name} = {value}" for name, value in project["entry-points"]["htp.plugins"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[htp.plugins]", *points, ""]))


class Run(NamedTuple):
    """One command: wall and processor milliseconds, and what it answered."""

    wall: float
    processor: float
    answer: bytes


def once(environment: dict[str, str]) -> Run:
    """Runs the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(COMMAND, env=environment, capture_output=True, check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(1e3 * wall, 1e3 * processor, done.stdout)


def slowest(environment: dict[str, str], shown: int = 25) -> list[str]:
    """The modules that take longest to import, themselves included, as `-X importtime` says."""
    command = (COMMAND[0], "-X", "importtime", *COMMAND[1:])
    said = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stderr
    lines = [line for line in said.splitlines() if line.startswith("import time:") and "|" in line]
    return sorted(lines[1:], key=lambda line: int(line.split("|")[1]), reverse=True)[:shown]


def main() -> int:
    """Prints the medians and returns 1 when the bar is missed."""
    options = argparse.ArgumentParser()
    options.add_argument("-n", type=int, default=100, help="how many distributions (100)")
    options.add_argument("--runs", type=int, default=11, help="how often the command runs (11)")
    options.add_argument("--profile", action="store_true", help="print the slowest imports")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        site.mkdir()
        for number in range(chosen.n):
            install(site, number)
        path = os.pathsep.join(each for each in (str(site), os.environ.get("PYTHONPATH", "")) if each)
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        plugins = json.loads(once(environment).answer)["result"]["plugins"]  # this run writes the byte code
        active = sum(each["status"] == "active" for each in plugins)
        runs = [once(environment) for _ in range(chosen.runs)]
        if chosen.profile:
            print(*slowest(environment), sep="\n")
    wall = statistics.median(each.wall for each in runs)
    processor = statistics.median(each.processor for each in runs)
    print(f"htp plugins, {chosen.n} distributions, {active} plugins active: {wall:.0f} ms wall, "
          f"{processor:.0f} ms of processor, bar {BAR_MS:.0f} ms, median of {chosen.runs}")  # fmt: skip
    return int(wall > BAR_MS or active < chosen.n)


if __name__ == "__main__":
    sys.exit(main())
