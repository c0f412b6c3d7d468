"""Calling what was built from a package once, on inputs that the capture stage accepts.

Knows bindings and comparisons; does not know the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

import htp
from htp.diagnostics import Refused
from htp.runs import RunReport
from htp.tools.compare import Comparison, compare, tolerance
from htp.tools.inputs import fingerprint, save_arrays
from htp.tools.replay import open_sizes, run_cases
from htp.tools.stage import OutputRecord

if TYPE_CHECKING:
    from pathlib import Path

    from htp.artifact.read import Package
    from htp.declarations import Mode


@dataclass(frozen=True)
class Call:
    """Outputs of one call, what is known of the run, and how the outputs compare with stage 00."""

    outputs: tuple[OutputRecord, ...]
    report: RunReport
    comparisons: tuple[tuple[str, Comparison], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every comparison holds; true when none was asked for."""
        return all(comparison.equal for _, comparison in self.comparisons)


def call(
    package: Package,
    folder: Path,
    *,
    seed: int = 1,
    dims: str = "",
    inputs: Path | None = None,
    outputs: Path | None = None,
    mode: Mode | None = None,
    toolchain: str | None = None,
    check: bool = False,
    trace: bool = False,
) -> Call:
    """Binds a package and calls it once; with `trace` its report says what every task did.

    Inputs come from a file, or are seeded ones that stage 00 accepts; stage 00 runs in a process of its own.

    Raises:
        Refused: the package cannot be bound here, or its arguments do not fit.
    """
    dims = open_sizes(package, dims)
    executable = htp.bind(package, mode=mode, toolchain=toolchain)
    options = [f"--inputs={inputs.absolute()}"] if inputs else [f"--make={seed}"]
    cases = run_cases(package, package.stages[0].id, folder, [*options, f"--seed={seed}", f"--dims={dims}"])
    name, result = next(iter(cases.results.cases.items()))
    arrays = cases.inputs_of(name)
    expected = cases.outputs_of(name)
    try:
        report = _report(executable.run(*arrays.values(), trace=trace), package)
    except Refused as refused:
        raise refused if inputs or refused.code != "csp.deadlock" else _told_of_inputs(refused) from None
    if result.refused is not None:
        raise Refused(
            "verify.built-differs",
            f"the built artifact runs where stage 00 is refused with {result.refused}",
            notes=(result.message,),
        )
    found = {written: arrays[written] for written in expected}
    if outputs is not None:
        save_arrays(outputs, found)
    length = max((size for array in (*arrays.values(), *expected.values()) for size in array.shape), default=1)
    allowed = tolerance([array.dtype for array in arrays.values()], length)
    comparisons = [(written, compare(expected[written], found[written], allowed=allowed)) for written in sorted(found)]
    records = tuple(
        OutputRecord(name=written, dtype=cases.results.dtypes[written], shape=array.shape, sha256=fingerprint(array))
        for written, array in found.items()
    )
    return Call(records, report, tuple(comparisons) if check else ())


def _told_of_inputs(refused: Refused) -> Refused:
    """The refusal, with how to give other inputs than the ones that were made up."""
    first = refused.diagnostic
    more = "the inputs were made up: give your own with --inputs FILE.npz, or other ones with --seed 2 or --dims N=64"
    refused.diagnostics = (structs.replace(first, help=(*first.help, more)), *refused.diagnostics[1:])
    return refused


def _report(found: object, package: Package) -> RunReport:
    """What a run answered, if it is a report."""
    if not isinstance(found, RunReport):
        said = f"running {package.path.name}/ answered with a {type(found).__name__}, not a `RunReport`"
        raise Refused("plugin.bad-item", said, help="`htp conform` checks the binding")
    return found
