"""The words of the process form in normal form: tokens and channels by name, sizes of tokens where they are taken.

Knows the words; `calls.py` knows operations.
"""

from __future__ import annotations

import ast
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.infer.values import End, Index, Region, Text, Value
from htp.lowering.build import annotated, call, expression, tuple_of
from htp.lowering.calls import Calls
from htp.names import STREAMS
from htp.types import TensorType

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp.infer.values import Known


class Streaming(Calls):
    """Writes statements for the words of the process form; `network` while one is open."""

    network: bool = False

    def call(self, node: ast.Call, known: Value, wanted: str | None) -> ast.expr:
        """The tile that a call gives."""
        if isinstance(node.func, ast.Name) and node.func.id in STREAMS:
            return self.give(known, self.word(node), wanted)
        return super().call(node, known, wanted)

    def word(self, node: ast.Call) -> ast.Call:
        """A word of the process form."""
        name = ast.unparse(node.func)
        if name == "channel":
            return self._channel(node)
        if name == "token":
            self._measure(self.known.of(node), node.args[0])
        if name in ("send", "try_send"):
            end, value = node.args
            given = [self._name(end), self._token(value, self.known.of(end))]
            self.compare_sizes(node)
            return ast.Call(node.func, given, [])
        if name in ("open_network", "close_network"):
            self.network = name == "open_network"
        named = [ast.keyword(each.arg, self._option_of(each)) for each in node.keywords]
        return ast.Call(node.func, [self._plain_argument(each) for each in node.args], named)

    def declared_channel(self, node: ast.Call, name: str) -> ast.Call:
        """A call that makes a channel, with the name that it has in reports."""
        made = self.word(node)
        if any(each.arg == "name" for each in made.keywords):
            return made
        return ast.Call(made.func, made.args, [*made.keywords, ast.keyword("name", ast.Constant(name))])

    def compare_sizes(self, node: ast.AST) -> None:
        """Compares sizes of tokens that could not be compared before the program runs."""
        for have, want, what in self.known.checks.get(id(node), ()):
            test = ast.Compare(expression(self.size(have)), [ast.Eq()], [expression(self.size(want))])
            self._require(test, what, "type.shape-mismatch")

    def _require(self, test: ast.expr, text: str, code: str) -> None:
        """Ends the run with that code unless the test holds."""
        place = f"{PurePath(self.place.file).name}:{self.place.line}" if self.place is not None else ""
        self.emit(ast.Expr(call("require", test, *map(ast.Constant, (text, place, code)))))

    def _measure(self, known: Known, end: ast.expr) -> None:
        """The sizes of the token of an end under names of their own, unless they have some."""
        for size in known.dims if isinstance(known, Value | Region) else ():
            (symbol,) = size.symbols if len(size.symbols) == 1 else ("",)
            if symbol in self.known.token_sizes and symbol not in self.identifiers:
                measured = call("token_size", self._name(end), self.known.token_sizes[symbol])
                self.emit(annotated(self.named(symbol), "i64", measured))

    def _channel(self, node: ast.Call) -> ast.Call:
        known = self.known.of(node)
        shape = tuple_of([expression(self.size(each)) for each in self._shape(node.args[1])])
        named = [
            ast.keyword(each.arg, self._initial(each.value, known) if each.arg == "initial" else self._option_of(each))
            for each in node.keywords
        ]
        initial = next((each.value for each in named if each.arg == "initial"), None)
        tokens = len(initial.elts) if isinstance(initial, ast.Tuple) else 0
        for given, made in zip(node.keywords, named, strict=True):
            if given.arg in ("capacity", "latency", "response"):
                self._at_least(made, self.known.of(given.value), tokens if given.arg == "capacity" else 0)
        return ast.Call(node.func, [node.args[0], shape], named)

    def _at_least(self, keyword: ast.keyword, known: Known, least: int) -> None:
        """Compares a number of a channel that was not known before the program runs."""
        if not isinstance(known, Index) or not self.facts.nonnegative(known.value - least):
            test = ast.Compare(keyword.value, [ast.GtE()], [ast.Constant(least)])
            self._require(test, f"`{keyword.arg}` of a channel is less than {least}", "csp.bad-channel")

    def _shape(self, node: ast.expr) -> list[Expr]:
        items = node.elts if isinstance(node, ast.Tuple) else [node]
        found = [self.known.of(each) for each in items]
        return [each.value for each in found if isinstance(each, Index)]

    def _initial(self, node: ast.expr, known: Known) -> ast.expr:
        items = node.elts if isinstance(node, ast.Tuple) else [node]
        return tuple_of([self._token(each, known) for each in items])

    def _option_of(self, keyword: ast.keyword) -> ast.expr:
        known = self.known.of(keyword.value)
        return ast.Constant(known.text) if isinstance(known, Text) else self.scalar(keyword.value)

    def _token(self, node: ast.expr, end: Known) -> ast.expr:
        """What is put into a channel: a buffer itself, a tile, or a number."""
        known = self.known.of(node)
        if isinstance(known, Region) and isinstance(end, End) and isinstance(end.carries, TensorType):
            return ast.Name(self.variable(known.root), ast.Load())
        return self.tile(node) if isinstance(known, Value | Region) else self.scalar(node)

    def _plain_argument(self, node: ast.expr) -> ast.expr:
        known = self.known.of(node)
        if isinstance(known, Text):
            return ast.Constant(known.text)
        return self._name(node) if isinstance(known, End) else self.scalar(node)

    def _name(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Call):  # one of several ends
            return self.word(node)
        return ast.Name(self.variable(ast.unparse(node)), ast.Load())
