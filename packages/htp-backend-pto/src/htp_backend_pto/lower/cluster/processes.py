"""A process with as many receives as there are sends: no stream has an end, and every token the size it was sent with.

Knows the words of the process form in normal form; what is written is brought to normal form again behind it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.fresh_names import unused
from htp.infer.engine import infer
from htp.liveness import loads
from htp.lowering.build import assigned, call, expression
from htp.program import origin_of, stamp
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.cluster.counters import counted
from htp_backend_pto.lower.cluster.nests import Nest, Turns, matched, same, sites, total
from htp_backend_pto.lower.cluster.reading import no_cluster
from htp_backend_pto.lower.cluster.sizes import translated, used_names
from htp_backend_pto.lower.units import called
from htp_backend_pto.tiles import tile_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp_backend_pto.lower.cluster.reading import Stream
    from htp_backend_pto.lower.cluster.sizes import Member

__all__ = ["Link", "plain"]

ALIKE = "write the same loops around the send and the receive; or compile without the pin of `pto.cluster`"
UNSAID = ("close", "work")
"""What a process may say and a core need not do."""


@dataclass(frozen=True)
class Link:
    """A channel of a gang: who sends, who receives, and by which ends; kernels are those of `program`."""

    program: Program
    stream: Stream
    sender: Member
    out: str
    receiver: Member
    inp: str

    @property
    def taker(self) -> Function:
        """The receiver's kernel as it is now."""
        return self.program.function(self.receiver.process.kernel.name)

    def sent(self) -> list[Nest]:
        """The places that send, in the receiver's names."""
        kernel = self.program.function(self.sender.process.kernel.name)
        return [self._received(each) for each in sites(kernel, infer(self.program, kernel), "send", self.out)]

    def _received(self, nest: Nest) -> Nest:
        variables: dict[str, Expr] = {each.variable: sym(f"{each.variable}__sent") for each in nest.loops}

        def told(value: Expr) -> Expr:
            return translated(value, self.sender, self.receiver, nest.place, variables)

        loops = (Turns(str(variables[each.variable]), told(each.start), told(each.stop), each.step)
                 for each in nest.loops)  # fmt: skip
        return Nest(tuple(loops), tuple(map(told, nest.sizes)), nest.place)

    def drain(self) -> ast.While | None:
        """The receiver's loop that ends with the stream."""
        loops = (each for each in self.taker.body if isinstance(each, ast.While))
        return next((each for each in loops if _of(each.test, "advance", self.inp)), None)

    def drained(self, loop: ast.While) -> Function:
        """The receiver with the sender's loops in place of that one.

        Raises:
            Refused: `pto.no-cluster` where the sender does not send in one place, in loops over known numbers.
        """
        sent, kernel = self.sent(), self.taker
        if len(sent) != 1 or not sent[0].loops:
            raise no_cluster(loop, f"receiving until '{self.stream.name}' ends", ALIKE)
        taken, named, turns = used_names(kernel), dict[str, "Expr"](), list[Turns]()
        for each in sent[0].loops:
            name = unused(each.variable.removesuffix("__sent"), taken)
            taken.add(name)
            turns.append(replace(each.within(named), variable=name))
            named[each.variable] = sym(name)
        at = kernel.body.index(loop)
        before, behind = list(kernel.body[:at]), list(kernel.body[at + 1 :])
        inner: list[ast.stmt] = [stamp(ast.Expr(loop.test), origin_of(loop)), *loop.body]
        if len(turns) == 1:
            inner = counted(inner, before, behind, turns[0])
        for each in reversed(turns):
            bounds = call("range", each.start, each.stop, each.step)
            inner = [stamp(ast.For(ast.Name(each.variable, ast.Store()), bounds, inner, [], lineno=0), origin_of(loop))]
        return self._written([*before, *inner, *behind])

    def _written(self, body: Sequence[ast.stmt]) -> Function:
        """The receiver with another body, and with what it is given by now."""
        return replace(self.taker, params=(*self.receiver.process.kernel.params, *self.receiver.more), body=tuple(body))

    def sized(self) -> Function:
        """The receiver, in which every token is taken with the sizes that it was sent with.

        Raises:
            Refused: `pto.no-cluster` where they are not known, or the numbers of tokens may differ.
        """
        sent, kernel = self.sent(), self.taker
        taken = list(sites(kernel, infer(self.program, kernel), "advance", self.inp))
        sizes = self._sizes(sent, taken)
        body = _Sized(self.inp, sizes).block(kernel.body)
        first = next((at for at, each in enumerate(body) if self.inp in loads(each)), 0)
        return self._written([*body[:first], *self._bounds(sizes), *body[first:]])

    def _bounds(self, sizes: Sequence[Expr]) -> list[ast.stmt]:
        """That no token is larger than its channel carries, as the receiver needs to know, and its sender does."""
        pairs = zip(sizes, self.stream.shape, strict=False)
        open_ = ((size, most) for size, most in pairs if size.symbols and size.symbols <= self.receiver.sizes.keys())
        tests = (ast.Compare(expression(size), [ast.LtE()], [ast.Constant(most)]) for size, most in open_)
        return [stamp(ast.Assert(each, None), origin_of(self.stream.statement)) for each in tests]

    def _sizes(self, sent: Sequence[Nest], taken: Sequence[Nest]) -> tuple[Expr, ...]:
        """The sizes of every token in the names of the receiver; the numbers of tokens are equal."""
        place = taken[0].place if taken else self.receiver.process.statement
        name = self.stream.name
        if len(sent) == len(taken) == 1:
            found = matched(sent[0], taken[0])
            if found is not None:
                return tuple(each.substitute(found) for each in sent[0].sizes)
        put, got = total(sent), total(taken)
        sizes = {each.sizes for each in sent}
        variables = {loop.variable for each in sent for loop in each.loops}
        if put is None or got is None or len(sizes) > 1 or any(s.symbols & variables for each in sizes for s in each):
            raise no_cluster(place, f"receiving from '{name}' in other loops than those that send", ALIKE)
        if not same(put, got):
            raise no_cluster(place, f"receiving {got} tokens of '{name}', to which {put} are sent", ALIKE)
        return next(iter(sizes), ())


class _Sized:
    """Writes the receives of one end."""

    def __init__(self, end: str, sizes: tuple[Expr, ...]) -> None:
        self.end, self.sizes = end, sizes
        self.got: set[str] = set()

    def block(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        return [stamp(made, origin_of(each)) for each in body for made in self.statement(each)]

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        match node:
            case ast.For() | ast.While():
                return [with_blocks(node, self.block(node.body))]
            case ast.If():
                return [with_blocks(node, self.block(node.body), self.block(node.orelse))]
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as made)
                | ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made)
            ) if word := self.word(made):
                return self.taken(name, word, made)
            case ast.Expr(value=ast.Call(args=[ast.Name(id=name), *_]) as made) if (
                called(made) == "require" and name in self.got
            ):
                return []
            case _:
                return [node]

    def word(self, made: ast.Call) -> str:
        """What is said of the end."""
        word = called(made)
        mine = word in ("advance", "token", "token_size") and ast.unparse(made.args[0]) == self.end
        return word if mine else ""

    def taken(self, name: str, word: str, made: ast.Call) -> list[ast.stmt]:
        if word == "advance":
            self.got.add(name)
            return [ast.Expr(made)]
        if word == "token_size":
            axis: int = ast.literal_eval(made.args[1])
            return [assigned(name, expression(self.sizes[axis]))]
        varies = any(each.constant is None for each in self.sizes)
        return [assigned(name, call("token", self.end, *self.sizes) if varies else call("token", self.end))]


def plain(kernel: Function) -> Function:
    """The process without what no core does, and without the types of tiles, whose sizes have other names now."""
    return replace(kernel, body=tuple(_plain(kernel.body)))


def _plain(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    for each in body:
        match each:
            case ast.For() | ast.While():
                made.append(with_blocks(each, _plain(each.body)))
            case ast.If():
                made.append(with_blocks(each, _plain(each.body), _plain(each.orelse)))
            case ast.Expr(value=ast.Call() as said) if called(said) in UNSAID:
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if tile_type(each.annotation):
                made.append(stamp(assigned(name, value), origin_of(each)))
            case _:
                made.append(each)
    return made


def _of(node: ast.expr, word: str, end: str) -> bool:
    return isinstance(node, ast.Call) and called(node) == word and ast.unparse(node.args[0]) == end
