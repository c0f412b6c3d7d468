"""Workloads with directives in front, carried out and run as Python."""

import ast
import re
import types
from dataclasses import replace

import numpy as np
import pytest

from htp.capture import capture, parse_program
from htp.diagnostics import Refused, Span
from htp.passes import run_step
from htp.program import stamp
from htp.unparse import function_text
from htp.uses import with_uses
from htp_dialect_wsp.capabilities import Checked
from htp_dialect_wsp.compose import Compose
from htp_dialect_wsp.scheduling import ApplySchedule

LINE = 100
"""The line that the first directive has; the next ones follow."""


def inscribed(definition, *directives):
    """The workload in nested form with the directives at its head, each on a line of `plan.py`."""
    program = Compose().apply(capture(definition))
    head = [
        stamp(ast.parse(f"scheduled.{each}").body[0], Span(file="plan.py", line=LINE + number))
        for number, each in enumerate(directives)
    ]
    program = with_uses(program.replace(replace(program.main, body=(*head, *program.main.body))))
    return program.with_facts([*Compose.provides, Checked()])


def scheduled(definition, *directives, limit=None, step=None):
    """The program after the pass, which is held to its contract; its text says all of it."""
    before = inscribed(definition, *directives)
    program = run_step(step or ApplySchedule(), before, verify=True, match_limit=limit).program
    assert parse_program(program.text(), "stage.py").canonical == program.canonical
    return program


def body(program):
    """The workload's statements, without places."""
    lines = function_text(program.main).split("\n")
    start = next(number for number, line in enumerate(lines) if line.endswith(("None:",)))
    return [re.sub(r"\s+# \S+:\d+$", "", line).removeprefix("    ") for line in lines[start + 1 :]]


def function_of(program):
    """The entry of a program's text."""
    module = types.ModuleType("stage")
    exec(compile(program.text(), "<stage>", "exec"), module.__dict__)
    return module.__dict__[program.entry]


def agree(definition, arguments, *directives, tolerance=0.0):
    """After every one of the directives the program gives what the unscheduled one gives; the last program."""
    expected = _copies(arguments)
    definition(*expected)
    program = None
    for number in range(1, len(directives) + 1):
        program = scheduled(definition, *directives[:number])
        found = _copies(arguments)
        function_of(program)(*found)
        for one, other in zip(expected, found, strict=True):
            if tolerance:
                np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance)
            else:
                np.testing.assert_array_equal(other, one)
    return program


def refused(definition, *directives):
    """The finding that the last directive is refused with, at its line and with a way out."""
    with pytest.raises(Refused) as caught:
        scheduled(definition, *directives)
    found = caught.value.diagnostic
    assert found.help
    assert all(each.strip() for each in found.help)
    return found


def at_its_line(found, *directives):
    """The finding, which is at the last of the directives."""
    assert found.span is not None
    assert (found.span.file, found.span.line) == ("plan.py", LINE + len(directives) - 1)
    return found


def random(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(np.float32)


def poison(*shape):
    return np.full(shape, np.nan, np.float32)


def _copies(arguments):
    return [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
