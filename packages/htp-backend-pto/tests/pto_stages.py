"""Programs through the passes of this backend up to selected form, their texts, and runs of every stage."""

import importlib.util
import linecache
import sys
from pathlib import Path

import numpy as np

from htp.compilation import captured, choose_plan
from htp.passes import run_step
from htp.session import current_session

EXAMPLES = Path(__file__).parents[3] / "examples"
LAST = "pto.select"


def example(path, name):
    """A definition of one of the example programs."""
    spec = importlib.util.spec_from_file_location(f"pto_example_{Path(path).stem}", EXAMPLES / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return getattr(module, name)


def stages(definition, dims=None, schedule=None, last=LAST, pins=()):
    """The program at the beginning and behind each pass, by the pass's name."""
    session = current_session()
    program = captured(definition, session, dims or {}, schedule)
    plan = choose_plan(
        program, session.target("pto:a2a3sim"), session, pins=pins, forbids=(), written=None, strict=False
    )
    found = {"capture": program}
    for step in plan.passes:
        found[step.name] = program = run_step(step, program).program
        if step.name == last:
            break
    return found


def code(program, function=None):
    """The text of a program, or of one function, without places and imports."""
    lines = [line.split("  #")[0].rstrip() for line in program.text().splitlines()]
    text = "\n".join(lines).split('if __name__ == "__main__"')[0].strip()
    if function is None:
        return text
    parts = text.split("\n\n\n")
    return next(each for each in parts if f"def {function}(" in each)


def body(program, function):
    """The statements of a function, one a line, without its head and docstring."""
    lines = code(program, function).splitlines()
    end = next(number for number, line in enumerate(lines) if line.rstrip().endswith(":") and "->" in line)
    found = [line[4:] for line in lines[end + 1 :]]
    return found[1:] if found and found[0].startswith('"""') else found


def run(program, *arguments):
    """Runs a stage's text on copies; returns the arrays."""
    text = program.text()
    name = f"stage_{abs(hash(text))}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    module = {"__name__": "stage"}
    exec(compile(text, name, "exec"), module)
    copies = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
    module[program.entry](*copies)
    return [each for each in copies if isinstance(each, np.ndarray)]


def agree(found, arguments, *, tolerance=1e-5, exact=("pto.split", "pto.bound")):
    """Whether every stage of this backend gives what the captured program does, those in `exact` bit for bit."""
    wanted = run(found["capture"], *arguments)
    for name in ("pto.split", "pto.bound", "pto.select"):
        for want, have in zip(wanted, run(found[name], *arguments), strict=True):
            if name in exact:
                np.testing.assert_array_equal(have, want, err_msg=name)
            else:
                np.testing.assert_allclose(
                    have.astype(np.float64), want.astype(np.float64), rtol=tolerance, atol=tolerance, err_msg=name
                )


def kernels(program):
    """The names of a program's kernels."""
    return [each.name for each in program.functions if each.kind == "kernel"]
