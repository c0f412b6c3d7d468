"""Directives for the run: whether keys can be evaluated where tasks are submitted, and whether numbers fit each other.

Knows the statements that are left; does not carry them out.
"""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import TYPE_CHECKING

from htp.program import stamp
from htp.types import ScalarType
from htp_dialect_wsp.directives.site import directive_name, keys_of
from htp_dialect_wsp.directives.trees import assigned_names, names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from htp_dialect_wsp.directives.nests import Task
    from htp_dialect_wsp.directives.site import Site

__all__ = ["RUNTIME", "check", "of_tasks"]

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)


def check(site: Site, others: Sequence[ast.Expr]) -> None:
    """Refuses a run-time directive that cannot be carried out; `others` are all directives for the run.

    Raises:
        Refused: `wsp.dispatch-key`, `wsp.key`, `wsp.window`, `wsp.timing-window`, `wsp.bind-seq`, `wsp.unknown-loop`,
            `wsp.unknown-task`, `wsp.bad-argument`.
    """
    RUNTIME[site.name](site, others)


def of_tasks(site: Site) -> list[ast.stmt]:
    """The directive, said of the tasks that earlier directives made of those it names: one for each of them."""
    call = site.statement.value
    if site.name not in ("after", "map") or not isinstance(call, ast.Call):
        return [site.statement]
    named = [str(each.value) for each in call.args if isinstance(each, ast.Constant)]
    first = _tasks(site, named[0])
    if site.name == "map":
        texts = [f"scheduled.map({each!r}, {named[1]!r})" for each in first]
    else:
        earlier = list(dict.fromkeys(each for name in named[1:] for each in _tasks(site, name)))
        others = {each: ", ".join(repr(other) for other in earlier if other != each) for each in first}
        texts = [f"scheduled.after({each!r}, {before})" for each, before in others.items() if before]
    return [stamp(ast.parse(each).body[0], site.span) for each in texts]


def _tasks(site: Site, name: str) -> list[str]:
    return list(dict.fromkeys(each.name for each in site.calls(name)))


def _keys(site: Site, _: Sequence[ast.Expr]) -> None:
    """Every name of a key is a number or a loop; a loop that a task is not in counts as 0."""
    for key in keys_of(site.statement):
        _key(site, str(key.value), site.tasks)


def _dispatch(site: Site, others: Sequence[ast.Expr]) -> None:
    for call in _calls(site):
        workers = {each.arg: each.value for each in call.keywords}.get("workers")
        if isinstance(workers, ast.Constant) and not (isinstance(workers.value, int) and workers.value >= 1):
            raise site.refused(
                "wsp.bad-argument",
                f"`workers` of `{ast.unparse(call.func)}` is {workers.value!r}",
                "give an int, 1 or more",
            )
    _keys(site, others)


def _map(site: Site, _: Sequence[ast.Expr]) -> None:
    call = site.statement.value
    if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
        tasks = site.calls(str(call.args[0].value))
        for key in keys_of(site.statement):
            _key(site, str(key.value), tasks)


def _bind(site: Site, _: Sequence[ast.Expr]) -> None:
    call = site.statement.value
    if not (isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)):
        return
    loop = site.loop(str(call.args[0].value))
    if not loop.parallel:
        raise site.refused(
            "wsp.bind-seq",
            f"the iterations of '{loop.name}' run in order and cannot be spread: it goes over"
            f" `{loop.walk}`",
            f"bind a loop over `P(…)`; if the iterations of '{loop.name}' are independent, say parallel('{loop.name}')",
        )


def _window(site: Site, _: Sequence[ast.Expr]) -> None:
    size = _number(site.statement)
    if size is not None and size < 1:
        raise site.refused("wsp.window", f"a window of {size} lets no task through", "give an int, 1 or more")


def _timing(site: Site, others: Sequence[ast.Expr]) -> None:
    window = next((each for each in others if directive_name(each) == "task_window"), None)
    for call in _calls(site):
        if any(isinstance(each, ast.Constant) and isinstance(each.value, int) and each.value < 1 for each in call.args):
            raise site.refused("wsp.bad-argument", f"`{ast.unparse(call)}` releases nothing", "give ints, 1 or more")
        batch = _given(call, 0, "tasks") if ast.unparse(call.func) == "batched" else None
        size = _number(window) if window is not None else None
        if batch is None or size is None or size >= batch or (window is not None and "bytes" in ast.unparse(window)):
            continue
        raise site.refused(
            "wsp.timing-window",
            f"batches of {batch} tasks never fill in a window of {size}",
            f"say task_window({batch}) or more, or batched({size}) or fewer",
        )


def _count(site: Site, _: Sequence[ast.Expr]) -> None:
    number = _number(site.statement)
    if number is not None and number < 1:
        raise site.refused("wsp.bad-argument", f"`{site.name}` of {number}", "give an int, 1 or more")


def _nothing(site: Site, others: Sequence[ast.Expr]) -> None:
    """Nothing can be wrong with it here."""


RUNTIME: Mapping[str, Callable[[Site, Sequence[ast.Expr]], None]] = MappingProxyType({
    "dispatch": _dispatch,
    "task_window": _window,
    "streams": _count,
    "stream_by": _keys,
    "timing": _timing,
    "ready": _keys,
    "pools": _nothing,
    "bind": _bind,
    "map": _map,
})  # fmt: skip
"""The check of each directive that stays for the run."""


def _key(site: Site, text: str, tasks: Sequence[Task]) -> None:
    code = "wsp.dispatch-key" if site.name == "dispatch" else "wsp.key"
    tree = ast.parse(text, mode="eval").body
    bad = next((each for each in ast.walk(tree) if not _allowed(each)), None)
    if bad is not None:
        raise site.refused(
            code,
            f"`{text}` is no key: it has `{ast.unparse(bad)}`",
            "a key is made of loop variables, scalar parameters and ints with + - * // %",
        )
    fixed = {each.name for each in site.main.params if isinstance(each.type, ScalarType)}
    fixed |= {name for name, value in site.program.constants if isinstance(value, int)}
    fixed |= {name for name, _ in site.program.slots}
    fixed |= assigned_names(*(each for each in site.main.body if isinstance(each, ast.Assign)))
    for name in sorted(names_in(tree) - fixed):
        # A loop that a task is not in counts as 0, so that one key can serve several nests.
        if not any(name in _visible(task) for task in tasks):
            site.loop(name)


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, OPERATORS)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    return isinstance(node, ast.Name | ast.UnaryOp | ast.USub | ast.expr_context | ast.operator)


def _visible(task: Task) -> set[str]:
    """The names of loops around a task, and those that stand for them there."""
    named = [
        each.targets[0].id
        for outer in task.path
        for each in getattr(outer, "body", ())
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    ]
    return {*task.loops, *named}


def _calls(site: Site) -> Iterator[ast.Call]:
    """The values that the directive is given."""
    call = site.statement.value
    given = [*call.args, *(each.value for each in call.keywords)] if isinstance(call, ast.Call) else []
    return (each for each in given if isinstance(each, ast.Call))


def _number(statement: ast.Expr) -> int | None:
    call = statement.value
    return _given(call, 0, "size") if isinstance(call, ast.Call) else None


def _given(call: ast.Call, place: int, name: str) -> int | None:
    named = {each.arg: each.value for each in call.keywords}
    node = call.args[place] if place < len(call.args) else named.get(name)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
