"""Directives that change tasks: `fuse` makes one of two, `buffer` stages what they read, `after` orders them.

Knows which statements may change places by asking `orders`; loops are `loops.py`'s.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.fresh_names import unused
from htp.program import Function, origin_of, stamp
from htp.rewriting import with_origin
from htp.types import ScalarType
from htp_dialect_wsp.directives.nests import Loop, passed, root_of, with_kernel
from htp_dialect_wsp.directives.orders import check_races, order_kept, require_order
from htp_dialect_wsp.directives.trees import (
    assigned_names,
    blocks,
    load,
    names_in,
    replaced,
    store,
    substituted,
)
from htp_dialect_wsp.outlining import aliased, outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Program
    from htp_dialect_wsp.directives.nests import Task
    from htp_dialect_wsp.directives.site import Site

__all__ = ["after", "buffer", "fuse"]


# fuse ----------------------------------------------------------------------------------------------------------------


def fuse(site: Site, first: str, second: str, *, at: str = "") -> Program:
    """One kernel that does what a task and then a later one of the same block do, or of two loops over the same range.

    Raises:
        Refused: `wsp.fuse`.
    """
    one, two = _pair(site, first, second)
    if at:
        site.loop(at)
    if _shared(one, two) < max(len(one.path), len(two.path)):
        site = _merged(site, one, two)
        one, two = _pair(site, first, second)
    if at and at not in one.loops[-1:]:
        around = one.loops[-1] if one.loops else ""
        raise site.refused(
            "wsp.fuse",
            f"'{first}' and '{second}' do not meet in the loop '{at}'",
            f"say at='{around}'" if around else "leave out `at`",
        )
    site = _adjacent(site, one.path, one.statement, two.statement)
    _check_shapes(site, one, two)
    statements = (one.statement, two.statement)
    if (tensor := aliased(site.program, statements)) is not None:
        raise site.refused(
            "wsp.fuse",
            f"'{first}' and '{second}' take different regions of '{tensor}', one of which is written",
            "let both take the same region, tile by tile",
        )
    kernel, call = outline(site.program, statements, f"{first}_{second}")
    body = replaced(replaced(site.main.body, two.statement, ()), one.statement, [with_origin(ast.Expr(call), call)])
    return replace(site, program=with_kernel(site.program, kernel)).with_body(body)


def _check_shapes(site: Site, one: Task, two: Task) -> None:
    """Refuses two kernels that want a region in different constant sizes."""
    wanted: dict[tuple[str, int], int] = {}
    for task in (one, two):
        for param, node in passed(task, site.program.function(task.name)):
            for axis, size in enumerate(getattr(param.type, "dims", ())):
                if size.constant is None:
                    continue
                known = wanted.setdefault((ast.unparse(node), axis), size.constant)
                if known != size.constant:
                    raise site.refused(
                        "wsp.fuse",
                        f"'{one.name}' and '{two.name}' want other sizes of `{ast.unparse(node)}`:"
                        f" {known} and {size.constant} along axis {axis}",
                        "let both kernels take the region in the same shape",
                    )


def _pair(site: Site, first: str, second: str) -> tuple[Task, Task]:
    ones, twos = site.calls(first), site.calls(second)
    for name, calls in ((first, ones), (second, twos)):
        if len(calls) > 1:
            raise site.refused(
                "wsp.fuse",
                f"the workload calls '{name}' in {len(calls)} places",
                "fuse tasks before directives that copy them, or give the kernel a name of its own in each place",
            )
    order = [each.statement for each in site.tasks]
    if first == second or order.index(ones[0].statement) > order.index(twos[0].statement):
        raise site.refused(
            "wsp.fuse", f"'{first}' does not stand before '{second}'", f"write fuse('{second}', '{first}')"
        )
    return ones[0], twos[0]


def _shared(one: Task, two: Task) -> int:
    """How many statements around two tasks are the same."""
    return sum(a is b for a, b in zip(one.path, two.path, strict=False))


def _adjacent(site: Site, path: Sequence[ast.stmt], one: ast.stmt, two: ast.stmt) -> Site:
    """The site with two statements of a block next to each other: what is between them goes before or behind both."""
    block = _block(site, path, one)
    first, second = block.index(one), block.index(two)
    between = list(block[first + 1 : second])
    if not between:
        return site
    early: list[ast.stmt] = []
    late: list[ast.stmt] = []

    def arranged(*middle: ast.stmt) -> Program:
        new = [*block[:first], *middle, *block[second + 1 :]]
        body = new if not path else replaced(site.main.body, path[-1], [_with_block(path[-1], block, new)])
        return site.with_body(body)

    for index, each in enumerate(between):
        rest = between[index + 1 :]
        passes = not any(_share(site, each, other) for other in (one, *late))
        if not passes and _only_tasks(site, each):
            passes = order_kept(site, arranged(*early, each, one, *late, *rest, two))
        (early if passes else late).append(each)
    moved = arranged(*early, one, two, *late)
    for each in late:
        if _share(site, each, two):
            help = "fuse one of them with what is between them first, or write them next to each other"
            if not _only_tasks(site, each):
                text = ast.unparse(each).splitlines()[0]
                raise site.refused("wsp.fuse", f"`{text}` has to stay between the two", help)
            require_order(site, moved, "having the two next to each other", "wsp.fuse", help)
    return replace(site, program=moved)


def _only_tasks(site: Site, statement: ast.stmt) -> bool:
    """Whether a statement is made of loops, branches and tasks whose regions no data decide."""
    inner = [each for each in ast.walk(statement) if isinstance(each, ast.stmt)]
    tasks = [each.statement for each in site.tasks]
    plain = all(isinstance(each, ast.For | ast.If) or each in tasks for each in inner)
    return plain and "tile" not in names_in(statement)


def _share(site: Site, one: ast.stmt, other: ast.stmt) -> bool:
    """Whether two statements may touch the same data, one of them writing, or one names what the other assigns.

    A barrier has to do with everything.
    """
    if "barrier" in names_in(one, other):
        return True
    touched = [_touched(site, each) for each in (one, other)]
    (read, written), (read_too, written_too) = touched
    return bool(written & (read_too | written_too) or written_too & read)


def _touched(site: Site, statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names that a statement reads and those that it assigns or writes through."""
    read, written = set(names_in(statement)), set(assigned_names(statement))
    for task in site.tasks:
        if any(each is task.statement for each in ast.walk(statement)):
            for param, node in passed(task, site.program.function(task.name)):
                if param.direction in ("out", "inout"):
                    written.add(root_of(node) or "")
    return read, written


def _block(site: Site, path: Sequence[ast.stmt], statement: ast.stmt) -> Sequence[ast.stmt]:
    """The statements among which one stands."""
    if not path:
        return site.main.body
    return next(inner for _, inner in blocks(path[-1]) if statement in inner)


def _with_block(parent: ast.stmt, old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> ast.stmt:
    changed = copy.copy(parent)
    for field, inner in blocks(parent):
        if inner is old:
            setattr(changed, field, list(new))
    return changed


def _merged(site: Site, one: Task, two: Task) -> Site:
    """The site with the loops around two tasks made one nest, where they go over the same."""
    shared = _shared(one, two)
    left, right = _loops(one.path[shared:]), _loops(two.path[shared:])
    names = _renaming(left, right)
    if names is None:
        raise site.refused(
            "wsp.fuse",
            f"'{one.name}' and '{two.name}' do not stand in one block, nor in loops over the same ranges",
            "write both tasks in one loop of the workload, or in loops over the same ranges",
        )
    site = _adjacent(site, one.path[:shared], left[0], right[0])
    body: list[ast.stmt] = [*left[-1].body, *(substituted(each, names) for each in right[-1].body)]
    for each in reversed(left):
        body = [stamp(ast.copy_location(ast.For(each.target, each.iter, body, []), each), origin_of(each))]
    program = site.with_body(replaced(replaced(site.main.body, right[0], ()), left[0], body))
    help = "fuse tasks of which each iteration of the second uses only what that iteration of the first made"
    try:
        proven = check_races(program) and all(Loop(each, ()).parallel for each in left)
    except Refused as race:
        message = f"'{two.name}' in the loops of '{one.name}' is not possible: {race.diagnostic.message}"
        raise site.refused("wsp.fuse", message, help, race.diagnostic.notes) from None
    if not proven:
        require_order(site, program, f"'{two.name}' in the loops of '{one.name}'", "wsp.fuse", help)
    statements = list(program.main.body)
    for old, new in names.items():
        statements = site.with_keys(statements, {old: new}, new.id)
    return replace(site, program=site.with_body(statements))


def _loops(path: Sequence[ast.stmt]) -> list[ast.For]:
    """The path, where it is made of loops alone."""
    loops = [each for each in path if isinstance(each, ast.For)]
    return loops if len(loops) == len(path) else []


def _renaming(left: Sequence[ast.For], right: Sequence[ast.For]) -> dict[str, ast.Name] | None:
    """What the loops of the second nest are called in the first one, `None` where they do not go over the same."""
    if not left or len(left) != len(right):
        return None
    names: dict[str, ast.Name] = {}
    for depth, (a, b) in enumerate(zip(left, right, strict=True)):
        if ast.unparse(a.iter) != ast.unparse(substituted(b.iter, names)):
            return None
        if depth + 1 < len(left) and (len(a.body) > 1 or len(b.body) > 1):
            return None
        names[Loop(b, ()).name] = load(Loop(a, ()).name)
    return names


# buffer --------------------------------------------------------------------------------------------------------------


def buffer(site: Site, array: str, space: str, *, slots: int = 1, spaces: Sequence[str] = ()) -> Program:
    """Tasks read `array` through a copy of their region in a memory space.

    Raises:
        Refused: `wsp.buffer-space` for a space that the target does not have, `wsp.buffer` when no task reads it,
            `wsp.buffer-slots` for more than one copy.
    """
    if slots > 1:
        raise site.refused(
            "wsp.buffer-slots",
            f"every task makes a copy of '{array}' of its own when it starts, so {slots} slots would have no use",
            "leave out `slots`; buffers of the workload that tasks hand on get slots by `pipeline(loop, depth)`",
        )
    if spaces and space not in spaces:
        raise site.refused(
            "wsp.buffer-space",
            f"the target has no memory space '{space}'",
            f"use one of {', '.join(spaces)}",
        )
    program = site.program
    body = site.main.body
    staged: dict[tuple[str, tuple[str, ...]], str] = {}
    for task in site.tasks:
        callee = program.function(task.name)
        read = tuple(
            each.name for each, argument in passed(task, callee)
            if each.direction == "in" and each.type is not None and not isinstance(each.type, ScalarType)
            and each.type.dims and root_of(argument) == array
        )  # fmt: skip
        if not read:
            continue
        key = (task.name, read)
        if key not in staged:
            name = unused(f"{task.name}_staged", {each.name for each in program.functions} | site.names)
            program = with_kernel(program, _staging(callee, read, name, space))
            staged[key] = name
        call = ast.Call(load(staged[key]), task.call.args, task.call.keywords)
        body = replaced(body, task.statement, [stamp(ast.copy_location(ast.Expr(call), task.statement), site.span)])
    if not staged:
        raise site.refused(
            "wsp.buffer",
            f"no task reads a region of '{array}'",
            "name a tensor that is passed to an In parameter of a kernel",
        )
    return replace(site, program=program).with_body(body)


def _staging(callee: Function, read: Sequence[str], name: str, space: str) -> Function:
    """The kernel that takes copies of what `callee` reads and then does what it does."""
    taken = {each.name for each in callee.params}
    copies = {each: unused(f"{each}_staged", taken) for each in read}
    body: list[ast.stmt] = [
        ast.Assign([store(copy)], ast.Subscript(load(each), ast.Slice(), ast.Load()), lineno=0)
        for each, copy in copies.items()
    ]
    passed = [load(copies.get(each.name, each.name)) for each in callee.params]
    body.append(ast.Expr(ast.Call(load(callee.name), list(passed), [])))
    return Function(
        name=name,
        kind="kernel",
        params=callee.params,
        body=tuple(stamp(each, callee.origin) for each in body),
        origin=callee.origin,
        doc=f"`{callee.name}` with {', '.join(read)} staged in {space}.",
    )


# after ---------------------------------------------------------------------------------------------------------------


def after(site: Site, task: str, *earlier: str) -> Program:
    """Leaves the program as it is; the order is made when tasks are submitted.

    Raises:
        Refused: `wsp.cycle` when a task should run before one that is submitted earlier.
    """
    order = [each.statement for each in site.tasks]
    first = order.index(site.calls(task)[0].statement)
    for each in earlier:
        if order.index(site.calls(each)[0].statement) >= first:
            why = "a task cannot run after itself" if each == task else f"'{each}' is submitted behind '{task}'"
            raise site.refused(
                "wsp.cycle",
                f"'{task}' cannot run after '{each}': {why}",
                "name tasks that stand earlier in the workload",
                ("tasks are submitted in the order of the program, and depend on earlier ones only",),
            )
    return site.program
