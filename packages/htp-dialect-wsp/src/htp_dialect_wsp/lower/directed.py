"""The directives for the run, read from the head of a workload.

Knows their texts; does not know what becomes of tasks.
"""

from __future__ import annotations

import ast
import dataclasses
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Bug, Refused
from htp.foreign import foreign_name
from htp.language import Definition
from htp.program import origin_of
from htp_dialect_wsp.directives.site import directive_name
from htp_dialect_wsp.policies import PLACED_BY, Policy, custom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.diagnostics import Span
    from htp.program import Program

__all__ = ["Chosen", "Directed", "Key", "directed"]


@dataclass(frozen=True)
class Key:
    """An expression over loops, and the schedule's line it stands on."""

    tree: ast.expr
    span: Span | None
    code: str = "wsp.key"


@dataclass(frozen=True)
class Chosen:
    """The policy of a schedule: its helper, by definition or by the name it has in the program, and its numbers."""

    name: str
    place: Definition[..., object] | str
    parameters: tuple[str, ...]
    workers: int
    steal: bool
    own: bool
    numbers: Mapping[str, int]
    key: Key | None
    span: Span | None


@dataclass
class Directed:
    """What the run is to honour; what no directive speaks of is None, or as without a schedule."""

    policy: Chosen | None = None
    opening: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    streams: int | None = None
    stream_by: Key | None = None
    priority: Key | None = None
    pools: bool = False
    bound: dict[str, Span | None] = field(default_factory=dict[str, "Span | None"])
    after: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    mapped: dict[str, Key] = field(default_factory=dict[str, Key])


def directed(program: Program, statements: list[ast.stmt]) -> tuple[Directed, list[ast.stmt]]:
    """What directives say, and the statements without them.

    Raises:
        Refused: `wsp.not-lowered` for a directive that should have been carried out before, `wsp.bad-policy`.
    """
    result = Directed()
    left: list[ast.stmt] = []
    for each in statements:
        name = directive_name(each)
        if name is None:
            left.append(each)
        else:
            _take(result, program, name, each)
    return result, left


def _take(result: Directed, program: Program, name: str, statement: ast.stmt) -> None:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        raise Bug(f"not a directive: `{ast.unparse(statement)}`")
    span = origin_of(statement)
    named = {each.arg or "": each.value for each in call.keywords if each.arg != "override"}
    match name, call.args:
        case "dispatch", [ast.Call() as policy]:
            result.policy = _policy(program, policy, span)
            result.opening |= {"workers": _number(result.policy.workers), "steal": ast.Constant(result.policy.steal)}
        case "task_window", [size]:
            result.opening["window"] = size
            result.opening |= {to: named[it] for it, to in (("unit", "unit"), ("mode", "full")) if it in named}
        case "streams", [number]:
            result.streams = _int(number)
        case "stream_by", [ast.Constant(str(key))]:
            result.stream_by = _key(key, span)
        case "timing", [ast.Call(func=ast.Name(word)) as timing]:
            _take_timing(result, word, _arguments(timing, ("tasks", "cycles")))
        case "ready", [ast.Call(func=ast.Name("priority")) as order]:
            key = _arguments(order, ("key",)).get("key")
            result.priority = _key(str(key.value), span) if isinstance(key, ast.Constant) else None
        case "ready", [ast.Call(func=ast.Name("fifo"))]:
            result.priority = None
        case "pools", [_]:
            result.pools = True
            result.opening["pools"] = _number(2)
        case "bind", [ast.Constant(str(loop)), ast.Constant("worker")]:
            result.bound[loop] = span
        case "after", [ast.Constant(str(task)), *earlier]:
            names = {str(each.value) for each in earlier if isinstance(each, ast.Constant)}
            result.after.setdefault(task, set()).update(names)
        case "map", [ast.Constant(str(task)), ast.Constant(str(place))]:
            result.mapped[task] = _key(place, span)
        case _ if name.startswith("prefer."):
            pass
        case _:
            raise Refused(
                "wsp.not-lowered",
                f"`{ast.unparse(call)}` cannot be honoured by the run",
                span=span,
                help="see the directive's page for what it takes; `bind` knows the level `worker`",
            )


def _take_timing(result: Directed, word: str, given: Mapping[str, ast.expr]) -> None:
    tasks = _int(given["tasks"]) if "tasks" in given else 1
    if word == "batched":
        result.opening["batch"] = _number(tasks)
    elif word == "rate_limit":
        result.opening |= {"issue": given["cycles"], "every": _number(tasks)}
    elif word == "interleaved":
        result.opening["interleaved"] = ast.Constant(True)


def _policy(program: Program, call: ast.Call, span: Span | None) -> Chosen:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    known = foreign_name(name)
    found: object = getattr(import_module(known.module), name, None) if known is not None else None
    if known is None or not (isinstance(found, type) and issubclass(found, Policy)):
        raise Refused(
            "wsp.bad-policy", f"`{name}` is no dispatch policy", span=span,
            help="give a policy that a plugin contributes, such as `round_robin(workers=4)`",
        )  # fmt: skip
    fields = [each.name for each in dataclasses.fields(found)]
    given = _arguments(call, tuple(each for each in fields if each != "workers"))
    for each in dataclasses.fields(found):
        if each.name not in given and isinstance(each.default, int | str):
            given[each.name] = ast.Constant(each.default)
    numbers = {each: int(value.value) for each, value in given.items()
               if isinstance(value, ast.Constant) and isinstance(value.value, int)}  # fmt: skip
    key = given.get("key")
    if found is custom:
        place: Definition[..., object] | str = ast.unparse(given["fn"])
        parameters = tuple(each.name for each in program.function(place).params)
    else:
        place = _helper(found, span)
        parameters = tuple(each.name for each in place.params)
    unknown = [each for each in parameters if each not in PLACED_BY and each not in numbers]
    if unknown or "workers" not in numbers:
        raise Refused(
            "wsp.bad-policy",
            f"`{name}` asks for `{unknown[0]}` to place a task" if unknown else f"`{name}` says no number of workers",
            span=span,
            help=f"a helper that places tasks may ask for {', '.join(PLACED_BY)} and for numbers of the policy",
        )
    if key is None and {"key", "rank", "digest"} & set(parameters):
        raise Refused(
            "wsp.dispatch-key", f"`{name}` places tasks by a key and has none", span=span,
            help="give the policy a field `key`, and the expression there",
        )  # fmt: skip
    text = _key(str(key.value), span, "wsp.dispatch-key") if isinstance(key, ast.Constant) else None
    own = known.module == "htp_dialect_wsp" and found is not custom
    return Chosen(name, place, parameters, numbers["workers"], found.steal, own, numbers, text, span)


def _helper(policy: type[Policy], span: Span | None) -> Definition[..., object]:
    place: object = getattr(policy, "place", None)
    if not (isinstance(place, Definition) and cast("Definition[..., object]", place).kind == "func"):
        raise Refused(
            "wsp.bad-policy", f"`place` of `{policy.__name__}` cannot be compiled: it is no @htp.func", span=span,
            help=f"decorate it with @htp.func, and say `place: ClassVar = …` in `{policy.__name__}`",
        )  # fmt: skip
    return cast("Definition[..., object]", place)


def _arguments(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    return dict(zip(names, call.args, strict=False)) | {each.arg or "": each.value for each in call.keywords}


def _key(text: str, span: Span | None, code: str = "wsp.key") -> Key:
    try:
        return Key(ast.parse(text, mode="eval").body, span, code)
    except SyntaxError:
        raise Refused(
            code, f"{text!r} is not an expression", span=span, help="write for instance `i * 8 + j`"
        ) from None


def _int(node: ast.expr) -> int:
    return cast("int", ast.literal_eval(node))


def _number(value: int) -> ast.expr:
    return ast.Constant(value)
