"""Expansion of intrinsics: where a target has no handler, a call becomes what the intrinsic means.

Knows calls and bodies; does not know targets beyond the names of what they handle.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from htp.capabilities import LOWERED, DTypeUse, Inlined, IntrinsicUse, OpUse, Typed
from htp.declarations import IntrinsicSet
from htp.diagnostics import Bug
from htp.foreign import intrinsic_called, intrinsic_named
from htp.infer.engine import infer
from htp.infer.values import Index, Number, Region
from htp.lowering.annotate import Annotate
from htp.lowering.build import call, constant, literal
from htp.lowering.inline import Inliner
from htp.lowering.meanings import check_meaning, decided, meaning, not_expandable
from htp.passes import Contract, Pass
from htp.program import origin_of
from htp.rewriting import Rewriter
from htp.types import ScalarForm, ScalarType
from htp.uses import with_uses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.environment import Environment
    from htp.infer.state import Inference
    from htp.infer.values import Known
    from htp.intrinsics import Intrinsic
    from htp.program import Function, Program
    from htp.types import DType

DEPTH = 32
"""Meanings may use further intrinsics, this deep."""


@dataclass(frozen=True)
class ExpandIntrinsics(Pass):
    """Calls of intrinsics become their bodies; `names` are those it expands, or patterns such as `foo.*`."""

    name = "expand"
    requires = (Inlined(), Typed())
    invalidates = LOWERED
    may_introduce = (OpUse("*"),)

    names: tuple[str, ...] = ()

    @property
    def contract(self) -> Contract:
        """It eliminates the use of what it expands."""
        return replace(super().contract, eliminates=tuple(IntrinsicUse(each) for each in self.names))

    def for_target(self, environment: Environment) -> ExpandIntrinsics:
        """Expands every installed intrinsic that the target has no handler for and that may be expanded."""
        names: list[str] = []
        for each in environment.session.intrinsics.values():
            if isinstance(each, IntrinsicSet):
                kept = {*environment.handlers, *(f"{each.name}.{name}" for name in each.opaque)}
                free = [name for name in each.qualified if name not in kept]
                names += [f"{each.name}.*"] if free and len(free) == len(each.intrinsics) else free
        return replace(self, names=tuple(sorted(names)))

    def apply(self, program: Program) -> Program:
        """The program with meanings in place of calls, those in meanings included.

        Raises:
            Refused: `intrinsic.not-expandable`, or `type.*` where a call does not fit.
        """
        kept = {each.name for each in _used(program) if not self._takes(each)}
        bodies: dict[str, Function] = {}
        for _ in range(DEPTH):
            called = [each for each in _used(program) if each.name not in kept]
            if not called:
                return _with_dtypes(program)
            bodies |= {each.name: meaning(_intrinsic(each.name)) for each in called if each.name not in bodies}
            wanted = {each.name: bodies[each.name] for each in called}
            functions = [_expanded(each, infer(program, each), wanted) for each in program.functions]
            program = Annotate().apply(program.replace(*functions))
        endless = _used(program)[0]
        raise not_expandable(endless.name, "calls itself, or others that call it", endless.spans)

    def _takes(self, use: IntrinsicUse) -> bool:
        return any(fnmatchcase(use.name, each) for each in self.names)


def _with_dtypes(program: Program) -> Program:
    """The program with the dtypes that bodies name among its uses."""
    named = (each for each in with_uses(program).uses if isinstance(each, DTypeUse))
    return replace(program, uses=tuple(dict.fromkeys((*program.uses, *named))))


def _used(program: Program) -> list[IntrinsicUse]:
    return [each for each in with_uses(program).uses if isinstance(each, IntrinsicUse)]


def _intrinsic(name: str) -> Intrinsic[..., object]:
    found = intrinsic_named(name)
    if found is None:
        raise Bug(f"no plugin declares {name}")
    return found


def _expanded(function: Function, known: Inference, bodies: Mapping[str, Function]) -> Function:
    complete = _Complete(known, bodies)
    body = tuple(complete.statements(function.body))
    return _Meanings(bodies, replace(function, body=body)).function()


class _Complete(Rewriter):
    """Every argument at its parameter's place: defaults are written out, numbers rounded to their dtype."""

    def __init__(self, known: Inference, bodies: Mapping[str, Function]) -> None:
        self.known = known
        self.bodies = bodies

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        new = self.generic_visit(node)
        name = intrinsic_called(node)
        if name is None or name not in self.bodies:
            return new
        signature, choice = _intrinsic(name).signature, self.known.intrinsics[id(node)]
        check_meaning(_intrinsic(name), self.bodies[name], choice, origin_of(node))
        given = signature.bind(new.args, {each.arg or "": each.value for each in new.keywords})
        _, original = self.known.operations[id(node)]
        arguments: list[ast.expr] = []
        for each in signature.formals:
            if each.name in choice.attributes:
                arguments.append(literal(choice.attributes[each.name]))
            elif isinstance(each.type, ScalarType | ScalarForm):
                known = self.known.of(original[each.name])
                arguments.append(_number(given[each.name], known, choice.dtype(each.type)))
            else:
                arguments.append(_value(given[each.name], self.known.of(original[each.name])))
        return ast.Call(new.func, arguments, [])


def _value(value: ast.expr, known: Known) -> ast.expr:
    """A tile as it is now: of a tensor in memory, its elements."""
    if isinstance(value, ast.Name) and isinstance(known, Region) and known.dims:
        return ast.Subscript(value, ast.Slice(), ast.Load())
    return value


def _number(value: ast.expr, known: Known, dtype: DType) -> ast.expr:
    """A number as its parameter holds it: Python's floats are more precise than most dtypes."""
    if dtype.kind != "float":
        return value
    exact = known.value.constant if isinstance(known, Index) else known.constant if isinstance(known, Number) else None
    return constant(float(dtype(exact))) if exact is not None else call("tile.item", call(dtype.name, value))


class _Meanings(Inliner):
    """Puts bodies in place of calls of intrinsics; what attributes decide is decided.

    Calls inside the bodies wait until their arguments have types.
    """

    nested = False

    def called(self, node: ast.AST) -> str | None:
        """The qualified name of the intrinsic that `node` calls, if it is to be expanded."""
        name = intrinsic_called(node)
        return name if name in self.helpers else None

    def decided(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements with branches on constants taken."""
        return decided(body)
