"""What processes of a cluster assert: the routine that runs their task checks it before.

Knows assertions; every token has the sizes that it was sent with by now.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.infer.engine import infer
from htp.infer.values import Index
from htp.liveness import loads
from htp.lowering.build import expression
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter
from htp_backend_pto.lower.cluster.reading import no_cluster
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Program
    from htp_backend_pto.lower.cluster.sizes import Member

__all__ = ["asserted"]


def asserted(program: Program, member: Member, spelled: Mapping[str, str]) -> list[ast.stmt]:
    """What a process asserts of sizes, those of tokens too, for the routine, which knows them before the task runs.

    `spelled` are the routine's variables by the symbols of their values.

    Raises:
        Refused: `pto.no-cluster` for an assertion about anything else, or in a branch.
    """
    found: list[ast.stmt] = []
    kernel = program.function(member.process.kernel.name)
    known = infer(program, kernel)
    top = {id(each) for each in kernel.body}
    branches = (each for each in walk(kernel.body) if isinstance(each, ast.If))
    inside = {id(each) for branch in branches for each in walk((*branch.body, *branch.orelse))}
    for each in walk(kernel.body):
        if not isinstance(each, ast.Assert):
            continue
        if id(each) in top and loads(each.test) <= member.sizes.keys():
            said = _Named({name: expression(member.outside(sym(name), spelled)) for name in loads(each.test)})
            found += [stamp(made, origin_of(each)) for made in said.statements([ast.Assert(each.test, each.msg)])]
            continue
        sizes = _compared(each.test, known)
        if sizes is None or not _holds(each, sizes, known):
            if sizes is None or id(each) in inside or not all(size.symbols <= member.sizes.keys() for size in sizes):
                raise no_cluster(
                    each, f"asserting `{ast.unparse(each.test)}`, which is not known before the task runs,",
                    "assert only sizes of arrays and of tokens, in no branch",
                )  # fmt: skip
            one, two = (expression(member.outside(size, spelled)) for size in sizes)
            test = ast.Compare(one, each.test.ops, [two]) if isinstance(each.test, ast.Compare) else each.test
            found.append(stamp(ast.Assert(test, each.msg), origin_of(each)))
    return found


def _compared(test: ast.expr, known: Inference) -> tuple[Expr, Expr] | None:
    """The two sizes that a test compares."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    one, two = known.of(test.left), known.of(test.comparators[0])
    return (one.value, two.value) if isinstance(one, Index) and isinstance(two, Index) else None


def _holds(statement: ast.Assert, sizes: tuple[Expr, Expr], known: Inference) -> bool:
    """Whether an assertion that two sizes are equal is about what is equal anyway."""
    equal = isinstance(statement.test, ast.Compare) and isinstance(statement.test.ops[0], ast.Eq)
    return equal and known.facts_at(statement).equal(*sizes) is True


class _Named(Rewriter):
    """Names as expressions."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        """A name, or what it stands for."""
        return self.values.get(node.id, node)
