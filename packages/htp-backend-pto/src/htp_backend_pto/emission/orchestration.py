"""A routine as orchestration for pto-runtime: one C++17 source whose tasks are the kernels that the routine calls.

Knows the file and the statements between calls; the calls themselves are printed by `orchestration_tasks`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.dims import sym
from htp.lowering.build import asserted
from htp.program import origin_of
from htp_backend_pto.block_tasks import block_task
from htp_backend_pto.emission.checks import Check
from htp_backend_pto.emission.lines import Lines, place_of
from htp_backend_pto.emission.orchestration_head import foot, head
from htp_backend_pto.emission.orchestration_names import Names
from htp_backend_pto.emission.orchestration_tasks import Tasks
from htp_backend_pto.emission.ranges import range_bounds, range_head
from htp_backend_pto.emission.regions import root_of
from htp_backend_pto.emission.scalars import CPP, Text, cpp_name, unprintable
from htp_backend_pto.emission.scoping import Placement, placement_of
from htp_backend_pto.emission.sites import called, needed_names, sites_of, stored_root, task_word
from htp_backend_pto.emission.tracking import decide, facts_in
from htp_backend_pto.emission.window import NONE, Fullest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.dims import Facts
    from htp.program import Function, Program
    from htp_backend_pto.emission.lines import Line
    from htp_backend_pto.emission.orchestration_tasks import KernelNumber
    from htp_backend_pto.emission.window import Held
    from htp_backend_pto.profile import Profile

__all__ = ["KEPT", "Orchestration", "orchestration_source"]

FAILED = "run.assertion-failed"
KEPT: Mapping[str, tuple[str, ...]] = {"task": ("after", "tag", "stream", "blocks"), "require": ()}
"""What of the task form's words reaches the runtime; where a task runs and which goes first it decides itself."""


@dataclass(frozen=True)
class Orchestration:
    """The printed source, what it checks, and what it needs of the runtime.

    `fullest` is the scope that holds the most tasks at a time; `reads_results` says that the host reads what tasks
    wrote, and `headers` are the package's own headers.
    """

    text: str
    lines: tuple[Line, ...]
    checks: tuple[Check, ...]
    headers: tuple[str, ...]
    fullest: Fullest
    reads_results: bool
    followed: tuple[str, ...]


def orchestration_source(program: Program, kernels: Sequence[KernelNumber], profile: Profile) -> Orchestration:
    """The orchestration of the program's entry.

    Raises:
        Refused: `pto.no-orchestration`, `pto.too-many-arguments`,
            `pto.too-many-axes`.
    """
    return _Printer(program, kernels, profile).whole()


class _Printer:
    def __init__(self, program: Program, kernels: Sequence[KernelNumber], profile: Profile) -> None:
        self.program, self.kernels, self.profile = program, kernels, profile
        self.function: Function = program.main
        self.sites = sites_of(program, self.function)
        self.names = Names(program, self.function, self.sites, profile)
        self.decisions = decide(self.sites, self.names.facts())
        self.names.own = self.decisions.own
        self.needed = needed_names(self.function.body, KEPT)
        self.placement: Placement = placement_of(self.function.body)
        self.out = Lines()
        self.checks: list[Check] = []
        self.reads_results = False
        self.loops = 0
        self.fullest = Fullest()
        self.tasks = Tasks(self.names, self.decisions, self.out, self.check)

    def whole(self) -> Orchestration:
        self._check_limits()
        facts = self.names.facts()
        facts = self._early_return(facts)
        self._predeclare()
        held = self.block(self.function.body, 1, facts)
        lines = (*head(self.names, self.tasks, self.kernels, self._headers()[-1]), *self.out.lines, *foot())
        text = "\n".join(each.text for each in lines) + "\n"
        return Orchestration(
            text,
            lines,
            tuple(self.checks),
            self._headers(),
            self.fullest if held.own <= self.fullest.tasks else Fullest(held.own),
            self.reads_results,
            tuple(sorted(self.decisions.followed)),
        )

    def check(self, check: Check) -> int:
        """The number of a check; equal ones share it."""
        if check not in self.checks:
            self.checks.append(check)
        return self.checks.index(check)

    def block(self, body: Sequence[ast.stmt], depth: int, facts: Facts) -> Held:
        """Prints statements; returns how many tasks scopes hold at a time."""
        return sum((self.statement(each, depth, facts) for each in body), NONE)

    def _chosen(self, node: ast.stmt, depth: int, facts: Facts) -> Held:
        """A branch that the runtime decides on: its tasks are all submitted, with predicates."""
        return self.block([*node.body, *node.orelse], depth, facts) if isinstance(node, ast.If) else NONE

    def statement(self, node: ast.stmt, depth: int, facts: Facts) -> Held:
        match node:
            case _ if self.sites.is_chosen(node):
                return self._chosen(node, depth, facts)
            case ast.For() if (several := block_task(node)) is not None:
                self.tasks.word("task", several.task, node, depth)
                return self._call(several.call, several.statement, depth, facts)
            case ast.For():
                return self._for(node, depth, facts)
            case ast.While(test=test, body=inner):
                self.out.write(depth, f"while (!{self.profile.is_fatal} && {self.names.text(test).within(9)}) {{", node)
                return self._scoped(node, inner, depth, facts)
            case ast.If():
                return self._if(node, depth, facts)
            case ast.Assert(test=test):
                self._require(test, Check("assertion", asserted(node), place_of(node), FAILED), node, depth)
            case ast.Break() | ast.Continue():
                self.out.write(depth, "break;" if isinstance(node, ast.Break) else "continue;", node)
            case ast.Pass():
                pass
            case _ if stored_root(node) is not None:
                self._store(node, depth, facts)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if called(value) == "empty":
                return self.tasks.buffer(name, node, depth, facts)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign(name, value, node, depth, facts)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._assign(name, value, node, depth, facts)
            case ast.AugAssign(target=ast.Name(id=name, ctx=ast.Store()), op=operator, value=value):
                left = ast.copy_location(ast.Name(name, ast.Load()), value)
                self._assign(name, ast.BinOp(left, operator, value), node, depth, facts)
            case ast.Expr(value=ast.Call() as call):
                return self._call(call, node, depth, facts)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise unprintable(node, "it is no statement of a routine that lies between kernels")
        return NONE

    def _call(self, call: ast.Call, node: ast.stmt, depth: int, facts: Facts) -> Held:
        word, name = task_word(node), called(call)
        if word:
            return self.tasks.word(word, call, node, depth)
        if name == "require":
            test, *words = call.args
            text, _, *more = (str(each.value) if isinstance(each, ast.Constant) else "" for each in words)
            code, help = (*more, "", "")[:2]
            self._require(test, Check("assertion", text, place_of(node), code or FAILED, help), node, depth)
            return NONE
        for each in self.kernels:
            if each.name == name:
                return self.tasks.call(self.sites.of(node), each.core, depth, facts)
        raise unprintable(node, "it calls no kernel")

    def _for(self, node: ast.For, depth: int, facts: Facts) -> Held:
        match node:
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=bounds)):
                pass
            case _:
                raise unprintable(node, "a loop counts with `range`")
        if name in self.placement.outlived:
            raise unprintable(node, f"`{name}` is used behind its loop; count in a scalar of your own")
        self.names.kinds[name] = "int"
        start, stop, step = range_bounds([self.names.text(each) for each in bounds])
        stop = self._fixed(bounds[min(1, len(bounds) - 1)], stop, node, depth)
        self.out.write(depth, range_head(cpp_name(name), start, stop, step), node)
        return self._scoped(node, node.body, depth, facts_in([node], facts))

    def _scoped(self, loop: ast.For | ast.While, body: Sequence[ast.stmt], depth: int, facts: Facts) -> Held:
        """The body of a loop: what its tasks allocate is given back after every turn, and so are their places."""
        at = len(self.out.lines)
        self.loops += 1
        inside = self.block(body, depth + 1, facts)
        if inside.own:
            head = self.out.lines[at - 1]
            opened, comment, rest = head.text.partition("{")
            self.out.lines[at - 1] = type(head)(f"{opened}{self.profile.scope} {comment}{rest}", head.statement)
        self.out.write(depth, "}")
        self.loops -= 1
        closed = inside.closed(self.loops + 1, self.profile.limits.rings)
        if closed.inner > self.fullest.tasks:
            what = f"`{ast.unparse(loop.target)}`" if isinstance(loop, ast.For) else f"`while {ast.unparse(loop.test)}`"
            self.fullest = Fullest(closed.inner, f"one turn of the loop over {what}", place_of(loop))
        return closed

    def _if(self, node: ast.If, depth: int, facts: Facts) -> Held:
        self.out.write(depth, f"if ({self.names.cpp(node.test)}) {{", node)
        first = self.block(node.body, depth + 1, facts)
        second = NONE
        if node.orelse:
            self.out.write(depth, "} else {")
            second = self.block(node.orelse, depth + 1, facts)
        self.out.write(depth, "}")
        return first | second

    def _fixed(self, node: ast.expr, text: Text, statement: ast.stmt, depth: int) -> Text:
        """The end of a range, which Python computes once."""
        loaded = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        if not loaded & self.placement.changing and not any(isinstance(x, ast.Subscript) for x in ast.walk(node)):
            return text
        stop = self.names.unique("stop")
        self.out.write(depth, f"const int64_t {stop} = {text.cpp};", statement)
        return Text(stop, text.kind)

    def _assign(self, name: str, value: ast.expr, node: ast.stmt, depth: int, facts: Facts) -> None:
        if name not in self.needed:
            return
        if name in self.names.declared:
            return  # the extent of that name; the text says so again
        text = self.names.text(value)
        self._check_elements(value, node, depth, facts)
        kind = self.placement.kinds.get(name) or text.kind
        self.names.kinds[name] = kind
        start = ""
        if name in self.placement.here and self.placement.here[name] is node:
            start = f"const {CPP[kind]} " if name in self.placement.constant else f"{CPP[kind]} "
        self.out.write(depth, f"{start}{cpp_name(name)} = {text.cpp};", node)
        if self._reads_tensors(value):
            self.out.write(depth, f"if ({self.profile.is_fatal}) return;", node)

    def _check_elements(self, value: ast.expr, node: ast.stmt, depth: int, facts: Facts) -> None:
        """The indices of elements that are read are in range, and what was written to them can be waited for."""
        for each in ast.walk(value):
            array = root_of(each) if isinstance(each, ast.Subscript) else None
            if array in self.sites.buffers and isinstance(each, ast.Subscript):
                self.tasks.check_indices(each, node, depth, facts)
                buffer = self.sites.buffers[array]
                written = any(use.param.direction != "in" for site in self.sites.on(array) for use in site.uses(array))
                self.reads_results = self.reads_results or written or buffer.direction == "out"
                self.tasks.reveal(array, depth, node)

    def _reads_tensors(self, value: ast.expr) -> bool:
        roots = {root_of(each) for each in ast.walk(value) if isinstance(each, ast.Subscript)}
        return any(each in self.sites.buffers and each not in self.decisions.own for each in roots)

    def _store(self, node: ast.stmt, depth: int, facts: Facts) -> None:
        match node:
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                pass
            case ast.AugAssign(target=ast.Subscript() as target, op=operator, value=added):
                value = ast.BinOp(target, operator, added)
            case _:
                raise Bug(f"{ast.unparse(node)} stores nothing")
        array = root_of(target) or ""
        if array not in self.decisions.own:
            index = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
            held = [f"`assert 0 <= {ast.unparse(each)} < {array}.shape[{axis}]`"
                    for axis, each in enumerate(index) if not isinstance(each, ast.Constant)]  # fmt: skip
            help_ = "store it in a kernel, at an index that is known to be in range"
            why = f"`{array}` is used outside of it, so that only kernels may write it"
            raise unprintable(node, why, f"{help_}: {', '.join(held)}" if held else help_)
        self._check_elements(value, node, depth, facts)
        self.tasks.check_indices(target, node, depth, facts)
        self.out.write(depth, f"{self.names.element(target).cpp} = {self.names.cpp(value)};", node)

    def _require(self, test: ast.expr, check: Check, node: ast.stmt, depth: int) -> None:
        if isinstance(test, ast.Constant) and test.value is True:
            return
        number = self.check(check)
        self.out.write(depth, f"if (!{self.names.text(test).within(0)}) return htp::fail({number});", node)

    def _early_return(self, facts: Facts) -> Facts:
        """Nothing is to be done when every array that is written has an extent of nothing."""
        written = [each for each in self.sites.buffers.values() if each.direction in ("out", "inout")]
        common = [
            name
            for name in self.names.declared
            if written and all(any(str(d) == name for d in b.dims) for b in written)
        ]
        for name in common:
            facts = facts.with_nonnegative(sym(name) - 1)
            self.names.used[name] = None
        if common:
            self.out.write(1, f"if ({' || '.join(f'{cpp_name(each)} == 0' for each in common)}) return;")
        return facts

    def _predeclare(self) -> None:
        for name, kind in self.placement.ahead.items():
            if name in self.needed and name not in self.names.declared:
                self.out.write(1, f"{CPP[kind]} {cpp_name(name)}{{}};")
                self.names.kinds[name] = kind

    def _check_limits(self) -> None:
        limits, span = self.profile.limits, origin_of(self.function.body[0]) if self.function.body else None
        arrays = [each for each in self.sites.buffers.values() if each.direction != "scratch"]
        scalars = len(self.function.params) - len(arrays) + len(self.program.slots)
        if len(arrays) > limits.call_tensors or scalars > limits.call_scalars:
            raise Refused(
                "pto.too-many-arguments",
                f"`{self.function.name}` takes {len(arrays)} arrays and {scalars} scalars; "
                f"pto-runtime takes {limits.call_tensors} and {limits.call_scalars}",
                span=span,
                help="join arrays of one kind along a new first axis",
            )
        for each in self.sites.buffers.values():
            self.profile.data_type_of(each.dtype)
            if len(each.dims) > limits.dims:
                raise Refused(
                    "pto.too-many-axes",
                    f"`{each.name}` has {len(each.dims)} axes, tensors of pto-runtime have at most {limits.dims}",
                    span=origin_of(each.made) if each.made is not None else span,
                    help="join axes that are always used together",
                )

    def _headers(self) -> tuple[str, ...]:
        return ("htp_host.hpp", "htp_order.hpp", "htp_tasks.hpp") if self.tasks.active else ("htp_host.hpp",)
