"""Types of the calls that make the process form: channels, processes, and what a process does with its ends.

Knows what each word takes and gives; does not know what a runtime does with it.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import TYPE_CHECKING

from htp import streams
from htp.dims import const, sym
from htp.infer import shapes
from htp.infer.buffers import Buffers
from htp.infer.ends import is_process
from htp.infer.values import Box, End, Index, Known, Number, Region, Text, Value
from htp.types import ScalarType, TensorType, TileType, bool_

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp.infer.values import Access
    from htp.program import Function
    from htp.types import DType, Param

LARGEST = 2
"""The largest answer of `peek` and `try_advance`."""


class Streams(Buffers):
    """The part of the engine that types the process form.

    `before` is how many accesses there were when the network that is open was opened.
    """

    before: int = 0

    def end_of(self, param: Param) -> End:
        """What a parameter is that is an end of a channel."""
        if param.type is None or param.several:
            raise self.refused(
                self.function.body[0], "type.bad-network", f"`{param.name}` is several ends of channels",
                "name each end: `first: Recv[…], second: Recv[…]`",
            )  # fmt: skip
        return End(param.type, "send" if param.direction == "send" else "recv", param.name)

    def finish(self) -> None:
        """Refuses a network that is still open."""
        if self.opened is not None:
            raise self.refused(
                self.opened, "type.bad-network", "this network is never closed", "write `close_network()` behind it"
            )

    # what a routine says ----------------------------------------------------------------------------------------

    def _call_open_network(self, node: ast.Call) -> Known:
        self._in_network(node, opened=False)
        named = {each.arg or "": each.value for each in node.keywords}
        if node.args or set(named) - {"together"}:
            self._takes(node, ())
        self._option(named, "together", False)
        self.opened = node
        self.before = len(self.result.accesses)
        return Text(None)

    def _call_close_network(self, node: ast.Call) -> Known:
        self._in_network(node)
        self._takes(node, ())
        self.opened = None
        # Processes run beside each other: what one of them writes another may read, whichever is declared first.
        self.result.accesses[self.before :] = sorted(self.result.accesses[self.before :], key=_reads)
        return Text(None)

    def _call_process_name(self, node: ast.Call) -> Known:
        self._in_network(node)
        self._takes(node, ("name",))
        if not isinstance(known := self.expression(node.args[0]), Text) or not known.text:
            raise self.refused(node, "type.bad-arguments", f"a name is needed here, not {known}", "write a literal")
        return Text(None)

    def _call_channel(self, node: ast.Call) -> Known:
        if self.function.kind == "kernel":
            self._in_process(node)
        else:
            self._in_network(node)
        named = {each.arg or "": each.value for each in node.keywords}
        known = set(inspect.signature(streams.channel).parameters) - {"dtype", "shape"}
        if len(node.args) != 2 or set(named) - known:
            raise self.refused(
                node, "type.bad-arguments", "`channel` takes a dtype and a shape, and the rest by name",
                f"write `channel(f32, (16, 64), capacity=2)`; it also takes {', '.join(sorted(known))}",
            )  # fmt: skip
        if self.naming is None or self.naming[0] != id(node):
            raise self.refused(node, "type.bad-network", "a channel has no name", "write `a = channel(…)`")
        dtype, dims = self.dtype(node.args[0]), self.shape(node.args[1])
        for word in ("capacity", "latency", "response", "least", "whole_turns"):
            if word in named and self.facts.nonnegative(-self.index(named[word]) - 1):
                raise self.refused(
                    named[word], "type.bad-arguments", f"`{word}` of a channel is 0 or more", "write 0 or more"
                )
        region = self._option(named, "region", False)
        self._option(named, "name", "")
        carries = TensorType(dtype, dims) if region else TileType(dtype, dims) if dims else ScalarType(dtype)
        end = End(carries, "both", self.naming[1])
        self._initial(named.get("initial"), end)
        return end

    def _option(self, named: dict[str, ast.expr], word: str, default: bool | str) -> bool | str:
        """A literal that a channel or a network takes."""
        if word not in named:
            return default
        known = self.expression(named[word])
        value = known.constant if isinstance(known, Number) else known.text if isinstance(known, Text) else None
        if not isinstance(value, bool | str) or type(value) is not type(default):
            wanted = "True or False" if isinstance(default, bool) else "a text"
            raise self.refused(named[word], "type.bad-arguments", f"`{word}` is {wanted}", f"write {wanted}")
        return value

    def _initial(self, node: ast.expr | None, end: End) -> None:
        if node is None:
            return
        if not isinstance(node, ast.Tuple):
            raise self.refused(node, "type.bad-arguments", "`initial` is a tuple of tokens", "write `initial=(0,)`")
        for each in node.elts:
            self._fits_end(each, end)
            self._give_up(each, end)

    # what a process says ----------------------------------------------------------------------------------------

    def _call_advance(self, node: ast.Call) -> Known:
        self._ends(node, "recv", 1)
        return Number("bool")

    def _call_try_advance(self, node: ast.Call) -> Known:
        self._ends(node, "recv", 1)
        return self._between(node, 0, LARGEST)

    def _call_peek(self, node: ast.Call) -> Known:
        self._ends(node, "recv", 1)
        return self._between(node, 0, LARGEST)

    def _call_advance_any(self, node: ast.Call) -> Known:
        ends = self._ends(node, "recv", None)
        if len({each.name for each in ends}) != len(ends) or not ends:
            raise self.refused(
                node, "type.bad-arguments", "`advance_any` takes different ends of channels", "name each end once"
            )
        return self._between(node, -1, len(ends) - 1)

    def _call_one_of(self, node: ast.Call) -> Known:
        if len(node.args) < 2 or node.keywords or (self.naming is not None and self.naming[0] == id(node)):
            raise self.refused(
                node, "type.bad-arguments", "`one_of` takes a number and receiving ends, for a `token`",
                "write `token(one_of(at, a, b))`",
            )  # fmt: skip
        at, ends = self.index(node.args[0]), [self._end(node, each, "recv") for each in node.args[1:]]
        first = ends[0].carries
        for each in ends[1:]:
            if (
                type(each.carries) is not type(first)
                or each.carries.dtype is not first.dtype
                or _rank(each.carries) != _rank(first)
            ):
                raise self.refused(
                    node, "type.dtype-mismatch",
                    f"`{ends[0].name}` carries {first}, `{each.name}` {each.carries}, and either may be received here",
                    "receive from channels that carry one dtype and as many axes, or from each by itself",
                )  # fmt: skip
        name = f"one_of({at}, {', '.join(each.name for each in ends)})"
        self.among[name] = tuple(each.name for each in ends)
        if isinstance(first, ScalarType):
            return End(first, "recv", name)
        every = zip(*(each.carries.dims for each in ends if not isinstance(each.carries, ScalarType)), strict=True)
        dims = tuple(sizes[0] if len(set(sizes)) == 1 else sym(self.fresh("n", node)) for sizes in every)
        return End(replace(first, dims=dims), "recv", name)

    def _call_token(self, node: ast.Call) -> Known:
        if len(node.args) > 1:
            return self._sized_token(node)
        (end,) = self._ends(node, "recv", 1, changes=False)
        if isinstance(end.carries, ScalarType):
            return self.scalar_of(end.carries.dtype, self.fresh("n", node))
        dims = tuple(self._in_hand(end, axis, size) for axis, size in enumerate(end.carries.dims))
        if isinstance(end.carries, TileType):
            return Value(end.carries.dtype, dims)
        if self.naming is None or self.naming[0] != id(node):
            raise self.refused(node, "type.bad-network", "a received buffer has no name", "write `x = token(…)`")
        box = Box(tuple(const(0) for _ in dims), dims, tuple(True for _ in dims))
        self.result.received.add(self.naming[1])
        return Region(end.carries.dtype, dims, "", box)

    def _sized_token(self, node: ast.Call) -> Value:
        """A token whose sizes are written with it."""
        end, sizes = self._end(node, node.args[0], "recv"), [self.index(each) for each in node.args[1:]]
        if node.keywords or not isinstance(end.carries, TileType) or len(sizes) != len(end.carries.dims):
            raise self.refused(
                node, "type.bad-arguments", f"{len(sizes)} sizes are given of a token of {end.carries}",
                "write one size for each axis of a tile",
            )  # fmt: skip
        for each in sizes:
            self.facts = self.facts.with_nonnegative(each)
        return Value(end.carries.dtype, tuple(sizes))

    def _call_token_size(self, node: ast.Call) -> Known:
        self._takes(node, ("inp", "axis"))
        end, axis = self._end(node, node.args[0], "recv"), self.index(node.args[1]).constant
        dims = () if isinstance(end.carries, ScalarType) else end.carries.dims
        if axis is None or not 0 <= axis < len(dims):
            raise self.refused(
                node, "type.bad-axis", f"a token of {end.carries} has {len(dims)} axes", "write one from 0 on"
            )
        return Index(self._in_hand(end, axis, dims[axis], node))

    def _call_send(self, node: ast.Call) -> Known:
        self._sent(node)
        return Text(None)

    def _call_try_send(self, node: ast.Call) -> Known:
        self._sent(node)
        return Number("bool")

    def _call_close(self, node: ast.Call) -> Known:
        self._ends(node, "send", 1)
        return Text(None)

    def _call_occupancy(self, node: ast.Call) -> Known:
        self._ends(node, "any", 1)
        symbol = sym(self.fresh("n", node))
        self.facts = self.facts.with_nonnegative(symbol)
        return Index(symbol)

    def _call_full(self, node: ast.Call) -> Known:
        self._ends(node, "any", 1)
        return Number("bool")

    def _call_stop_process(self, node: ast.Call) -> Known:
        self._takes(node, ())
        self._in_process(node)
        return Text(None)

    # calls of processes -----------------------------------------------------------------------------------------

    def declares(self, node: ast.Call, function: Function) -> None:
        """Checks where a kernel or routine is called: while a network is open every call is of a process."""
        if is_process(function) and self.opened is None:
            raise self.refused(
                node, "type.bad-network", f"`{function.name}` is a process, and no network is open here",
                "call it between `open_network()` and `close_network()`",
            )  # fmt: skip
        if self.opened is not None and function.kind != "kernel":
            raise self.refused(
                node, "type.bad-network", f"`{function.name}` is a {function.kind}, and a network is open",
                "call it before `open_network()` or behind `close_network()`; a process is a kernel",
            )  # fmt: skip

    def pass_end(self, node: ast.expr, function: Function, param: Param, known: Known, sizes: dict[str, Expr]) -> None:
        """Checks a channel that is passed to a process; sizes that the call does not give may differ each time."""
        side = "send" if param.direction == "send" else "recv"
        self.still_has(node, known, side, function.name)
        if not isinstance(known, End) or known.side not in ("both", side):
            raise self.refused(
                node, "type.bad-network", f"`{function.name}` wants a channel for `{param.name}`, not {known}",
                "pass a channel of the network, or the end of one",
            )  # fmt: skip
        carries, wants = known.carries, param.type
        if (
            wants is None
            or type(wants) is not type(carries)
            or wants.dtype is not carries.dtype
            or _rank(wants) != _rank(carries)
        ):
            raise self.refused(
                node, "type.dtype-mismatch" if _rank(wants) == _rank(carries) else "type.shape-mismatch",
                f"channel `{known.name}` carries {carries}, and `{param.name}` of `{function.name}` is {wants}",
                "declare one type at both ends",
            )  # fmt: skip
        if isinstance(wants, ScalarType) or isinstance(carries, ScalarType):
            return
        for want, have in zip(wants.dims, carries.dims, strict=True):
            if known.side == "send" and have.constant is None:
                continue  # the process has said that it may send less, so another one may in its place
            if want.symbols <= set(sizes):
                what = f"channel `{known.name}` carries {carries}, and `{param.name}` of `{function.name}` is {wants}"
                shapes.same(self.facts, have, want.substitute(sizes), what, "declare one type at both ends")

    # parts ------------------------------------------------------------------------------------------------------

    def _sent(self, node: ast.Call) -> None:
        self._takes(node, ("out", "value"))
        end = self._end(node, node.args[0], "send")
        self._fits_end(node.args[1], end)
        self._give_up(node.args[1], end)

    def _give_up(self, node: ast.expr, end: End) -> None:
        """Ends the use of a buffer that is the receiver's from now on."""
        known = self.expression(node)
        if isinstance(end.carries, TensorType) and isinstance(known, Region):
            self.handed_on(node, known.root)

    def _fits_end(self, node: ast.expr, end: End) -> None:
        """Checks a token that is sent, or is there from the start."""
        known, carries = self.expression(node), end.carries
        if isinstance(known, Index | Number) and isinstance(carries, ScalarType):
            self._number(node, known, carries.dtype, end)
            return
        if not isinstance(known, Value | Region) or _rank(carries) != len(known.dims):
            raise self.refused(
                node, "type.shape-mismatch", f"`{end.name}` carries {carries}, not {known}", "send what it carries"
            )
        if known.dtype is not carries.dtype:
            raise self.refused(
                node, "type.dtype-mismatch", f"`{end.name}` carries {carries}, not {known}",
                f"cast it: `.astype({carries.dtype.name})`",
            )  # fmt: skip
        if isinstance(carries, TensorType) and not self._is_buffer(node, known):
            what = "a parameter, whose memory is the caller's" if isinstance(node, ast.Name) else "a tile, a value"
            raise self.refused(
                node, "csp.payload", f"channel '{end.name}' carries {carries}, and {what}, is sent",
                "send a buffer made by htp.empty, or one that was received",
            )  # fmt: skip
        self.as_tile(node, known)
        for want, have in zip(() if isinstance(carries, ScalarType) else carries.dims, known.dims, strict=True):
            if end.side == "both" or want.symbols <= self.sizes_given:
                what = f"`{end.name}` carries {carries}, and a tile of {shapes.show(known.dims)} is sent"
                shapes.same(self.facts, have, want, what, "send what it carries")

    def _is_buffer(self, node: ast.expr, known: Value | Region) -> bool:
        params = {each.name for each in self.function.params}
        return isinstance(node, ast.Name) and isinstance(known, Region) and known.root not in params

    def _number(self, node: ast.expr, known: Index | Number, dtype: DType, end: End) -> None:
        if (dtype is bool_) is not (isinstance(known, Number) and known.kind == "bool"):
            raise self.refused(
                node, "type.dtype-mismatch", f"`{end.name}` carries {end.carries}, not {known}",
                "send a number of that type",
            )  # fmt: skip
        if isinstance(known, Number) and known.kind == "float" and dtype.kind != "float":
            raise self.refused(
                node, "type.dtype-mismatch", f"`{end.name}` carries {end.carries}, and a float is sent",
                "send an integer: `int(…)`, or declare the channel as one of floats",
            )  # fmt: skip
        self.adapt_scalar(node, known, dtype)


def given_sizes(function: Function) -> frozenset[str]:
    """The names of sizes that a call gives; others in the types of ends differ from token to token."""
    tensors = (each.type for each in function.params if each.type is not None and not each.is_end)
    sizes = (size for each in tensors if not isinstance(each, ScalarType) for size in each.dims)
    scalars = {each.name for each in function.params if each.direction == "scalar"}
    return frozenset({*scalars, *(name for size in sizes for name in size.symbols)})


def _reads(access: Access) -> bool:
    return not access.writes


def _rank(carried: TensorType | TileType | ScalarType | None) -> int:
    return len(carried.dims) if isinstance(carried, TensorType | TileType) else 0
