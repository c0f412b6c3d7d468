"""What every verb of the command line does: a call of the library, and how its outcome is said.

Knows the public functions of HTP; does not know argument parsing or exit.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import structs

import htp
from htp.diagnostics import Refused
from htp.report import Exit, NextStep, OutputFile
from htp.tools.answers import Answer, count, refusal, table
from htp.tools.viewing import report, trace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from htp.artifact.read import Package
    from htp.declarations import Mode
    from htp.diagnostics import Diagnostic
    from htp.language import Definition
    from htp.tools.stage import OutputRecord


def compile_(options: argparse.Namespace) -> Answer:
    """Compiles and publishes; says where to look and how to run it."""
    from htp.tools.inputs import parse_dims
    from htp.tools.load import load_object, load_scheduled, split_entry

    path, _ = split_entry(options.program)
    if options.start_at:
        program, schedule = path, load_object(options.schedule, path) if options.schedule else None
    else:
        program, schedule = load_scheduled(options.program, options.schedule)
    package = htp.compile_program(
        program, target=options.target, out=options.out, dims=parse_dims(options.dims), schedule=schedule,
        strict=options.strict, start_at=options.start_at, pins=options.pin, forbids=options.forbid, plan=options.plan,
    )  # fmt: skip
    _say_steps(package)
    manifest, out = package.manifest, options.out or os.path.relpath(package.path)
    line = f"{out}: {count(len(package.stages), 'stage')} for {manifest.target}, manifest {manifest.digest[:19]}…"
    fields = {"package": out, "digest": manifest.digest, "stages": [stage.id for stage in package.stages]}
    return Answer(
        lines=(line, *(f"  {each.directive}: {each.outcome}, {each.by}" for each in manifest.directives)),
        result={**fields, "directives": manifest.directives},
        diagnostics=package.diagnostics,
        files=(OutputFile(path=out, kind="package"),),
        inputs=(str(path),),
        next=(
            NextStep(why="run", argv=("htp", "run", out)),
            NextStep(why="check every stage", argv=("htp", "verify", out)),
        ),
    )


def _say_steps(package: Package) -> None:
    """What each step took and whether it changed the program, and where built code is kept, on standard error."""
    from htp.cache import Cache
    from htp.tools.timings import step_seconds

    seconds = step_seconds(package)
    left = {stage.id for stage in package.stages}
    for line in package.trace:
        took = f"{1e3 * seconds[line.step]:8.1f} ms" if line.step in seconds else "not measured"
        sys.stderr.write(f"  {line.step:<24}{took}{'' if line.step in left else '   changes nothing'}\n")
    cache = Cache.open()
    entries = cache.entries()
    size = sum(each.size for each in entries)
    sys.stderr.write(f"  cache: {cache.root}, {count(len(entries), 'build')}, {_bytes(size)}\n")


def run(options: argparse.Namespace) -> Answer:
    """Builds and calls a package on seeded or given inputs; with `--check` compares with stage 00."""
    from htp.artifact import open_package
    from htp.tools.calling import call

    package = open_package(options.package)
    mode = cast("Mode | None", options.mode or None)
    with tempfile.TemporaryDirectory(prefix="htp-run-") as folder:
        called = call(
            package, Path(folder), seed=options.seed, dims=options.dims, inputs=_path(options.inputs),
            outputs=_path(options.outputs), mode=mode, toolchain=options.toolchain or None, check=options.check,
        )  # fmt: skip
    seconds = called.report.wall_seconds
    wall = "not measured" if seconds is None else f"{seconds * 1e3:.3g} ms wall"
    verdict = "; ".join(f"{name}: {found}" for name, found in called.comparisons)
    head = f"{'ok' if called.ok else 'differs'}  {package.manifest.entry}  {wall}"
    checked = {name: {"equal": found.equal, "text": str(found)} for name, found in called.comparisons}
    return Answer(
        lines=(f"{head}   {verdict}".rstrip(), *_outputs(called.outputs)),
        result={"entry": package.manifest.entry, "outputs": called.outputs, "check": checked},
        exit=Exit.YES if called.ok else Exit.NO,
        diagnostics=called.report.diagnostics,
        inputs=(options.package,),
        files=(OutputFile(path=options.outputs, kind="arrays"),) if options.outputs else (),
        next=() if called.ok else (NextStep(why="find the stage", argv=("htp", "verify", options.package)),),
    )


def plan(options: argparse.Namespace) -> Answer:
    """The steps that lead to a target, and with `--why` every reason for them, or for there being none."""
    from htp.tools.load import load_scheduled, split_entry

    program, schedule = load_scheduled(options.program, options.schedule)
    inputs = (str(split_entry(options.program)[0]),)
    if options.why:
        return _why(program, schedule, options, inputs)
    planned = htp.plan(
        program, target=options.target, schedule=schedule, strict=options.strict, pins=options.pin,
        forbids=options.forbid, plan=options.plan,
    )  # fmt: skip
    found = planned.record(options.target)
    rows = [(step.id.partition("-")[0], step.pass_) for step in found.steps]
    return Answer(lines=table(rows), result=found, inputs=inputs, diagnostics=planned.diagnostics)


def _why(
    program: Definition[..., object], schedule: object, options: argparse.Namespace, inputs: tuple[str, ...]
) -> Answer:
    from htp.tools.why import PROVEN, plan_lines, problem_of, proof, proof_lines, why

    pins, forbids = options.pin, options.forbid
    try:
        found = why(program, options.target, pins=pins, forbids=forbids, plan=options.plan, schedule=schedule)
    except Refused as refused:
        if refused.code not in PROVEN:
            raise
        proven = proof(problem_of(program, options.target, pins=pins, forbids=forbids, schedule=schedule))
        said = refusal(refused, inputs=inputs)
        return replace(said, lines=tuple(proof_lines(proven)), result=proven, everything=True)
    return Answer(lines=tuple(plan_lines(found)), result=found, inputs=inputs)


def matrix(options: argparse.Namespace) -> Answer:
    """Every installed unit against every target, as a table for people or for a page."""
    from htp.tools.matrix import cells, markdown, page
    from htp.tools.matrix import matrix as ask

    found = ask(options.target)
    documents = {"markdown": markdown, "html": page}
    lines = documents[options.format](found) if options.format in documents else table(list(cells(found)))
    return Answer(lines=tuple(lines), result=found)


def targets(options: argparse.Namespace) -> Answer:
    """Every target, what can be done with it here, and what is missing."""
    from htp.tools.listing import list_targets

    found = list_targets()
    rows = [(each.name, each.backend, each.status, each.why) for each in found]
    return Answer(lines=table([("TARGET", "BACKEND", "STATUS", "NEEDS / WHY"), *rows]), result={"targets": found})


def plugins(options: argparse.Namespace) -> Answer:
    """Every plugin, what it provides, which were left out and why, and which installations are stale.

    For one plugin or distribution, the names of what it provides.
    """
    from htp.tools.listing import list_plugins, list_stale

    found, stale = list_plugins(options.name), list_stale()
    rows = [("PLUGIN", "VERSION", "STATUS", "PROVIDES")]
    for each in found:
        rows.append((each.name, each.version or "?", each.status, f"{each.code}: {each.provides}".removeprefix(": ")))
        rows += [("", "", "", f"help: {hint}") for hint in each.help]
    names = [(each.name, kind, ", ".join(those)) for each in found for kind, those in each.contributes.items()]
    return Answer(lines=(*table(rows), *table(names)), result={"plugins": found}, diagnostics=stale)


def doctor(options: argparse.Namespace) -> Answer:
    """Every check with its outcome and, where something is missing, the fix."""
    from htp.tools.doctor import examine

    findings = examine()
    lines = [
        line
        for each in findings
        for line in (f"{'ok ' if each.ok else 'NO '} {each.subject}: {each.found}", f"     {each.fix}")
        if line.strip()
    ]
    ok = all(each.ok for each in findings if each.needed)
    return Answer(lines=tuple(lines), result={"checks": findings}, exit=Exit.YES if ok else Exit.NO)


def replay(options: argparse.Namespace) -> Answer:
    """Runs one stage, or each of a range of stages, and prints its output digests."""
    from htp.artifact import open_package
    from htp.tools.replay import replay as run_stage

    package = open_package(options.package)
    first = package.stage(options.first) if options.first else None
    last = package.stage(options.last) if options.last else package.stages[-1]
    chosen = (package.stage(options.stage),) if options.stage else (last,)
    if first is not None and not options.stage:
        chosen = package.stages[package.stages.index(first) : package.stages.index(last) + 1]
    done = [
        run_stage(
            package, stage.id, seed=options.seed, dims=options.dims, inputs=_path(options.inputs),
            outputs=_path(options.outputs),
        )
        for stage in chosen
    ]  # fmt: skip
    heads = [each.stage.partition("-")[0] for each in done]
    lines = [
        line
        for head, each in zip(heads, done, strict=True)
        for line in (f"{head} {each.pass_name}", *_outputs(each.outputs))
    ]
    return Answer(
        lines=tuple(lines),
        result={"stages": [{"stage": each.stage, "pass": each.pass_name, "outputs": each.outputs} for each in done]},
        inputs=(options.package,),
    )


def verify(options: argparse.Namespace) -> Answer:
    """One line for every level, with what failed."""
    from htp.tools.verify import LEVELS
    from htp.tools.verify import verify as check

    seeds = [int(seed) for seed in options.seeds.split(",") if seed.strip().isdecimal()]
    if not seeds:
        raise Refused("cli.usage", f"{options.seeds!r} holds no seeds", help="write --seeds 1,2")
    levels = check(options.package, level=options.level, seeds=seeds, dims=options.dims, mode=options.mode)
    lines: list[str] = []
    for each in levels:
        said = f"{len(each.findings)} of {count(each.checks, 'check')} failed"
        said = count(each.checks, "check") if each.ok else said
        lines.append(f"{'ok ' if each.ok else 'NO '} level {each.number}: {each.title} ({said})")
        lines += [f"    {each.note}"] if each.note else []
    ok = all(each.ok for each in levels)
    skipped = [
        f"    level {number}: {LEVELS[number]} (not checked)" for number in range(len(levels), options.level + 1)
    ]
    findings = [finding for each in levels for finding in each.findings]
    return Answer(
        lines=(*lines, *skipped),
        result={"levels": [{"level": each.number, "ok": each.ok, "checks": each.checks} for each in levels]},
        exit=Exit.YES if ok else Exit.NO,
        diagnostics=first_of_each(findings),
        inputs=(options.package,),
    )


def first_of_each(findings: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The first finding of every code, with how many more there are: one defect is seen in many cases and stages."""
    times = Counter(each.code for each in findings)
    first = {each.code: each for each in reversed(findings)}
    return tuple(
        structs.replace(each, notes=(*each.notes, f"and {times[each.code] - 1} more such findings"))
        if times[each.code] > 1 else each
        for each in sorted(first.values(), key=findings.index)
    )  # fmt: skip


def explain(options: argparse.Namespace) -> Answer:
    """The page of a code, or one line for every code."""
    import difflib

    from htp.tools.codes import all_pages, find

    pages = all_pages()
    if not options.code:
        rows = [(page.code, page.summary) for page in pages]
        return Answer(lines=table(rows), result={"codes": [{"code": code, "summary": text} for code, text in rows]})
    page = find(options.code, pages)
    if page is None:
        near = difflib.get_close_matches(options.code, [each.code for each in pages], 3)
        hints = tuple(f"htp explain {each}" for each in near)
        raise Refused("cli.unknown-code", f"there is no code {options.code!r}", help=hints or "htp explain")
    return Answer(lines=(page.code, "", *page.text.splitlines()), result={"code": page.code, "text": page.text})


def new(options: argparse.Namespace) -> Answer:
    """Writes a package to start from; says how to install, test and check it."""
    from htp.tools.new import new_package

    made = new_package(options.kind, options.name, options.out)
    said = f"{made.path}: {count(len(made.files), 'file')}, package {made.distribution}"
    return Answer(
        lines=(said, *(f"  {each}" for each in made.files)),
        result={"package": str(made.path), "distribution": made.distribution, "files": made.files},
        files=tuple(OutputFile(path=f"{made.path}/{each}", kind="source") for each in made.files),
        next=(
            NextStep(why="install", argv=("pip", "install", "-e", f"{made.path}[test]")),
            NextStep(why="test", argv=("python", "-m", "pytest", str(made.path))),
            NextStep(why="check", argv=("htp", "conform", options.name)),
        ),
    )


def conform(options: argparse.Namespace) -> Answer:
    """What became of every law, unit by unit, with each failure in full and the reasons of skips."""
    from htp.tools.conform import conform as hold
    from htp.tools.conform import summary

    units = list(hold(options.name, _path(options.programs)))
    results = [each for unit in units for each in unit]
    failed = sum(1 for each in results if each.outcome == "failed")
    skipped = sum(1 for each in results if each.outcome == "skipped")
    told = f"{count(len(results) - skipped, 'law')} checked, {failed} failed, {skipped} skipped"
    return Answer(
        lines=(*(line for unit in units for line in summary(unit)), told),
        result={"laws": results, "checked": len(results) - skipped, "failed": failed, "skipped": skipped},
        exit=Exit.NO if failed else Exit.YES,
    )


def demo(options: argparse.Namespace) -> Answer:
    """Runs one demo or all of them, or lists them."""
    from htp.tools.listing import list_demos

    demos = list_demos()
    if options.list:
        rows = [(each.name, each.summary) for each in demos]
        listed = [{"name": each.name, "summary": each.summary} for each in demos]
        return Answer(lines=table(rows) or ("no installed plugin brings a demo",), result={"demos": listed})
    chosen = [each for each in demos if options.name in (None, each.name)]
    if not chosen:
        from htp._impl.obtaining import obtaining
        from htp.session import current_session

        asked = f"called {options.name!r}" if options.name else "to run"
        found = None if demos else obtaining("backend", "cpu", current_session().plugins)
        known = ", ".join(each.name for each in demos) or "none"
        raise Refused(
            "cli.unknown-demo", f"there is no demo {asked}", chain=found.reasons if found is not None else (),
            notes=(f"demos: {known}",), help=found.text if found is not None else "htp demo --list",
        )  # fmt: skip
    said = [(each.name, each.run.load()()) for each in chosen]
    lines = tuple(line for _, text in said for line in text.splitlines())
    return Answer(lines=lines, result={"demos": [{"name": name, "text": text} for name, text in said]})


def cache(options: argparse.Namespace) -> Answer:
    """Lists, prunes or verifies the cache, or says where it is."""
    from htp.cache import Cache

    opened = Cache.open()
    if options.action == "path":
        return Answer(lines=(str(opened.root),), result={"path": str(opened.root), "private": opened.private})
    if options.action == "prune":
        removed = opened.prune(options.bytes, spare_seconds=0 if options.bytes is not None else 3600)
        said = f"{count(len(removed), 'entry', 'entries')} removed"
        return Answer(lines=(said, *removed), result={"removed": removed})
    if options.action == "verify":
        damaged = opened.verify()
        lines = tuple(f"{key}: {why}; removed" for key, why in damaged) or ("every entry is whole",)
        return Answer(lines=lines, result={"damaged": damaged}, exit=Exit.NO if damaged else Exit.YES)
    entries = opened.entries()
    rows = [(each.key, _bytes(each.size)) for each in entries]
    total = f"{count(len(entries), 'entry', 'entries')}, {_bytes(sum(each.size for each in entries))} in {opened.root}"
    result = [{"key": each.key, "size": each.size} for each in sorted(entries, key=lambda each: each.key)]
    return Answer(lines=(*table(rows), total), result={"entries": result})


def schema(options: argparse.Namespace) -> Answer:
    """The JSON Schema of a kind of file, or the names of all kinds."""
    import json

    from htp.artifact.schema import json_schema, schema_names

    if not options.name:
        return Answer(lines=schema_names(), result={"schemas": schema_names()})
    found = json_schema(options.name)
    return Answer(lines=tuple(json.dumps(found, indent=2, sort_keys=True).splitlines()), result=found)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _bytes(size: int) -> str:
    """A size for people.

    >>> _bytes(512), _bytes(21744), _bytes(3_900_000)
    ('512 B', '21.7 kB', '3.9 MB')
    """
    return f"{size} B" if size < 1000 else f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _outputs(outputs: Iterable[OutputRecord]) -> list[str]:
    return [f"  {output}" for output in outputs]


VERBS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "compile": compile_, "run": run, "plan": plan, "matrix": matrix, "targets": targets, "plugins": plugins,
    "doctor": doctor, "replay": replay, "verify": verify, "explain": explain, "new": new, "conform": conform,
    "demo": demo, "cache": cache, "schema": schema, "report": report, "trace": trace,
}  # fmt: skip
