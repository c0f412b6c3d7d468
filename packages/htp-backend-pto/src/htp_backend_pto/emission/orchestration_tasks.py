"""Calls of kernels as tasks: parts of tensors, arguments with their tags, what the task waits for, and its submission.

Knows one call at a time and the words of the task form; which arrays are followed is decided in `tracking`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.program import origin_of
from htp.types import TensorType
from htp_backend_pto.emission.checks import Check
from htp_backend_pto.emission.lines import place_of
from htp_backend_pto.emission.orchestration_names import ELEMENTS
from htp_backend_pto.emission.regions import as_dim, difference
from htp_backend_pto.emission.scalars import cpp_name, dim_node, unprintable
from htp_backend_pto.emission.window import NONE, ONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from htp.dims import Facts
    from htp.types import Param
    from htp_backend_pto.contract import Tag
    from htp_backend_pto.emission.lines import Lines
    from htp_backend_pto.emission.orchestration_names import Names
    from htp_backend_pto.emission.predicates import Predicate
    from htp_backend_pto.emission.regions import Axis
    from htp_backend_pto.emission.sites import Argument, Buffer, Site
    from htp_backend_pto.emission.tracking import Decisions
    from htp_backend_pto.emission.window import Held
    from htp_backend_pto.profile import Core

__all__ = ["KernelNumber", "Tasks"]

ADDS: dict[Tag, str] = {
    "INPUT": "add_input",
    "OUTPUT": "add_output",
    "OUTPUT_EXISTING": "add_output",
    "INOUT": "add_inout",
    "NO_DEP": "add_no_dep",
}
USES = {"in": "reads", "out": "writes", "inout": "updates"}
ORDERING = ("after", "tag", "stream")
"""The attributes of a task that order it."""


@dataclass(frozen=True)
class KernelNumber:
    """The number by which tasks name a kernel; a kernel for both units has two, the cube's first."""

    name: str
    core: Core
    number: int


class Tasks:
    """Prints the tasks of one routine."""

    def __init__(self, names: Names, decisions: Decisions, out: Lines, check: Callable[[Check], int]) -> None:
        self.names, self.sites, self.profile = names, names.sites, names.profile
        self.decisions, self.out, self.check = decisions, out, check
        self.words = _ordering_words(names)
        self.active = bool(decisions.followed) or bool(self.words)
        self.name = names.unique("tasks") if self.active else ""
        self._uses = {name: names.unique(f"{cpp_name(name)}_uses") for name in sorted(decisions.followed)}
        self._pending: dict[str, ast.expr] = {}

    def uses_of(self, array: str) -> str:
        """The C++ name of what is known of the accesses to an array."""
        return self._uses[array]

    def word(self, word: str, call: ast.Call, node: ast.stmt, depth: int) -> Held:
        """A word of the task form; returns the tasks that the scope gets."""
        match word:
            case "task":
                given = {each.arg: each.value for each in call.keywords if each.arg is not None}
                self._pending = {name: given[name] for name in ORDERING if name in given}
            case "open_tasks" if self.active and {"after", "stream"} & self.words:
                self.out.write(depth, f"{self.name}.open();", node)
            case "barrier":
                self.out.write(depth, f"{self.name}.barrier();", node)
            case _:
                pass  # reading an element waits for it, what a task costs and where it runs the runtime decides
        return NONE

    def buffer(self, name: str, node: ast.stmt, depth: int, facts: Facts) -> Held:
        """A buffer that tasks use: allocated now, or by the task that writes it first."""
        buffer, cpp = self.sites.buffers[name], cpp_name(name)
        if name in self.decisions.own:
            self._numbers(buffer, node, depth)
            return NONE
        for symbol, extent in buffer.frozen:
            self.names.kinds[symbol] = "int"
            self.out.write(depth, f"const int64_t {symbol} = {self.names.cpp(extent)};", node)
        if name in self.decisions.followed:
            self.out.write(depth, f"htp::Array {self.uses_of(name)};", node)
        maker, new = self.decisions.makers.get(name), f"{{{self._extents(buffer)}}}, {self._type(buffer)}"
        if maker is None:
            self.out.write(depth, f"const {self.profile.tensor} {cpp} = htp::buffer({new});", node)
            self.out.write(depth, f"if ({self.profile.is_fatal}) return;", node)
            return ONE
        if self._guard(maker, facts):
            self.out.write(depth, f"{self.profile.tensor} {cpp} = htp::unset({new});", node)
        return NONE

    def call(self, site: Site, core: Core, depth: int, facts: Facts) -> Held:
        """One call; returns the tasks that the scope gets."""
        self._check_counts(site)
        node = site.statement
        for each in site.arrays:
            self.check_indices(each.node, node, depth, facts)
        if site.predicate is not None:
            self.check_indices(site.predicate.element, node, depth, facts)
        self.out.place = place_of(node)
        said = _shortened(ast.unparse(site.call))
        self.out.write(depth, f"// {self.out.place}{': ' if self.out.place else ''}{said}", node)
        guard = self._guard(site, facts)
        if site.blocks is not None and not isinstance(site.blocks, ast.Constant):
            some = f"{self.names.text(site.blocks).within(4)} > 0"
            guard = f"{some} && ({guard})" if guard else some
        if guard:
            self.out.write(depth, f"if ({guard}) {{", node)
        self._submit(site, core, depth + 1 if guard else depth, facts, guarded=bool(guard))
        if guard:
            self.out.write(depth, "}")
        self._pending = {}
        return ONE

    def reveal(self, array: str, depth: int, node: ast.stmt) -> None:
        """Before elements of an array are read that tasks write."""
        if array in self.decisions.followed:
            self.out.write(depth, f"{self.name}.reveal({self.uses_of(array)}, {cpp_name(array)});", node)

    def check_indices(self, region: ast.expr, node: ast.stmt, depth: int, facts: Facts) -> None:
        """Indices that are not in range for sure are looked at before they are used."""
        if not isinstance(region, ast.Subscript):
            return
        found = self.names.region(region)
        buffer = self.sites.buffers[found.array]
        for axis, dim in zip(found.axes, buffer.dims, strict=True):
            if axis.dropped and not self.names.in_range(axis.start, dim, facts):
                number = self.check(Check("index", ast.unparse(region), place_of(node), "run.index-out-of-range"))
                index, extent = self.names.cpp(axis.start), self.names.dim(dim)
                self.out.write(depth, f"if (!htp::within({index}, {extent}, {number})) return;", node)

    def _submit(self, site: Site, core: Core, depth: int, facts: Facts, *, guarded: bool) -> None:
        node, names = site.statement, self.names
        args = names.unique(f"{site.kernel.name}_{self.sites.calls.index(site) + 1}")
        numbered = self._numbered(site)
        if numbered:
            self._touch(site, depth)
        made = [each.region.array for each in site.arrays if self.decisions.makers.get(each.region.array) is site]
        tensors = [self._tensor(each, site, made, depth, facts) for each in site.arrays]
        self.out.write(depth, f"{self.profile.task_arguments} {args};", node)
        for line in self._arguments(site, args, tensors, made):
            self.out.write(depth, line, node)
        if site.scalars:
            given = [f"{self.profile.scalar_of(_dtype(param))}({names.cpp(value)})" for param, value in site.scalars]
            self.out.write(depth, f"{args}.add_scalar({', '.join(given)});", node)
        if site.blocks is not None:
            count = self.names.text(site.blocks).cpp
            self.out.write(depth, f"{args}.launch_spec.set_block_num(int16_t({count}));", node)
        if numbered:
            self.out.write(depth, f"{self.name}.order({args});", node)
        if site.predicate is not None:
            self.out.write(depth, f"{self._chosen(site.predicate, args)};", node)
        kernel = f"kernel_{site.kernel.name}"
        if core == "mix":
            kernel = f"{self.profile.mixed_kernels}{{{kernel}, {kernel} + 1, {kernel} + 1}}"
        submitted = f"{self.profile.submits[core]}({kernel}, {args})"
        if not made and not numbered:
            self.out.write(depth, f"{submitted};", node)
            return
        outputs = names.unique(f"{args}_out")
        self.out.write(depth, f"const {self.profile.task_outputs} {outputs} = {submitted};", node)
        self.out.write(depth, f"if ({self.profile.is_fatal}) return;", node)
        if numbered:
            self.out.write(depth, f"{self.name}.ran({outputs});", node)
        for number, array in enumerate(made):
            self._made(array, f"{outputs}.get_ref({number})", node, depth, guarded=guarded)

    def _made(self, array: str, where: str, node: ast.stmt, depth: int, *, guarded: bool) -> None:
        start = "" if guarded else f"const {self.profile.tensor} "
        self.out.write(depth, f"{start}{cpp_name(array)} = {where};", node)
        if array in self.decisions.followed:
            whole = ", ".join(f"{{0, {self.names.dim(dim)}}}" for dim in self.sites.buffers[array].dims)
            self.out.write(depth, f"{self.name}.owns({self.uses_of(array)}, {{{whole}}});", node)

    def _chosen(self, predicate: Predicate, args: str) -> str:
        """The task runs only if a comparison holds when it could start."""
        region = self.names.region(predicate.element)
        indices = ", ".join(map(self._start, region.axes))
        target = self.names.cpp(predicate.target)
        op = f"{self.profile.predicate_op}::{predicate.op}"
        return f"htp::only_if({args}, {cpp_name(region.array)}, {{{indices}}}, {op}, {target})"

    def _numbered(self, site: Site) -> bool:
        """Whether the order of the task matters to others, so that it gets a number."""
        touches = any(each.region.array in self.decisions.followed for each in site.arrays)
        return self.active and (touches or bool(self._pending) or "barrier" in self.words)

    def _touch(self, site: Site, depth: int) -> None:
        for name in ORDERING:
            value = self._pending.get(name)
            parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value] if value is not None else []
            for each in parts:
                self.out.write(depth, f"{self.name}.{name}({self.names.cpp(each)});", site.statement)
        for each in site.arrays:
            array = each.region.array
            if array in self.decisions.followed and self.decisions.makers.get(array) is not site:
                box = ", ".join(self._range(axis) for axis in each.region.axes)
                use = USES[each.param.direction]
                self.out.write(depth, f"{self.name}.{use}({self.uses_of(array)}, {{{box}}});", site.statement)

    def _range(self, axis: Axis) -> str:
        return f"{{{self.names.cpp(axis.start)}, {self.names.cpp(axis.stop)}}}"

    def _tensor(self, argument: Argument, site: Site, made: Sequence[str], depth: int, facts: Facts) -> str:
        """The C++ name of an argument's tensor, declared if it is a part of one or made by the task."""
        region = argument.region
        array, buffer = cpp_name(region.array), self.sites.buffers[region.array]
        if region.array in made:
            name = self.names.unique(f"{array}_new")
            new = f"{{{self._extents(buffer)}}}, {self._type(buffer)}"
            self.out.write(depth, f"const {self.profile.create_info} {name} = htp::fresh({new});", site.statement)
            return name
        if region.whole:
            return array
        if _column(argument, buffer):
            raise Refused(
                "pto.strided-view",
                f"`{ast.unparse(argument.node)}` has rows of one element that lie far apart, "
                "and a column is moved as a whole",
                span=origin_of(site.statement),
                help=_rows_instead(argument, buffer, site),
            )
        name = self.names.unique(f"{array}_{self.sites.calls.index(site) + 1}")
        text = self._part(argument, buffer, site, facts)
        self.out.write(depth, f"const {self.profile.tensor} {name} = {text};", site.statement)
        return name

    def _part(self, argument: Argument, buffer: Buffer, site: Site, facts: Facts) -> str:
        """A part of a tensor; an axis of which one index is taken is joined with the next one that is kept."""
        region, array = argument.region, cpp_name(argument.region.array)
        if not any(each.dropped for each in region.axes):
            sizes = [self._extent(each, facts) for each in region.axes]
            return f"htp::part({array}, {{{', '.join(sizes)}}}, {{{', '.join(map(self._start, region.axes))}}})"
        folds: list[str] = []
        sizes, starts = list[str](), list[str]()
        extent: ast.expr | None = None
        start: ast.expr | None = None
        for axis, dim in zip(region.axes, buffer.dims, strict=True):
            own = dim_node(dim)
            start = axis.start if start is None else _scaled(start, own, axis.start)
            extent = own if extent is None else _joined(extent, own)
            if axis.dropped:
                continue
            folds.append(self.names.cpp(extent))
            sizes.append(self._extent(axis, facts))
            starts.append(self.names.cpp(start))
            extent = start = None
        if extent is not None and start is not None:
            if sizes:
                raise _strided(argument, buffer, site)
            folds, sizes, starts = [self.names.cpp(extent)], ["1"], [self.names.cpp(start)]
        whole = f"htp::folded({array}, {{{', '.join(folds)}}})"
        return f"htp::part({whole}, {{{', '.join(sizes)}}}, {{{', '.join(starts)}}})"

    def _start(self, axis: Axis) -> str:
        return self.names.cpp(axis.start)

    def _extent(self, axis: Axis, facts: Facts) -> str:
        known = as_dim(axis.extent)
        return self.names.cpp(axis.extent if known is None else dim_node(facts.simplify(known)))

    def _arguments(self, site: Site, args: str, tensors: Sequence[str], made: Sequence[str]) -> Iterator[str]:
        """The lines that add the tensors, in the kernel's order; neighbours with the same tag share one."""
        group: list[str] = []
        last: Tag | None = None
        for each, tensor in zip(site.arrays, tensors, strict=True):
            array, tag = each.region.array, self.decisions.tag(each, site)
            followed = array in self.decisions.followed and array not in made
            if group and last is not None and (followed or tag != last):
                yield f"{args}.{ADDS[last]}({', '.join(group)});"
                group = []
            if followed:
                word = "input" if tag == "INPUT" else "inout"
                yield f"{self.name}.{word}({args}, {self.uses_of(array)}, {tensor});"
            else:
                group, last = [*group, tensor], tag
        if group and last is not None:
            yield f"{args}.{ADDS[last]}({', '.join(group)});"

    def _guard(self, site: Site, facts: Facts) -> str:
        """The condition under which a task writes anything; empty when it always does."""
        choices: list[str] = []
        for each in site.arrays:
            if each.param.direction == "in":
                continue
            open_ = [axis.extent for axis in each.region.kept if not _nonempty(axis, facts)]
            if not open_:
                return ""
            texts = list(dict.fromkeys(f"{self.names.text(extent).within(4)} > 0" for extent in open_))
            choices.append(" && ".join(texts))
        several = list(dict.fromkeys(choices))
        return several[0] if len(several) == 1 else " || ".join(f"({each})" for each in several)

    def _numbers(self, buffer: Buffer, node: ast.stmt, depth: int) -> None:
        if buffer.dtype not in ELEMENTS:
            raise unprintable(node, f"elements of `{buffer.dtype}` cannot be used outside of kernels")
        count = " * ".join(self.names.text(dim_node(dim)).within(2) for dim in buffer.dims) or "1"
        self.out.write(depth, f"htp::Numbers<{ELEMENTS[buffer.dtype]}> {cpp_name(buffer.name)}({count});", node)

    def _extents(self, buffer: Buffer) -> str:
        return ", ".join(self.names.dim(each) for each in buffer.dims) or "1"

    def _type(self, buffer: Buffer) -> str:
        return self.profile.data_type_of(buffer.dtype)

    def _check_counts(self, site: Site) -> None:
        limits = self.profile.limits
        if len(site.arrays) > limits.task_tensors or len(site.scalars) > limits.task_scalars:
            raise Refused(
                "pto.too-many-arguments",
                f"`{site.kernel.name}` takes {len(site.arrays)} arrays and {len(site.scalars)} scalars; "
                f"a task of pto-runtime takes {limits.task_tensors} and {limits.task_scalars}",
                span=origin_of(site.statement),
                help="join arrays of one kind along a new first axis, or divide the kernel",
            )


def _ordering_words(names: Names) -> frozenset[str]:
    """What of the task form orders tasks in this routine."""
    found: set[str] = set()
    for each in (node for statement in names.program.main.body for node in ast.walk(statement)):
        match each:
            case ast.Call(func=ast.Name(id="task"), keywords=keywords):
                found |= {word.arg for word in keywords if word.arg in ("after", "stream")}
            case ast.Call(func=ast.Name(id="barrier")):
                found.add("barrier")
            case _:
                pass
    return frozenset(found)


def _nonempty(axis: Axis, facts: Facts) -> bool:
    known = as_dim(difference(axis.stop, axis.start))
    return known is not None and facts.nonnegative(known - 1)


def _scaled(start: ast.expr, extent: ast.expr, more: ast.expr) -> ast.expr:
    found = ast.BinOp(ast.BinOp(start, ast.Mult(), extent), ast.Add(), more)
    known = as_dim(found)
    return found if known is None else dim_node(known)


def _joined(extent: ast.expr, own: ast.expr) -> ast.expr:
    known = as_dim(ast.BinOp(extent, ast.Mult(), own))
    return ast.BinOp(extent, ast.Mult(), own) if known is None else dim_node(known)


def _column(argument: Argument, buffer: Buffer) -> bool:
    """Whether a kernel's matrix of one column is a part of a wider array; its elements would not be contiguous."""
    type_ = argument.param.type
    dims = type_.dims if isinstance(type_, TensorType) else ()
    return len(dims) == 2 and dims[1].constant == 1 != dims[0].constant and buffer.dims[-1].constant != 1


def _strided(argument: Argument, buffer: Buffer, site: Site) -> Refused:
    return Refused(
        "pto.strided-vector",
        f"a part of `{buffer.name}` whose last index is one number has its elements far apart, "
        "which a task's tensor cannot say",
        span=origin_of(site.statement),
        help=_rows_instead(argument, buffer, site),
    )


def _rows_instead(argument: Argument, buffer: Buffer, site: Site) -> str:
    """What to write in place of a column that a kernel is given: one that is read is taken in it, of whole rows."""
    if argument.param.direction != "in":
        return f"write whole rows of `{buffer.name}`, or an array that has no other column"
    if buffer.dims[-1].constant is None:
        size = buffer.dims[-1]
        return f'compile with a number of columns, at least 2: `--dims {size}=64`, or `dims={{"{size}": 64}}`'
    return f"give `{site.kernel.name}` whole rows of `{buffer.name}`, and take the column there: `x[:, k]`"


def _shortened(text: str, most: int = 140) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _dtype(param: Param) -> str:
    if param.type is None:
        raise Bug(f"parameter {param.name} has no type")
    return param.type.dtype.name
