"""Holds what `htp new` writes to the rules of this repository: every kind of package, with ruff and pyright strict."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from htp.tools.new import KINDS, new_package

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """The exit status: 0 when nothing is found."""
    with tempfile.TemporaryDirectory() as folder:
        made = [new_package(kind, f"a-{kind}", Path(folder) / kind).path for kind in KINDS]
        ruff = ["ruff", "check", "--config", str(ROOT / "ruff.toml"), "--output-format", "concise", "."]
        failed = [subprocess.run(ruff, cwd=each, check=False).returncode for each in made]
        rules = json.loads((ROOT / "pyrightconfig.json").read_text(encoding="utf-8"))
        rules |= {"include": ["*/src"], "extraPaths": [f"{each}/src" for each in made], "exclude": []}
        (Path(folder) / "pyrightconfig.json").write_text(json.dumps(rules), encoding="utf-8")
        failed.append(subprocess.run(["pyright", "--warnings"], cwd=folder, check=False).returncode)
    return int(any(failed))


if __name__ == "__main__":
    sys.exit(main())
