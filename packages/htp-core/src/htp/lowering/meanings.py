"""What an intrinsic means, as a helper that can stand in place of its calls, and whether it keeps its declaration.

Knows bodies and signatures; does not know where they are called.
"""

from __future__ import annotations

import ast
import operator
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.capture import capture_meaning
from htp.diagnostics import Label, Refused
from htp.infer.engine import infer
from htp.infer.values import Region, Value
from htp.lowering.build import constant, literal
from htp.lowering.inline import Inliner
from htp.program import Program
from htp.rewriting import Rewriter
from htp.types import Param, ScalarForm, ScalarType, TileForm, TileType, dtype_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp._impl.signatures import Choice
    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.infer.values import Known
    from htp.intrinsics import Intrinsic
    from htp.program import Function


COMPARISONS: dict[type[ast.cmpop], Callable[..., object]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip


def meaning(intrinsic: Intrinsic[..., object]) -> Function:
    """The body of an intrinsic as a helper, without calls of other helpers or captured constants.

    Raises:
        Refused: `intrinsic.not-expandable` when it is declared so or does more than compute its result from its
            arguments, `capture.*` when it is not written in core's language.
    """
    if not intrinsic.expandable:
        raise not_expandable(intrinsic.name, "is declared `expandable=False`", (intrinsic.place,))
    program = capture_meaning(intrinsic)
    if strange := [each for each in program.functions if each.kind != "func"]:
        raise not_expandable(intrinsic.name, f"calls the {strange[0].kind} `{strange[0].name}`", (intrinsic.place,))
    if program.slots:
        raise not_expandable(intrinsic.name, f"reads the slot `{program.slots[0][0]}`", (intrinsic.place,))
    helpers = {each.name: each for each in program.functions if each.name != program.entry}
    body = Inliner(helpers, program.main).function()
    constants = _Constants({name: constant(value) for name, value in program.constants})
    return replace(body, body=tuple(constants.statements(body.body)))


class _Constants(Rewriter):
    """Captured numbers where their names stood."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        return self.values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def check_meaning(intrinsic: Intrinsic[..., object], body: Function, choice: Choice, place: Span | None) -> None:
    """Holds a body to the declared result, for the dtypes and attributes of one call, at `place`.

    Raises:
        Refused: `intrinsic.wrong-result`, or `type.*` for an error in the body.
    """
    signature = intrinsic.signature
    params: list[Param] = []
    constants: dict[str, ast.expr] = {}
    for formal, param in zip(signature.formals, body.params, strict=True):
        if isinstance(formal.type, TileType | TileForm):
            dims = tuple(size.substitute(choice.sizes) for size in formal.type.dims)
            params.append(replace(param, direction="in", type=TileType(choice.dtype(formal.type), dims)))
        elif isinstance(formal.type, ScalarType | ScalarForm):
            params.append(replace(param, direction="scalar", type=ScalarType(choice.dtype(formal.type))))
        else:
            constants[param.name] = literal(choice.attributes[formal.name])
    statements = decided(_Constants(constants).statements(body.body))
    alone = replace(body, kind="kernel", params=tuple(params), body=tuple(statements))
    known = infer(Program(alone.name, (alone,)), alone)
    dims = tuple(size.substitute(choice.sizes) for size in signature.result.dims)
    wanted, found = Value(choice.dtype(signature.result), dims), known.result
    if isinstance(found, Region | Value) and found.dtype is wanted.dtype and _equal(known, found.dims, dims):
        return
    raise Refused(
        "intrinsic.wrong-result",
        f"the body of `{intrinsic.name}` gives {_shown(found)}, and it declares {wanted}",
        span=place,
        labels=(Label(span=intrinsic.place, text="declared here"),),
        notes=(str(signature),),
        help="mend the body or the declared type; `assert` in the body says what holds of sizes",
    )


def _equal(known: Inference, found: tuple[Expr, ...], wanted: tuple[Expr, ...]) -> bool:
    return len(found) == len(wanted) and all(map(known.last.equal, found, wanted))


def _shown(known: Known | None) -> str:
    return str(known.value if isinstance(known, Region) else known) if known is not None else "nothing"


def decided(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements with branches and choices on constants taken, up to a `return` that is reached."""
    taken = _Decided().statements(body)
    end = next((at for at, each in enumerate(taken, 1) if isinstance(each, ast.Return)), len(taken))
    return taken[:end]


class _Decided(Rewriter):
    """Takes the branch of an `if`, and of `a if c else b`, whose condition is known."""

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:  # noqa: N802
        test = _truth(node.test)
        return self.generic_visit(node) if test is None else self.statements(node.body if test else node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST | list[ast.stmt] | None:  # noqa: N802
        test = _truth(node.test)
        return self.generic_visit(node) if test is None else self.visit(node.body if test else node.orelse)


def _truth(node: ast.expr) -> bool | None:
    """What a condition on constants is; `None` where it depends on anything else."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _truth(operand)
            return None if inner is None else not inner
        case ast.BoolOp(op=op, values=values):
            parts = [_truth(each) for each in values]
            decisive = isinstance(op, ast.Or)
            if decisive in parts:
                return decisive
            return None if None in parts else not decisive
        case ast.Compare(left=ast.Constant(value=one), ops=[sign], comparators=[ast.Constant(value=two)]):
            compare = COMPARISONS.get(type(sign))
            return None if compare is None else bool(compare(one, two))
        case ast.Compare(left=ast.Name(one), ops=[ast.Eq() | ast.NotEq() as sign], comparators=[ast.Name(two)]):
            known = dtype_named(one) is not None and dtype_named(two) is not None
            return bool(COMPARISONS[type(sign)](one, two)) if known else None
        case _:
            return None


def not_expandable(name: str, why: str, places: tuple[Span, ...]) -> Refused:
    """The refusal to put a body in place of a call of the intrinsic."""
    return Refused(
        "intrinsic.not-expandable",
        f"`{name}` cannot be replaced by its meaning: it {why}",
        span=places[0] if places else None,
        help="choose a target with a handler of it, or write the body in tile operations and helpers",
    )
