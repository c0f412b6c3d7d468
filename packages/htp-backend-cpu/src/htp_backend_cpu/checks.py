"""What may fail while a program runs, in the order in which it stands in the text.

Knows texts and places; how a failure travels out of native code is the prelude's business.
"""

from __future__ import annotations

import ast
import json

from htp_backend_cpu.abi import Check
from htp_backend_cpu.scope import not_register_form


class Checks:
    """The checks of one program, collected while it is printed."""

    def __init__(self) -> None:
        self.rows: list[Check] = []

    def index(self, node: ast.Call) -> str:
        """The place of `checked(index, extent, place)` as a C++ literal."""
        place = _literal(node.args[2])
        self.rows.append(Check(what="index", text=ast.unparse(node.args[0]), place=place))
        return json.dumps(place)

    def assertion(self, node: ast.Call) -> str:
        """What `require(condition, text, place, code, help)` says, in C++: its row too where it has a code."""
        text, place, *more = (_literal(each) for each in node.args[1:])
        code, help = (*more, "", "")[:2]
        self.rows.append(Check(what="assertion", text=text, place=place, code=code, help=help))
        said = f"{json.dumps(text, ensure_ascii=False)}, {json.dumps(place, ensure_ascii=False)}"
        return f"{said}, {len(self.rows)}" if code else said


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return not_register_form(node, "the texts of a check are literals")
