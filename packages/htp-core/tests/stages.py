"""Runs a program at every step of core's lowering, and compares each with the function as the user wrote it."""

import sys
import types

import numpy as np

from htp.capture import capture
from htp.diagnostics import Refused
from htp.lowering.annotate import Annotate
from htp.lowering.inline import InlineHelpers
from htp.lowering.normalize import Normalize
from htp.lowering.simplify import Simplify

STEPS = (InlineHelpers(), Annotate(), Normalize(), Simplify())


def stages(definition):
    """The program as captured and after each step, by name."""
    program = capture(definition)
    found = {"capture": program}
    for step in STEPS:
        program = step.apply(program)
        found[step.name] = program
    return found


def function_of(program):
    """The entry of a program's text."""
    module = types.ModuleType("stage")
    exec(compile(program.text(), "<stage>", "exec"), module.__dict__)
    return module.__dict__[program.entry]


def copies(arguments):
    return [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]


def check(definition, *arguments):
    """Every stage gives what the function gives, element for element, or fails where it fails."""
    wanted = copies(arguments)
    failed = _run(definition, wanted)
    for name, program in stages(definition).items():
        got = copies(arguments)
        assert (_run(function_of(program), got) is None) == (failed is None), f"{name}\n{program.text()}"
        if failed is not None:
            continue
        for one, two in zip(wanted, got, strict=True):
            if isinstance(one, np.ndarray):
                exact = np.array_equal(one, two, equal_nan=one.dtype.kind not in "biu")
                assert exact, f"{name}\n{program.text()}\n{one}\n{two}"


def _run(function, arguments):
    try:
        function(*arguments)
    except (ArithmeticError, AssertionError) as error:
        return error
    except Refused as refusal:
        if refusal.code != "run.assertion-failed":
            raise
        return refusal
    return None


def defined(text, folder, name="f"):
    """The function `name` of a module with this text."""
    path = folder / f"program_{len(sys.modules)}_{abs(hash(text))}.py"
    path.write_text("import htp\nfrom htp import *\n\n" + text)
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module.__dict__[name]
