"""Types of intrinsic calls: arguments held to the declared signature, the result in terms of them.

Knows signatures; does not know what an intrinsic computes.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeVar

import msgspec

from htp._impl.signatures import Choice, Unbound, choices, converted, is_size
from htp.diagnostics import Refused
from htp.foreign import foreign_name, intrinsic_called, intrinsic_named
from htp.infer import shapes
from htp.infer.operations import Operations
from htp.infer.values import Index, Known, Number, Region, Text, Type, Value
from htp.program import origin_of
from htp.types import DTypeForm, ScalarForm, ScalarType, TileForm, TileType, bool_

if TYPE_CHECKING:
    from htp._impl.signatures import Attribute, Formal, Signature
    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.intrinsics import Intrinsic

    Given = dict[str, ast.expr]


class Intrinsics(Operations):
    """The part of the engine that types calls of intrinsics."""

    def intrinsic_of(self, node: ast.Call) -> Intrinsic[..., object] | None:
        """The intrinsic that a call is of; a variable of that name is none."""
        name = intrinsic_called(node)
        if name is None or name.partition(".")[0] in self.environment:
            return None
        return intrinsic_named(name)

    def intrinsic(self, node: ast.Call, intrinsic: Intrinsic[..., object]) -> Known:
        """The type of a call's result.

        Raises:
            Refused: `type.*` at the argument that does not fit, with the declaration.
        """
        try:
            return self._result(node, intrinsic)
        except shapes.Mismatch as mismatch:
            raise _declared(self.mismatched(node, mismatch), intrinsic.signature) from None
        except Refused as refusal:
            raise _declared(refusal, intrinsic.signature) from None

    def _result(self, node: ast.Call, intrinsic: Intrinsic[..., object]) -> Known:
        signature = intrinsic.signature
        try:
            given = signature.bind(node.args, {each.arg or "": each.value for each in node.keywords})
        except Unbound as problem:
            told = _told_of(intrinsic.__doc__ or "", problem.missing)
            raise self.refused(node, "type.bad-arguments", str(problem), told) from None
        known = {name: self.expression(each) for name, each in given.items()}
        choice = Choice({}, self._attributes(signature, given, known))
        choice.dtypes.update(choice.told(signature))
        tiles = {each.name: self._tile_argument(signature, each, given, known, choice) for each in _tiles(signature)}
        for each in signature.operands:
            if isinstance(each.type, ScalarType | ScalarForm):
                self._scalar_argument(signature, each, given, known, choice)
        sizes = self._sizes(signature, given, tiles, choice.sizes | _told(signature, known))
        self.result.operations[id(node)] = (signature.name, given)
        self.result.intrinsics[id(node)] = choice
        dims = tuple(self.facts.simplify(size.substitute(sizes)) for size in signature.result.dims)
        return Value(choice.dtype(signature.result), dims)

    def _attributes(self, signature: Signature, given: Given, known: dict[str, Known]) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        for each in signature.attributes:
            if each.name not in given:
                found[each.name] = each.default if each.default is not None else 0
                continue
            value = converted(each, _constant(known[each.name]))
            if value is None:
                raise self.refused(
                    given[each.name],
                    "type.not-constant",
                    f"`{each.name}` of `{signature.name}` is an attribute: a constant of type "
                    f"{each.type.__name__ if isinstance(each.type, type) else each.type}",
                    f"write one of {', '.join(each.name for each in choices(each.type.dtype))}"
                    if isinstance(each.type, DTypeForm)
                    else "write a literal, or a number that is captured when the program is compiled",
                )
            found[each.name] = value
        return found

    def _tile_argument(
        self, signature: Signature, formal: Formal, given: Given, known: dict[str, Known], choice: Choice
    ) -> Value:
        node, what = given[formal.name], known[formal.name]
        if not isinstance(what, Value | Region):
            raise self.refused(node, "type.not-a-tile", f"`{formal.name}` of `{signature.name}` is a tile, not {what}")
        value = self.as_tile(node, what)
        wanted = formal.type.dtype if isinstance(formal.type, TileType | TileForm) else value.dtype
        allowed = choices(wanted)
        if isinstance(wanted, TypeVar):
            allowed = (choice.dtypes[wanted],) if wanted in choice.dtypes else allowed
            choice.dtypes.setdefault(wanted, value.dtype)
        if value.dtype not in allowed:
            names = " or ".join(each.name for each in allowed)
            raise self.refused(
                node,
                "type.dtype-mismatch",
                f"`{formal.name}` of `{signature.name}` is {names} here, not {value.dtype.name}",
                f"cast it: `.astype({allowed[0].name})`",
            )
        return value

    def _scalar_argument(
        self, signature: Signature, formal: Formal, given: Given, known: dict[str, Known], choice: Choice
    ) -> None:
        what, form = known[formal.name], formal.type
        dtype = choice.dtype(form) if isinstance(form, ScalarType | ScalarForm) else bool_
        fits = isinstance(what, Index) and dtype is not bool_
        if isinstance(what, Number):
            fits = (what.kind == "bool") is (dtype is bool_) and (what.kind == "bool" or dtype.kind == "float")
        if not fits:
            help_ = "take one element: `tile.item(…)`" if isinstance(what, Value | Region) else ""
            raise self.refused(
                given[formal.name],
                "type.dtype-mismatch",
                f"`{formal.name}` of `{signature.name}` is a {dtype.name} number, not {what}",
                help_,
            )
        self.adapt_scalar(given[formal.name], what, dtype)

    def _sizes(
        self, signature: Signature, given: Given, tiles: dict[str, Value], sizes: dict[str, Expr]
    ) -> dict[str, Expr]:
        """Every size the signature names, beside the `sizes` that are told; those that occur twice are equal."""
        for each in _tiles(signature):
            dims, value = _dims(each), tiles[each.name]
            if len(dims) != len(value.dims):
                raise self.refused(
                    given[each.name],
                    "type.shape-mismatch",
                    f"`{each.name}` of `{signature.name}` has {len(dims)} dimensions, not {len(value.dims)}",
                    "slice or reshape it",
                )
            for size, have in zip(dims, value.dims, strict=True):
                if str(size) in size.symbols:
                    sizes.setdefault(str(size), have)
        for each in _tiles(signature):
            have, want = tiles[each.name].dims, tuple(size.substitute(sizes) for size in _dims(each))
            what = f"`{each.name}` of `{signature.name}` has shape {shapes.show(have)}, not {shapes.show(want)}"
            try:
                for one, two in zip(have, want, strict=True):
                    shapes.same(self.facts, one, two, what)
            except shapes.Mismatch as mismatch:
                raise self.mismatched(given[each.name], mismatch) from None
        return sizes

    def refuse_words(self, node: ast.expr) -> None:
        """Refuses a call of a dialect's word, or of something that belongs to one, and an intrinsic without a call.

        Raises:
            Refused: `type.not-lowered`, `type.bad-attribute`.
        """
        root = node.func if isinstance(node, ast.Call) else node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self.environment:
            return
        refuse_foreign(root.id, origin_of(node))
        if isinstance(node, ast.Attribute) and intrinsic_named(ast.unparse(node)) is not None:
            name = ast.unparse(node)
            raise self.refused(node, "type.bad-attribute", f"`{name}` has no value", f"call it: `{name}(…)`")


def refuse_foreign(name: str, place: Span | None) -> None:
    """Refuses a word or a kind of function of a dialect, which that dialect's passes should have taken away.

    Raises:
        Refused: `type.not-lowered`.
    """
    known = foreign_name(name)
    if known is not None and known.what != "intrinsics":
        raise Refused(
            "type.not-lowered",
            f"`{name}` belongs to dialect `{known.owner}`, and no pass has turned it into core's language",
            span=place,
            help="install a version of the dialect whose passes eliminate it, or run them first",
        )


def _tiles(signature: Signature) -> tuple[Formal, ...]:
    return tuple(each for each in signature.operands if isinstance(each.type, TileType | TileForm))


def _dims(formal: Formal) -> tuple[Expr, ...]:
    return formal.type.dims if isinstance(formal.type, TileType | TileForm) else ()


def _told(signature: Signature, known: dict[str, Known]) -> dict[str, Expr]:
    """Sizes that are numbers among the arguments."""
    numbers = {each.name: known[each.name] for each in signature.operands if is_size(each)}
    return {name: each.value for name, each in numbers.items() if isinstance(each, Index)}


def _constant(known: Known) -> object:
    """The Python value of what is known to be constant."""
    if isinstance(known, Index):
        return known.value.constant
    if isinstance(known, Number):
        return known.constant
    if isinstance(known, Type):
        return known.dtype
    return known.text if isinstance(known, Text) else None


def _told_of(doc: str, name: str) -> str:
    """The line of a docstring that begins with the name of a parameter; empty where there is none."""
    lines = (each.strip().removesuffix(".") for each in doc.splitlines())
    return next((each for each in lines if name and each.startswith(f"`{name}`")), "")


def _declared(refusal: Refused, signature: Signature) -> Refused:
    first, *rest = refusal.diagnostics
    return Refused.of(msgspec.structs.replace(first, notes=(*first.notes, f"declared as {signature}")), *rest)
