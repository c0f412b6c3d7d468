"""Schedules never change results: random schedules of random workloads, in Python and native."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from random_workloads import Drawn, directive, module_of
from scheduling_kit import function_of, inscribed

import htp
from htp.capture import capture
from htp.diagnostics import Refused
from htp_dialect_wsp.directives.nests import loops_of, tasks_of
from htp_dialect_wsp.races import check
from htp_dialect_wsp.scheduling import ApplySchedule

LONG = os.environ.get("HTP_TEST_LONG") == "1"
SEEDS = range(150 if LONG else 20)
NATIVE = range(10 if LONG else 2)
GROUPS = 5
ONCE = {"dispatch", "task_window", "streams", "stream_by", "ready", "timing", "pools"}


def drawn(seed, folder, tails):
    """A workload and directives that are legal for it, one on top of the other."""
    draw = random.Random(seed)
    program = Drawn(draw)
    module = module_of(program.text, folder / f"drawn_{seed}.py")
    check(inscribed(module.main))
    kept, now = [], ApplySchedule().apply(inscribed(module.main))
    for _ in range(draw.randint(2, 8)):
        loops = [each.name for each in loops_of(now.main.body)]
        tasks = list(dict.fromkeys(each.name for each in tasks_of(now, now.main.body)))
        new = directive(draw, program, loops, tasks, tails)
        if any(each.split("(")[0] == new.split("(")[0] for each in kept if each.split("(")[0] in ONCE):
            continue
        try:
            now = ApplySchedule().apply(inscribed(module.main, *kept, new))
        except Refused as refusal:
            if not refusal.code.startswith("wsp.") or not refusal.diagnostic.help:
                raise
        else:
            kept.append(new)
    return program, module, kept, now


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_scheduled_stage_is_the_unscheduled_program(group, tmp_path):
    carried_out = 0
    for seed in SEEDS[group::GROUPS]:
        program, module, kept, now = drawn(seed, tmp_path, ("mask", "pad", "mask", "error"))
        arrays = program.arrays(seed)
        expected, found = ([each.copy() for each in arrays] for _ in range(2))
        module.main(*expected)
        try:
            function_of(now)(*found)
        except Refused as refusal:
            if refusal.code != "wsp.tile-tail" or "tail='error'" not in str(kept):
                raise
            continue
        carried_out += len(kept)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(other, one, err_msg=f"seed {seed}: {kept}")
    assert carried_out


RUN = """
import sys

import htp
import numpy as np

folder = sys.argv[1]
arrays = list(np.load(f"{folder}/arrays.npz").values())
htp.bind(f"{folder}/package")(*arrays)
np.savez(f"{folder}/found.npz", *arrays)
"""


@pytest.mark.parametrize("number", NATIVE)
def test_a_native_run_is_the_unscheduled_program_for_every_number_of_threads(number, tmp_path):
    program, module, plan = written(number, tmp_path)
    htp.compile_program(module.main, target="cpu", schedule=module.plan, out=tmp_path / "package")
    expected = program.arrays(number)
    np.savez(tmp_path / "arrays.npz", *expected)
    module.main(*expected)
    for threads in (1, 2, 5):  # a process has one number of threads
        environment = {**os.environ, "HTP_NUM_THREADS": str(threads)}
        subprocess.run([sys.executable, "-c", RUN, str(tmp_path)], check=True, env=environment)
        for one, other in zip(expected, np.load(tmp_path / "found.npz").values(), strict=True):
            np.testing.assert_array_equal(other, one, err_msg=f"{number}, {threads} threads: {plan}")


def written(number, folder):
    """A workload and a schedule of it as users write them.

    Loops of what an unrolled loop leaves over have no cursors, so a drawing that names one is left out.
    """
    for seed in range(5000 + number, 9000, 100):
        program, _, kept, _ = drawn(seed, folder, ("mask", "pad"))
        lines = "".join(f"    s.{each}\n" for each in kept)
        text = f"{program.text}\n\n@schedule(main)\ndef plan(s) -> None:\n{lines}"
        if not kept:
            continue
        module = module_of(text, folder / f"written_{seed}.py")
        try:
            module.plan.inscribe(capture(module.main))
        except Refused as refusal:
            if refusal.code not in ("wsp.unknown-loop", "wsp.unknown-task", "wsp.conflict"):
                raise
        else:
            return program, module, kept
    pytest.fail("no schedule was drawn that can be written")
