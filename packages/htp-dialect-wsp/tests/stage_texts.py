"""Stages as text: their statements without places, and their entry ready to be called."""

import re

from htp.testing.programs import runnable as _runnable
from htp.unparse import function_text


def lines_of(program, name=None):
    """The statements of a function, without the places behind them and without its docstring."""
    lines = function_text(program.function(name or program.entry)).split("\n")
    start = next(number for number, line in enumerate(lines) if line.endswith("None:"))
    found = [re.sub(r"\s+# \S+:\d+$", "", line).removeprefix("    ") for line in lines[start + 1 :]]
    return [each for each in found if not each.startswith('"""')]


def runnable(program):
    """The entry of a program's text, whose source can be read."""
    return _runnable(program.text(), program.entry)
