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
        """The text and the place of `require(condition, text, place)` as C++ literals."""
        text, place = _literal(node.args[1]), _literal(node.args[2])
        self.rows.append(Check(what="assertion", text=text, place=place))
        return f"{json.dumps(text, ensure_ascii=False)}, {json.dumps(place, ensure_ascii=False)}"


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return not_register_form(node, "the texts of a check are literals")
