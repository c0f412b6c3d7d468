"""Networks brought into task form, and what their text makes of arguments."""

import copy

from lowering_kit import lowered

from htp.lowering.annotate import Annotate
from htp.lowering.normalize import Normalize
from htp.lowering.simplify import Simplify
from htp.passes import run_step
from htp.testing.programs import runnable
from htp_dialect_csp.lower.task_form import Tasks


def tasked(network):
    """The program of a network behind `csp.tasks`, each pass held to its contract."""
    program = lowered(network)
    for step in (Annotate(), Normalize(), Simplify(), Tasks()):
        program = run_step(step, program, verify=True).program
    return program


def results(program, arguments):
    """What the text of a program makes of arguments."""
    own = copy.deepcopy(arguments)
    runnable(program.text(), program.entry)(*own)
    return own
