"""Processes that make channels and start processes, in process form.

Knows what a process is given that is started, and checks it against its parameters; which ends are gone afterwards is
found when types are inferred.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from htp.dims import sym
from htp.program import origin_of
from htp.types import ScalarType, TensorType
from htp_dialect_csp.channels import OPTIONS, unknown_option
from htp_dialect_csp.lower.ends import Chosen, End, Picked, meaning_of, number_of
from htp_dialect_csp.lower.expressions import Expressions
from htp_dialect_csp.lower.frames import symbols_of
from htp_dialect_csp.lower.payloads import dim_expression, payload
from htp_dialect_csp.lower.trees import assign, call, effect, load, not_compiled
from htp_dialect_csp.matching import check_carried, not_a_process, not_an_array, not_an_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.dims import Expr
    from htp.program import Function
    from htp.types import Param, TileType
    from htp_dialect_csp.lower.ends import Meaning, Scope
    from htp_dialect_csp.lower.instances import Instances

    Carried = TensorType | TileType | ScalarType

__all__ = ["Starting", "Starts", "makes"]


@dataclass(frozen=True)
class Starts:
    """What is known beyond a process: other processes, constants, and what its own ends carry."""

    instances: Instances
    functions: Mapping[str, Function]
    constants: Mapping[str, Expr]
    carried: Mapping[str, Carried]


def makes(node: ast.expr) -> list[ast.Call] | None:
    """The calls in an expression that make one or several channels each; None for an expression that makes none."""
    match node:
        case (
            ast.Call(func=ast.Subscript(value=ast.Name(id="Channel")))
            | ast.Call(func=ast.Attribute(ast.Subscript(value=ast.Name(id="Channel")), "array"))
        ):
            return [node]
        case ast.Tuple(elts=items) if items:
            made = [makes(each) for each in items]
            known = [each for one in made for each in one or ()]
            return known if all(made) else None
        case _:
            return None


class Starting(Expressions):
    """Writes channels that a process makes, and processes that it starts."""

    def __init__(self, process: Function, scope: Scope, taken: set[str], starts: Starts) -> None:
        super().__init__(process, scope, taken)
        self.starts = starts
        self.carried = dict(starts.carried)
        ends = [each for each in process.params if each.is_end]
        self.sides: dict[str, str] = {each: param.direction for param in ends for each in _names(param, scope)}
        # One variable for each place in the text, which loops come to more than once; the nodes keep their identity.
        self.places: dict[tuple[int, int], tuple[ast.AST, str]] = {}
        nodes = (node for each in process.body for node in ast.walk(each) if isinstance(node, ast.Name))
        self.stores = Counter(node.id for node in nodes if isinstance(node.ctx, ast.Store))

    # channels ---------------------------------------------------------------------------------------------------

    def channels(self, target: ast.expr, made: Sequence[ast.Call]) -> list[ast.stmt]:
        """Makes channels and calls them after the variable, or after the variables."""
        if isinstance(target, ast.Tuple) and len(target.elts) == len(made):
            pairs = zip(target.elts, made, strict=True)
            return [new for each, one in pairs for new in self.channels(each, [one])]
        if not isinstance(target, ast.Name) or len(made) != 1:
            raise not_compiled(target, "channels that are assigned to something else than names", "give each a name")
        node = made[0]
        if isinstance(node.func, ast.Subscript):
            end, statement = self.channel(target.id, node.func.slice, node.keywords, node, 0)
            self.scope[target.id] = end
            return [statement]
        count, form, options = self.several(node)
        pairs = [self.channel(f"{target.id}{k}", form, options, node, k) for k in range(count)]
        self.scope[target.id] = tuple(end for end, _ in pairs)
        return [statement for _, statement in pairs]

    def several(self, node: ast.Call) -> tuple[int, ast.expr, list[ast.keyword]]:
        """How many channels `Channel[T].array(n, …)` makes, what they carry, and their options."""
        given = [*node.args, *(each.value for each in node.keywords if each.arg == "count")]
        count = number_of(given[0], self.scope) if given else None
        if count is None or not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Subscript):
            raise not_compiled(node, "a number of channels that depends on data", "write a constant")
        return count, node.func.value.slice, [each for each in node.keywords if each.arg != "count"]

    def channel(
        self, name: str, form: ast.expr, options: Sequence[ast.keyword], node: ast.Call, number: int
    ) -> tuple[End, ast.stmt]:
        """One channel, which is called `name` in reports, and the line that makes it."""
        single = isinstance(node.func, ast.Subscript)
        if (single and node.args) or any(each.arg not in OPTIONS for each in options):
            raise unknown_option(ast.unparse(node), origin_of(node))
        arrays = [each for each in self.process.params if not each.is_end]
        sizes = {each: sym(each) for param in arrays for each in symbols_of(param.type)}
        carried = payload(form, self.starts.constants, sizes)
        if (id(node), number) not in self.places:
            used = {each for _, each in self.places.values()}
            free = name not in used and (self.stores[name] == 1 if single else name not in self.taken)
            self.places[id(node), number] = (node, name if free else self.unnamed(name))
        variable = self.places[id(node), number][1]
        self.carried[variable], self.sides[variable] = carried, "both"
        given = {each.arg or "": self.expression(each.value) for each in options}
        given["name"] = ast.Constant(name)
        if isinstance(carried, TensorType):
            given["region"] = ast.Constant(True)
        dims = () if isinstance(carried, ScalarType) else carried.dims
        shape = ast.Tuple([dim_expression(each, self.process) for each in dims], ast.Load())
        return End(variable), assign(variable, call("channel", load(carried.dtype.name), shape, **given))

    # processes --------------------------------------------------------------------------------------------------

    def spawn(self, node: ast.Call) -> list[ast.stmt]:
        """The line that starts a process."""
        match node.args:
            case [ast.Name(id=name), *args] if name in self.starts.functions:
                function = self.starts.functions[name]
            case _:
                raise not_compiled(node, "this `spawn`", "write `spawn(process, …)`")
        if function.kind != "process":
            raise not_a_process("spawn", name, function.kind, origin_of(node))
        names = [each.name for each in function.params]
        given = dict(zip(names, args, strict=False)) | {each.arg or "": each.value for each in node.keywords}
        if len(args) > len(names) or set(given) != set(names):
            raise not_compiled(node, f"this `spawn` of `{name}`", "pass one argument for each parameter of a process")
        arguments: list[ast.expr] = []
        carried: dict[str, list[Carried]] = {}
        dims: dict[str, str] = {}
        for param in function.params:
            if not param.is_end:
                arguments.append(self.plain(function, param, given[param.name]))
                continue
            ends = self.ends(function, param, given[param.name], node, dims)
            carried[param.name] = [self.carried[each.name] for each in ends]
            arguments += [load(each.name) for each in ends]
            # What was received is no longer in a hand of this process.
            self.hands.update({each.name: "" for each in ends if param.direction == "recv"})
        kernel = self.starts.instances.kernel(function, carried)
        named = {"name": ast.Constant(name)} if kernel != name else {}
        return [effect(call("spawn_process", load(kernel), *arguments, **named))]

    def plain(self, function: Function, param: Param, node: ast.expr) -> ast.expr:
        """An argument that is no end."""
        meaning = meaning_of(node, self.scope)
        if isinstance(meaning, End | Chosen | Picked):
            raise not_an_array(function.name, param, ast.unparse(node), origin_of(node))
        return self.expression(node)

    def ends(
        self, function: Function, param: Param, node: ast.expr, spawn: ast.Call, dims: dict[str, str]
    ) -> tuple[End, ...]:
        """The ends that are passed for a parameter, which are of its side and carry what it says."""
        listed = ast.Tuple(node.elts, ast.Load()) if isinstance(node, ast.List) else node
        meaning = meaning_of(listed, self.scope)
        several = meaning if isinstance(meaning, tuple) and param.several else (meaning,)
        ends = tuple(each for each in several if isinstance(each, End))
        if len(ends) != len(several):
            raise self.no_end(function, param, node, meaning)
        side: Literal["send", "recv"] = "send" if param.direction == "send" else "recv"
        for each in ends:
            if self.sides[each.name] not in (side, "both"):
                raise not_an_end(function.name, param, "the other end of a channel", origin_of(spawn))
            if param.type is not None:
                check_carried(
                    each.name, self.carried[each.name], param.type, function.name, side, dims, origin_of(spawn)
                )
        return ends

    def no_end(self, function: Function, param: Param, node: ast.expr, meaning: Meaning) -> Exception:
        """The refusal of what is passed for an end and is none that is known."""
        if isinstance(meaning, Chosen | Picked):
            return not_compiled(
                node, f"an end that is chosen when the process runs, for `{param.name}`,", "pass it by name"
            )
        own = next((each for each in self.process.params if isinstance(node, ast.Name) and each.name == node.id), None)
        if own is not None and not own.is_end:
            what = "a number" if isinstance(own.type, ScalarType) else "a tensor"
            return not_an_end(function.name, param, what, origin_of(node))
        return not_compiled(node, f"`{ast.unparse(node)}` for the end `{param.name}`", "pass channels by name")


def _names(param: Param, scope: Scope) -> list[str]:
    """The ends that a parameter has become."""
    meaning = scope[param.name]
    return [each.name for each in (meaning if isinstance(meaning, tuple) else (meaning,)) if isinstance(each, End)]
