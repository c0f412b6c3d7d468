"""Running one stage as ordinary Python: the command line at the end of every `program.py`.

Knows one decorated function and arrays; does not know packages.
"""

from __future__ import annotations

import argparse
import linecache
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from htp.arguments import declared_type
from htp.artifact.manifest import Record
from htp.artifact.seal import canonical
from htp.diagnostics import Refused
from htp.loops import span_of
from htp.tools.inputs import (
    Case,
    choose_dims,
    dim_names,
    edge_cases,
    fingerprint,
    ladder,
    load_arrays,
    make_inputs,
    number_names,
    parse_dims,
    poison,
    save_arrays,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.diagnostics import Span
    from htp.language import Definition
    from htp.tools.inputs import Vector
    from htp.types import DType, Param

SUMMARY = "summary.json"


class OutputRecord(Record, frozen=True, kw_only=True):
    """An array the program wrote: its dtype in HTP's names, its shape, the SHA-256 of its bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str

    def __str__(self) -> str:
        shape = ", ".join(str(size) for size in self.shape)
        return f"{self.name} {self.dtype} ({shape}) sha256:{self.sha256}"


class CaseResult(Record, frozen=True, kw_only=True):
    """What became of one case: outputs, or the code with which it was refused; `changed` names altered inputs."""

    outputs: tuple[OutputRecord, ...] = ()
    refused: str | None = None
    message: str = ""
    place: str = ""
    changed: tuple[str, ...] = ()


class StageResults(Record, frozen=True, kw_only=True):
    """Results of every case, and the dtype of every parameter."""

    dtypes: dict[str, str]
    cases: dict[str, CaseResult]


def run_stage(definition: Definition[..., object], argv: Sequence[str] | None = None) -> None:
    """Runs a stage on seeded or given arrays and prints a digest of every output; exits with 3 if it is refused."""
    options = _parser(definition.name).parse_args(argv)
    try:
        if options.cases:
            _run_cases(definition, options)
        else:
            _run_once(definition, options)
    except Refused as refused:
        if options.refusal:
            options.refusal.write_bytes(msgspec.json.encode(refused.diagnostics))
        sys.stderr.write(f"{refused}\n")
        raise SystemExit(3) from None


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=f"Runs the stage of {name!r} under NumPy and prints output digests.")
    parser.add_argument("--seed", type=int, default=1, help="seed of the inputs")
    parser.add_argument("--dims", type=str, default="", help="sizes, as M=64,N=32")
    parser.add_argument("--inputs", type=Path, help="an .npz file of inputs by name")
    parser.add_argument("--save-inputs", type=Path, help="where to write the inputs that were used")
    parser.add_argument("--outputs", type=Path, help="where to write the outputs, as .npz")
    parser.add_argument("--refusal", type=Path, help="where to write what is refused, as JSON")
    parser.add_argument("--cases", type=Path, help="a folder of NAME.in.npz files to run one after the other")
    parser.add_argument("--make", type=str, help="fill the folder of --cases first, for these seeds: 1,2")
    parser.add_argument("--edges", action="store_true", help="with --make: also tails, empty arrays, special values")
    return parser


def _run_once(definition: Definition[..., object], options: argparse.Namespace) -> None:
    params = definition.params
    sizes = parse_dims(options.dims)
    if options.inputs:
        arrays = _given(params, options.inputs, sizes, options.seed)
        initial = {name: array.copy() for name, array in arrays.items()}
        case_result = run_case(definition, arrays)
    else:
        works, arrays, case_result = first_that_works(definition, options.seed, sizes)
        initial = make_inputs(params, works)
    if case_result.refused is not None:
        raise _refusal(case_result)
    if options.save_inputs:
        save_arrays(options.save_inputs, {name: initial[name] for name in _read(params)})
    if options.outputs:
        save_arrays(options.outputs, {name: arrays[name] for name in _written(params)})
    for record in case_result.outputs:
        sys.stdout.write(f"{record}\n")


def _run_cases(definition: Definition[..., object], options: argparse.Namespace) -> None:
    """Runs every case of a folder; results go to `--outputs`."""
    params = definition.params
    outputs: Path = options.outputs
    if options.inputs:
        given = _given(params, options.inputs, parse_dims(options.dims), options.seed)
        save_arrays(options.cases / "given.in.npz", given)
    if options.make is not None:
        seeds = [int(seed) for seed in options.make.split(",") if seed.strip().isdecimal()]
        _make_cases(definition, options.cases, seeds, parse_dims(options.dims), edges=options.edges)
    outputs.mkdir(parents=True, exist_ok=True)
    results: dict[str, CaseResult] = {}
    for path in sorted(options.cases.glob("*.in.npz")):
        name = path.name.removesuffix(".in.npz")
        arrays = load_arrays(path, _dtypes(params))
        for written in _only_written(params):
            poison(arrays[written], pattern=1 if options.make is not None else 0)
        results[name] = run_case(definition, arrays)
        save_arrays(outputs / f"{name}.out.npz", {each: arrays[each] for each in _written(params)})
    names = {name: dtype.name for name, dtype in _dtypes(params).items()}
    (outputs / SUMMARY).write_bytes(canonical(StageResults(dtypes=names, cases=results)))


def _make_cases(
    definition: Definition[..., object], folder: Path, seeds: Sequence[int], sizes: Mapping[str, int], *, edges: bool
) -> None:
    """Writes inputs that this stage accepts, and with `edges` inputs it may refuse."""
    for position, seed in enumerate(seeds):
        works, _, _ = first_that_works(definition, seed, sizes)
        _save_case(definition.params, works, folder)
        if edges and position == 0:
            for case in edge_cases(definition.params, works, fixed=sizes):
                _save_case(definition.params, case, folder)


def _save_case(params: Sequence[Param], case: Case, folder: Path) -> None:
    save_arrays(folder / f"{case.name}.in.npz", make_inputs(params, case))


def first_that_works(
    definition: Definition[..., object], seed: int, sizes: Mapping[str, int]
) -> tuple[Case, dict[str, Vector], CaseResult]:
    """The first ordinary case the program accepts, its arrays after the run, and the result.

    Where it accepts none, the first one on which it gets stuck, which is no fault of the inputs.

    Raises:
        Refused: `replay.no-usable-inputs` when it accepts none, with the last reason; that itself where `sizes` leave
            none open.
    """
    choose_dims(definition.params, seed, fixed=sizes)
    last, stuck = CaseResult(), None
    for case in ladder(definition.params, seed, sizes):
        arrays = make_inputs(definition.params, case)
        last = run_case(definition, arrays)
        if last.refused is None:
            return case, arrays, last
        if last.refused == "csp.deadlock":
            stuck = stuck or (case, arrays, last)
    if stuck is not None:
        return stuck
    names = (*dim_names(definition.params), *number_names(definition.params))
    left = ",".join(f"{name}=64" for name in names if name not in sizes)
    if not left:
        raise _refusal(last)
    raise Refused(
        "replay.no-usable-inputs",
        f"{definition.name} refuses every set of inputs that was tried",
        notes=(f"the last one with {last.refused}: {last.message}", *([f"at {last.place}"] if last.place else [])),
        help=(
            f"mend the program where no inputs can do, `htp explain {last.refused}`",
            f"where others do, give sizes with --dims {left}, or arrays with --inputs FILE.npz",
        ),
    )


def _refusal(result: CaseResult) -> Refused:
    """What a case was refused with, at the user's line where that is known."""
    place = span_of(result.place.partition(": ")[0])
    help = "give other sizes or arrays, or mend the program"
    return Refused(result.refused or "", result.message, span=place, help=help)


def run_case(definition: Definition[..., object], arrays: Mapping[str, Vector]) -> CaseResult:
    """Runs the meaning of a program on arrays, which are written; tells when an input was altered."""
    import numpy as np

    params = definition.params
    reads = [param.name for param in params if param.direction in ("in", "scalar")]
    before = {name: fingerprint(arrays[name]) for name in reads}
    values = [arrays[param.name].item() if param.direction == "scalar" else arrays[param.name] for param in params]
    refused, message, place = None, "", ""
    try:
        with np.errstate(all="ignore"):
            definition(*values)
    except Refused as error:
        refused, message = error.code, error.diagnostic.message
        place = _said_place(error.diagnostic.span)
    except AssertionError as error:
        refused, message = "run.assertion-failed", str(error)
    changed = tuple(name for name in reads if fingerprint(arrays[name]) != before[name])
    outputs = () if refused else tuple(_record(param, arrays[param.name]) for param in params if _writes(param))
    return CaseResult(outputs=outputs, refused=refused, message=message, place=place, changed=changed)


def _said_place(span: Span | None) -> str:
    """A line of the stage with what stands there, and with the user's own line where the stage names it."""
    text = linecache.getline(span.file, span.line).strip() if span is not None else ""
    code, _, origin = text.partition("  # ")
    return f"{origin.strip() or f'line {span.line}'}: `{code.strip()}`" if span is not None and code else ""


def _given(params: Sequence[Param], path: Path, sizes: Mapping[str, int], seed: int) -> dict[str, Vector]:
    """Arrays of a file; those that are only written may be left out."""
    from htp.arguments import bind_dims

    arrays = load_arrays(path, _dtypes(params))
    missing = [name for name in _read(params) if name not in arrays]
    if missing:
        raise Refused("replay.missing-input", f"{path.name} holds no array {missing[0]!r}")
    known = [param for param in params if param.name in arrays]
    dims = {**sizes, **bind_dims(known, [arrays[param.name].shape for param in known])}
    made = make_inputs(params, Case("given", choose_dims(params, seed, fixed=dims)))
    return {param.name: arrays.get(param.name, made[param.name]) for param in params}


def _record(param: Param, array: Vector) -> OutputRecord:
    dtype = declared_type(param).dtype.name
    return OutputRecord(name=param.name, dtype=dtype, shape=array.shape, sha256=fingerprint(array))


def _dtypes(params: Sequence[Param]) -> dict[str, DType]:
    return {param.name: declared_type(param).dtype for param in params}


def _writes(param: Param) -> bool:
    return param.direction in ("out", "inout")


def _written(params: Sequence[Param]) -> list[str]:
    return [param.name for param in params if _writes(param)]


def _only_written(params: Sequence[Param]) -> list[str]:
    return [param.name for param in params if param.direction == "out"]


def _read(params: Sequence[Param]) -> list[str]:
    return [param.name for param in params if param.direction != "out"]


def read_results(folder: Path) -> StageResults:
    """What a run over a folder of cases left.

    Raises:
        OSError: it left nothing.
        msgspec.MsgspecError: what it left is not a summary.
    """
    return msgspec.json.decode((folder / SUMMARY).read_bytes(), type=StageResults)
