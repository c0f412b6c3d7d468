"""Running what was built from a package on a folder of cases, in a process that may crash.

Knows the public face of a binding; does not know how anything is built.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from htp.artifact.seal import canonical
from htp.diagnostics import Refused
from htp.tools.inputs import fingerprint, load_arrays, save_arrays
from htp.tools.stage import SUMMARY, CaseResult, StageResults, read_results
from htp.types import dtype_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.declarations import Executable, Mode
    from htp.tools.inputs import Vector


def main(package: str, folder: str, first: str, mode: Mode | None) -> None:
    """Binds the package and runs every case that the first stage ran into `first`; results go to `folder/out-built`.

    Raises:
        Refused: the package cannot be bound in this mode.
    """
    import htp

    executable = htp.bind(package, mode=mode)
    reference = read_results(Path(first))
    outputs = Path(folder) / "out-built"
    outputs.mkdir(parents=True, exist_ok=True)
    dtypes = {name: found for name, text in reference.dtypes.items() if (found := dtype_named(text)) is not None}
    results: dict[str, CaseResult] = {}
    for case in reference.cases:
        arrays = load_arrays(Path(folder) / f"{case}.in.npz", dtypes)
        written = set(load_arrays(Path(first) / f"{case}.out.npz"))
        results[case] = _run(executable, arrays, written)
        save_arrays(outputs / f"{case}.out.npz", {name: arrays[name] for name in sorted(written)})
    (outputs / SUMMARY).write_bytes(canonical(StageResults(dtypes=reference.dtypes, cases=results)))


def _run(executable: Executable, arrays: Mapping[str, Vector], written: set[str]) -> CaseResult:
    before = {name: fingerprint(array) for name, array in arrays.items() if name not in written}
    refused, message = None, ""
    try:
        executable(*arrays.values())
    except Refused as error:
        refused, message = error.code, error.diagnostic.message
    changed = tuple(name for name, digest in sorted(before.items()) if fingerprint(arrays[name]) != digest)
    return CaseResult(refused=refused, message=message, changed=changed)


if __name__ == "__main__":
    try:
        wanted = {"sim": "sim", "device": "device"}
        main(sys.argv[1], sys.argv[2], sys.argv[3], cast("Mode | None", wanted.get(sys.argv[4])))
    except Refused as refused:
        sys.stderr.write(f"{refused.code}\n{refused}\n")
        raise SystemExit(3) from None
