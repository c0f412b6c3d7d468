"""Lines of generated C++, what each of them comes from, and whether a piece of text stays within its own braces.

Knows comments, literals and braces; everything else of C++ is the printer's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

INDENT = "    "
QUIET = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
"""Comments and literals."""


@dataclass(frozen=True)
class Line:
    """One generated line, the statement it was printed from, and the handler that wrote it, if one did."""

    text: str
    statement: ast.stmt | None = None
    handler: str | None = None


def closed(text: str) -> bool:
    """Whether every brace has its partner; text that the preprocessor chooses from is not judged.

    >>> closed("{ f('}'); } // }"), closed("if (x) {"), closed("} {")
    (True, False, False)
    """
    depth = 0
    for each in re.findall(r"[{}]", QUIET.sub("", text)):
        depth += 1 if each == "{" else -1
        if depth < 0:
            break
    return depth == 0 or "#if" in text
