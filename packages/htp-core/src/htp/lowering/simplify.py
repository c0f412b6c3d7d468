"""Simplification of normal form: exact identities, products that accumulate, and no value that nobody reads.

Knows rewrites that keep every bit of every result; does not know targets.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Normalized, Simplified
from htp.effects import has_effect
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp.rules import apply_rules, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from htp.program import Function, Program
    from htp.rules import Matched
    from htp.types import f32

WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Simplify(Pass):
    """Exact identities are applied, sums with a product become accumulating products, dead values vanish."""

    name = "simplify"
    requires = (Normalized(),)
    provides = (Simplified(),)
    understands = tuple(DialectUse(each) for each in ("tile", "host", "tasks", "streams", "gangs"))

    @rewrite
    def times_one(x: f32) -> Generator[f32]:  # noqa: N805 # pyright: ignore[reportGeneralTypeIssues]
        """`x * 1` is `x`."""
        yield x * 1.0
        yield x

    @rewrite
    def over_one(x: f32) -> Generator[f32]:  # noqa: N805 # pyright: ignore[reportGeneralTypeIssues]
        """`x / 1` is `x`."""
        yield x / 1.0
        yield x

    @rewrite
    def squared(x: Matched) -> Generator[f32]:  # noqa: N805 # pyright: ignore[reportGeneralTypeIssues]
        """`x ** 2` is one multiplication."""
        yield x**2  # type: ignore[misc]
        if isinstance(x.node, ast.Name):
            yield x * x  # type: ignore[misc]

    def apply(self, program: Program) -> Program:
        """The simplified program."""
        return program.replace(*(self._function(each) for each in program.functions))

    def _function(self, function: Function) -> Function:
        body = _forwarded(list(apply_rules(self.rules, function.body)))
        types = {
            node.target.id: ast.dump(node.annotation)
            for each in body for node in ast.walk(each)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }  # fmt: skip
        # Only a product with one assignment and one reader may vanish into its sum.
        stores = _stores(body)
        once = {name for name, reads in _reads(body).items() if reads == 1 and stores[name] == 1}
        body = _accumulating(body, once, types)
        while True:
            fewer = _alive(body, used_names(body))
            if len(ast.dump(ast.Module(fewer, []))) == len(ast.dump(ast.Module(body, []))):
                return replace(function, body=tuple(fewer))
            body = fewer


def nested(statement: ast.stmt, change: Callable[[list[ast.stmt]], list[ast.stmt]]) -> ast.stmt:
    """The statement with its bodies changed."""
    if isinstance(statement, ast.For):
        new: ast.stmt = ast.For(statement.target, statement.iter, change(statement.body), [], lineno=0)
    elif isinstance(statement, ast.While):
        new = ast.While(statement.test, change(statement.body), [])
    elif isinstance(statement, ast.If):
        new = ast.If(statement.test, change(statement.body), change(statement.orelse))
    else:
        return statement
    return stamp(new, origin_of(statement))


# copies --------------------------------------------------------------------------------------------------------------


def _forwarded(body: list[ast.stmt]) -> list[ast.stmt]:
    """Names that only repeat another name, both assigned once, are replaced by it."""
    counts = _stores(body)
    same: dict[str, str] = {}
    for statement in (node for each in body for node in ast.walk(each)):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.value, ast.Name):
            continue
        if (
            isinstance(statement.target, ast.Name)
            and counts[statement.target.id] == 1
            and counts[statement.value.id] == 1
        ):
            same[statement.target.id] = same.get(statement.value.id, statement.value.id)
    renamed = [_Renamed(same).visit(each) for each in body] if same else body
    return [each for each in renamed if isinstance(each, ast.stmt)]


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in self.names:
            return stamp(ast.Name(self.names[node.id], ast.Load()), origin_of(node))
        fields: dict[str, object] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                fields[name] = [self.visit(each) if isinstance(each, ast.AST) else each for each in value]  # type: ignore[misc]
            else:
                fields[name] = self.visit(value) if isinstance(value, ast.AST) else value
        new = _made(type(node), fields)
        return ast.copy_location(_with_origin(new, node), node)


def _made(kind: Callable[..., ast.AST], fields: dict[str, object]) -> ast.AST:
    return kind(**fields)


def _with_origin(new: ast.AST, old: ast.AST) -> ast.AST:
    new.origin = origin_of(old)  # type: ignore[attr-defined]
    return new


# products ------------------------------------------------------------------------------------------------------------


def _reads(body: Sequence[ast.stmt]) -> Counter[str]:
    return Counter(
        node.id
        for each in body
        for node in ast.walk(each)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


def _stores(body: Sequence[ast.stmt]) -> Counter[str]:
    return Counter(
        node.id
        for each in body
        for node in ast.walk(each)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )


def _accumulating(body: list[ast.stmt], once: set[str], types: dict[str, str]) -> list[ast.stmt]:
    """`t = tile.dot(a, b)` and `z = y + t`, where nobody else reads `t`, are one product that starts at `y`."""
    result: list[ast.stmt] = []
    products: dict[str, ast.AnnAssign] = {}
    for statement in body:
        statement = nested(statement, lambda inner: _accumulating(inner, once, types))
        if (product := _plain_product(statement)) is not None and product in once:
            products[product] = statement  # type: ignore[assignment]
        elif (found := _sum_with(statement, products)) is not None:
            name, addend = found
            product_statement = products.pop(name)
            fused = _fused(statement, product_statement, addend, types)
            if fused is not None and not _changed_between(result, product_statement):
                result.remove(product_statement)
                statement = fused
        result.append(statement)
    return result


def _plain_product(statement: ast.stmt) -> str | None:
    value = statement.value if isinstance(statement, ast.AnnAssign) else None
    if not isinstance(value, ast.Call) or ast.unparse(value.func) != "tile.dot" or value.keywords:
        return None
    return (
        statement.target.id if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) else None
    )


def _sum_with(statement: ast.stmt, products: dict[str, ast.AnnAssign]) -> tuple[str, ast.Name] | None:
    value = statement.value if isinstance(statement, ast.AnnAssign) else None
    if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Add):
        return None
    for one, two in ((value.left, value.right), (value.right, value.left)):
        if isinstance(one, ast.Name) and isinstance(two, ast.Name) and two.id in products and one.id not in products:
            return two.id, one
    return None


def _fused(statement: ast.stmt, product: ast.AnnAssign, addend: ast.Name, types: dict[str, str]) -> ast.stmt | None:
    if not isinstance(statement, ast.AnnAssign) or not isinstance(product.value, ast.Call):
        return None
    # Equal annotations mean that the addend is not broadcast: the sum has the product's own shape and dtype.
    wanted = ast.dump(product.annotation)
    if ast.dump(statement.annotation) != wanted or types.get(addend.id) != wanted:
        return None
    call = ast.Call(product.value.func, product.value.args, [ast.keyword("acc", addend)])
    fused = ast.AnnAssign(statement.target, statement.annotation, call, 1)
    return stamp(fused, origin_of(statement))


def _changed_between(body: list[ast.stmt], product: ast.AnnAssign) -> bool:
    read = {node.id for node in ast.walk(product) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    behind = body[body.index(product) + 1 :]
    return any(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in read
        for each in behind
        for node in ast.walk(each)
    )


# dead values ---------------------------------------------------------------------------------------------------------


def used_names(body: Sequence[ast.AST]) -> set[str]:
    """Names that are read, also in the sizes of annotations."""
    found: set[str] = set()
    for node in (node for each in body for node in ast.walk(each)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(WORD.findall(node.value))
    return found


def _alive(body: list[ast.stmt], used: set[str]) -> list[ast.stmt]:
    result: list[ast.stmt] = []
    for statement in body:
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value is not None
        ):
            if statement.target.id not in used and not has_effect(statement.value):
                continue
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if statement.targets[0].id not in used and not has_effect(statement.value):
                continue
        elif isinstance(statement, ast.For | ast.If):
            statement = nested(statement, lambda inner: _alive(inner, used))
            if not statement.body and not getattr(statement, "orelse", None):  # type: ignore[attr-defined]
                continue
            if not statement.body:  # type: ignore[attr-defined]
                statement.body = [ast.Pass()]  # type: ignore[attr-defined]
        elif isinstance(statement, ast.While):
            statement = nested(statement, lambda inner: _alive(inner, used) or [ast.Pass()])
        elif isinstance(statement, ast.Pass):
            continue
        result.append(statement)
    return result
