"""How programs spell the objects that their names are bound to: one canonical way for each, or a refusal.

Knows names and what they resolve to; does not know which constructs are accepted (`syntax`).
"""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from htp._impl.constructs import INSTEAD, SPOKEN
from htp.diagnostics import Refused, Span
from htp.foreign import inactive, intrinsics_of, lent_by_inactive, spelling
from htp.names import BUILTINS, DTYPES, LOOPS, RESERVED, STREAMS, TASKS
from htp.program import CORE_KINDS, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from htp.program import Constant, Node

MOST_NAMES = 12
"""More names than these are not listed in a refusal."""


class Resolver:
    """What a captured name outside the function means; live objects and stage text share this face."""

    def lookup(self, name: str) -> object:
        """The object a name is bound to.

        Raises:
            KeyError: nothing is bound to it.
        """
        raise NotImplementedError

    def visible(self) -> list[str]:
        """Names that exist, for suggestions."""
        raise NotImplementedError

    def function(self, value: object) -> str | None:
        """The canonical name of a kernel, helper or routine; None when `value` is none of these."""
        raise NotImplementedError

    def constant(self, name: str, value: Constant) -> str:
        """The canonical name of a captured constant."""
        raise NotImplementedError

    def slot(self, name: str, value: object) -> str | None:
        """The canonical name of a slot; None when `value` is none."""
        raise NotImplementedError

    def lend(self, name: str, place: Span) -> None:
        """Takes note that a name of a plugin is used at `place`."""
        raise NotImplementedError


class Spelling:
    """Spells names canonically, seen from one function."""

    def __init__(self, resolver: Resolver, place: Callable[[ast.AST], Span], local: frozenset[str], kind: str) -> None:
        self.resolver = resolver
        self.place = place
        self.kind = kind
        self.local = {name: _free_name(name, local) for name in local}

    def lookup(self, node: ast.AST, name: str) -> object:
        """The object that a name which is not local is bound to."""
        try:
            return self.resolver.lookup(name)
        except KeyError:
            from htp.ops import OPS

            operations = [f"tile.{op.name}" for op in OPS if op.name == name]
            near = difflib.get_close_matches(name, [*self.local, *self.resolver.visible()], n=1)
            hint = operations or near
            raise Refused(
                "capture.undefined-name",
                f"`{name}` is not defined",
                span=self.place(node),
                help=f"did you mean `{hint[0]}`?" if hint else f"assign `{name}` before this line, or pass it in",
            ) from None

    def static(self, node: ast.AST) -> tuple[bool, object]:
        """Follows `module.attribute` chains that do not start at a local name."""
        if isinstance(node, ast.Name):
            return (False, None) if node.id in self.local else (True, self.lookup(node, node.id))
        if not isinstance(node, ast.Attribute):
            return False, None
        found, owner = self.static(node.value)
        if not found or self.resolver.slot("", owner) is not None:
            return False, None
        try:
            has = hasattr(owner, node.attr)
        except Refused as refusal:  # by a `__getattr__` of a module
            raise refusal.at(self.place(node)) from None
        if has:
            return True, getattr(owner, node.attr)
        declared = intrinsics_of(owner)
        near = difflib.get_close_matches(node.attr, declared or dir(owner), n=1)
        owner_name = ast.unparse(node.value)
        rest = f"it has {_listed(declared)}" if declared else "`htp explain capture.undefined-name` lists operations"
        raise Refused(
            "capture.undefined-name",
            f"`{owner_name}` has no `{node.attr}`",
            span=self.place(node),
            help=f"did you mean `{owner_name}.{near[0]}`?" if near else rest,
        )

    def word(self, node: ast.AST) -> ast.expr | None:
        """A name that a plugin lends, or an attribute of such a word: `blocks`, `foo.rowmax`, `P.when`."""
        if not isinstance(node, ast.Name | ast.Attribute):
            return None
        owner = self.word(node.value) if isinstance(node, ast.Attribute) else None
        found, value = self.static(node)
        if owner is not None and isinstance(node, ast.Attribute):
            return self.keep(node, ast.Attribute(owner, node.attr, ast.Load()))
        try:
            spelled = spelling(value) if found else None
        except Refused as refusal:
            raise refusal.at(self.place(node)) from None
        if spelled is None:
            return None
        name = spelled.partition(".")[0]
        if name in self.local.values():
            raise Refused(
                "capture.name-taken",
                f"`{name}` is a variable here, and stands for what `{ast.unparse(node)}` belongs to",
                span=self.place(node),
                help=f"call the variable something else than `{name}`",
            )
        self.resolver.lend(name, self.place(node))
        return stamp(ast.parse(spelled, mode="eval").body, self.place(node))

    def callee(self, call: ast.Call) -> str | None:
        """The canonical name of what a call calls, when it is a plain name."""
        if isinstance(call.func, ast.Name) and call.func.id not in self.local:
            spelled = self.spell(call.func, call.func.id, self.lookup(call.func, call.func.id))
        elif isinstance(call.func, ast.Attribute):
            found, value = self.static(call.func)
            if not found:
                return None
            spelled = self.spell(call.func, call.func.attr, value)
        else:
            return None
        return spelled.id if isinstance(spelled, ast.Name) else None

    def spell(self, node: ast.AST, name: str, value: object) -> ast.expr:
        """The canonical spelling of `value`, which `node` names.

        Raises:
            Refused: `capture.*` for an object that programs cannot name.
        """
        if (number := _number(value)) is not None:
            return ast.Name(self.resolver.constant(name, number), ast.Load())
        if (function := self.resolver.function(value)) is not None:
            return ast.Name(function, ast.Load())
        if (slot := self.resolver.slot(name, value)) is not None:
            return ast.Name(slot, ast.Load())
        if (known := _public_spelling(value)) is not None:
            return known
        if self.kind not in CORE_KINDS and (known := _type_spelling(value)) is not None:
            return known
        shown = type(value).__name__ if not isinstance(value, type | type(ast)) else getattr(value, "__name__", "?")
        if callable(value):
            module = getattr(value, "__module__", "") or ""
            if lent_by_inactive(module):
                raise inactive(f"`{ast.unparse(node)}`", module).at(self.place(node))
            same = "decorate it with @htp.func, or use operations of htp.tile"
            if _has_op(name):
                same = f"use `tile.{name}` on tiles; compute numbers outside, as constants"
            if name == "print":
                same = "leave it out, or use `tile.print`, which the target `cpu` has"
            raise Refused(
                "capture.unsupported-call",
                f"`{ast.unparse(node)}` ({module.split('.')[0] or 'Python'}) cannot be called in a kernel",
                span=self.place(node),
                help=same,
            )
        raise Refused(
            "capture.unsupported-value",
            f"`{ast.unparse(node)}` is a captured {shown}; numbers, types, kernels, helpers and slots can be captured",
            span=self.place(node),
            help="pass it as a parameter",
        )

    def keep(self, old: ast.AST, new: Node) -> Node:
        """`new` at the place of `old`."""
        new.origin = self.place(old)  # type: ignore[attr-defined]
        return new

    def unsupported(self, node: ast.AST, what: str = "", instead: str = "") -> Refused:
        """The refusal of a construct that the language does not have."""
        return Refused(
            "capture.unsupported-syntax",
            f"{what or SPOKEN.get(type(node), f'`{type(node).__name__.lower()}`')} is not part of the kernel language",
            span=self.place(node),
            help=instead or INSTEAD.get(type(node), "see the language reference for what is accepted"),
        )


def _free_name(name: str, local: frozenset[str]) -> str:
    while name in RESERVED:
        name += "_"
        while name in local:
            name += "_"
    return name


def _number(value: object) -> Constant | None:
    """The Python number that a captured number is, NumPy's scalars included."""
    if isinstance(value, bool | int | float):
        return value
    if type(value).__module__ != "numpy" or getattr(value, "ndim", 1) != 0:
        return None
    item: Callable[[], object] | None = getattr(value, "item", None)
    found = item() if item is not None else None
    return found if isinstance(found, bool | int | float) else None


def _has_op(name: str) -> bool:
    from htp.ops import OPS

    return any(op.name == name for op in OPS)


def _type_spelling(value: object) -> ast.expr | None:
    """The canonical spelling of a type, or of a form of types, which functions of a dialect's kinds may name."""
    import htp.types

    for name in ("Tensor", "Tile", "Scalar"):
        if getattr(htp.types, name) is value:
            return ast.Name(name, ast.Load())
    known = isinstance(value, htp.types.TensorType | htp.types.TileType | htp.types.ScalarType)
    return ast.parse(str(value), mode="eval").body if known and not getattr(value, "facets", ()) else None


def _public_spelling(value: object) -> ast.expr | None:
    """The canonical spelling of a dtype, `tile`, a tile operation, a loop or task construct or a builtin."""
    import builtins

    import htp.loops
    import htp.streams
    import htp.tasks
    import htp.tile
    import htp.types

    name = getattr(value, "__name__", None)
    if value is htp.tile:
        return ast.Name("tile", ast.Load())
    if not isinstance(name, str):
        return None
    if name in DTYPES and getattr(htp.types, name, None) is value:
        return ast.Name(name, ast.Load())
    if name in BUILTINS and getattr(builtins, name) is value:
        return ast.Name(name, ast.Load())
    if (name in LOOPS or name == "empty") and getattr(htp.loops, name, None) is value:
        return ast.Name(name, ast.Load())
    if name in TASKS and getattr(htp.tasks, name) is value:
        return ast.Name(name, ast.Load())
    if name in STREAMS and getattr(htp.streams, name) is value:
        return ast.Name(name, ast.Load())
    for public in (name, name.rstrip("_")):
        if getattr(htp.tile, public, None) is value and public in htp.tile.__all__:
            return ast.Attribute(ast.Name("tile", ast.Load()), public, ast.Load())
    return None


def _listed(names: Sequence[str]) -> str:
    """The names, or the first of many."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
