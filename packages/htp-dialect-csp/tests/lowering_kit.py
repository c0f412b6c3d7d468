"""Networks brought into process form, and what a stage of them does when its text is run."""

import copy
import re

from htp.compilation import captured
from htp.lowering.inline import InlineHelpers
from htp.passes import run_step
from htp.session import current_session
from htp.streams import observed
from htp.testing.programs import runnable
from htp.unparse import function_text
from htp_dialect_csp.capabilities import Checked
from htp_dialect_csp.checking import Check
from htp_dialect_csp.lower.process_form import Lower


def lowered(network, *, unchecked=False):
    """The program of a network behind `csp.lower`, each pass held to its contract."""
    program = captured(network, current_session(), {})
    if unchecked:
        program = program.with_facts([Checked()])
    for step in (*(() if unchecked else (Check(),)), InlineHelpers(), Lower()):
        program = run_step(step, program, verify=True).program
    return program


def text_of(program, name=None):
    """A function without the places behind its lines and without its decorator and docstring."""
    text = function_text(program.function(name or program.entry))
    lines = [re.sub(r"\s+# \S+:\d+$", "", each) for each in text.splitlines()[1:]]
    return "\n".join(each for each in lines if '"""' not in each)


def run(program, arguments):
    """What the text of a program makes of arguments, and the times of the last network it runs."""
    own = copy.deepcopy(arguments)
    with observed() as ran:
        runnable(program.text(), program.entry)(*own)
    return own, ran[-1].simulated()
