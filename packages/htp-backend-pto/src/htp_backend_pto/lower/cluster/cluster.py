"""`pto.cluster`: a network of a cube process and a vector process becomes one task, in which tokens go through pipes.

Knows which way a network goes; how it is read and how its processes are written stands in the modules beside it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Loops, Normalized, Parallel, Simplified, Typed, Vectorized
from htp.diagnostics import Refused
from htp.fresh_names import unused
from htp.infer.engine import infer
from htp.lowering.build import call
from htp.passes import Pass
from htp.program import Function, origin_of, stamp
from htp_backend_pto.forms import Divided
from htp_backend_pto.lower.cluster.assertions import asserted
from htp_backend_pto.lower.cluster.members import alone, fixed, loaded, pushed, single, summed
from htp_backend_pto.lower.cluster.processes import Link, plain
from htp_backend_pto.lower.cluster.reading import net_of, no_cluster
from htp_backend_pto.lower.cluster.sizes import Gang, Member
from htp_backend_pto.lower.cluster.slots import checked
from htp_backend_pto.lower.cluster.zeros import sends_sums, with_zeros
from htp_backend_pto.lower.tidy import alive, with_sizes
from htp_backend_pto.lower.translate import spelled_symbols

if TYPE_CHECKING:
    from htp.program import Program
    from htp_backend_pto.lower.cluster.reading import Net

__all__ = ["Cluster"]

UNASKED = 100
"""What it costs the planner: more than any other way for networks, so that it runs where it is pinned."""


@dataclass(frozen=True)
class Cluster(Pass):
    """A network of a process of products and one of everything else becomes one task for a cluster of cores."""

    name = "pto.cluster"
    cost = UNASKED
    requires = (Typed(), Normalized(), Simplified())
    invalidates = (Typed(), Normalized(), Simplified(), Parallel(), Loops(), Vectorized(), Divided())
    eliminates = (DialectUse("streams"),)
    introduces = (DialectUse("gangs"), DialectUse("host"), DialectUse("tile"))
    understands = tuple(DialectUse(each) for each in ("tile", "host", "streams"))
    # not "tasks": what has become tasks already is none for it, which the planner would have to find out

    def apply(self, program: Program) -> Program:
        """The program whose networks are gangs.

        Raises:
            Refused: `pto.no-cluster` for a network that is not one of two such processes, or whose numbers of tokens
                are not known; `pto.tpipe-slots` for capacities that pipes do not have.
        """
        for name in [each.name for each in program.functions if each.kind == "routine"]:
            net = net_of(program, program.function(name))
            if net is not None:
                program = _clustered(*alone(program, net))
        return program


def _clustered(program: Program, net: Net) -> Program:
    """The program with a network as a gang: a routine of its own, which the network's routine calls."""
    checked(list(net.streams.values()))
    program = loaded(fixed(program, net), net)
    for each in net.processes:
        single(program, each)
    gang = Gang(infer(program, net.routine))
    members = {each.kernel.name: Member(each, gang) for each in net.processes}
    spelled = spelled_symbols(net.routine.body, gang.known)
    products, other = sorted(members.values(), key=lambda each: each.process.unit)
    sums = summed(products, infer(program, products.process.kernel), spelled)
    program = program.replace(*(plain(each.kernel) for each in net.processes))
    program = program.replace(*pushed(program, net))
    program = _sized(_drained(program, net, members), net, members)
    asserts = [test for each in members.values() for test in asserted(program, each, spelled)]
    made = [_gang(program, net, gang, members)]
    called = stamp(ast.Expr(call(made[0].name, *gang.arguments.values())), made[0].origin)
    if len(sums) == 1 and sends_sums(products.process.kernel):
        ((test, _),) = sums
        lone, given = with_zeros(program, net, other, spelled)
        made.append(lone)
        empty = stamp(ast.Expr(call(lone.name, *given)), lone.origin)
        called = stamp(ast.If(test, [called], [empty]), made[0].origin)
    else:
        asserts += [stamp(ast.Assert(test, None), origin_of(loop)) for test, loop in sums]
    body = alive([*net.before, *asserts, called, *net.behind])
    made.append(replace(net.routine, body=tuple(with_sizes(net.routine, body))))
    kernels = (replace(program.function(name), params=(*each.process.kernel.params, *each.more))
               for name, each in members.items())  # fmt: skip
    functions: list[Function] = []
    for each in program.replace(*kernels).functions:
        functions += made if each.name == net.routine.name else [each]
    return replace(program, functions=tuple(functions))


def _links(program: Program, net: Net, members: dict[str, Member]) -> list[Link]:
    found: list[Link] = []
    for name, stream in net.streams.items():
        (sender, out), (receiver, inp) = net.producer(name), net.consumer(name)
        found.append(Link(program, stream, members[sender.kernel.name], out, members[receiver.kernel.name], inp))
    return found


def _drained(program: Program, net: Net, members: dict[str, Member]) -> Program:
    """The program in which no process receives until a stream ends; senders that do not come first."""
    while True:
        open_ = [(each, loop) for each in _links(program, net, members) if (loop := each.drain()) is not None]
        if not open_:
            return program
        waiting = {each.receiver.process.kernel.name for each, _ in open_}
        ready = [found for found in open_ if found[0].sender.process.kernel.name not in waiting]
        if not ready:
            raise no_cluster(open_[0][1], "two processes that receive from each other until a stream ends")
        link, loop = ready[0]
        program = program.replace(link.drained(loop))


def _sized(program: Program, net: Net, members: dict[str, Member]) -> Program:
    """The program in which every token has the size that it was sent with; some sizes follow from others."""
    left = set(net.streams)
    while left:
        refused: list[Refused] = []
        before = len(left)
        for name in [each for each in net.streams if each in left]:
            link = next(each for each in _links(program, net, members) if each.stream.name == name)
            try:
                program = program.replace(link.sized())
            except Refused as found:
                refused.append(found)
            else:
                left.remove(name)
        if len(left) == before:
            raise refused[0]
    return program


def _gang(program: Program, net: Net, gang: Gang, members: dict[str, Member]) -> Function:
    """The routine that declares the network, whose processes run together."""
    name = unused(f"{net.routine.name}_mix", {each.name for each in program.functions})
    opened = ast.Call(ast.Name("open_network", ast.Load()), [], [ast.keyword("together", ast.Constant(True))])
    body: list[ast.stmt] = [ast.Expr(opened)]
    for each in net.streams.values():
        made = each.statement.value
        if isinstance(made, ast.Call):
            kept = [word for word in made.keywords if word.arg in ("capacity", "latency", "response", "name")]
            body.append(ast.Assign(each.statement.targets, ast.Call(made.func, made.args, kept), lineno=0))
            stamp(body[-1], getattr(each.statement, "origin", None))
    for kernel, member in members.items():
        body.append(ast.Expr(call(kernel, *member.passed)))
        stamp(body[-1], getattr(member.process.statement, "origin", None))
    body.append(ast.Expr(call("close_network")))
    origin = getattr(net.place, "origin", None) or net.routine.origin
    doc = f"The network of `{net.routine.name}`, in one task."
    function = Function(name, "routine", tuple(gang.params.values()), (), origin, doc)
    return replace(function, body=tuple(stamp(each, origin) for each in with_sizes(function, body)))
