"""What assignments do: names are bound to values, slices of tensors are stored to.

Knows targets; `expressions.py` knows what is assigned.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import msgspec

from htp.diagnostics import Refused
from htp.dims import const
from htp.infer import shapes
from htp.infer.expressions import Expressions
from htp.infer.remedies import divided, remedy
from htp.infer.state import VERSION
from htp.infer.values import Access, End, Group, Index, Known, Number, Region, Text, Value
from htp.program import origin_of

if TYPE_CHECKING:
    from collections import Counter


class Binding(Expressions):
    """The part of the engine that binds, stores and names."""

    assignments: Counter[str]
    fresh_names: Counter[str]
    reserved: set[str]

    def bind(self, target: ast.expr, known: Known, value: ast.expr | None = None) -> None:
        """Gives a target what is known of the value that is assigned to it."""
        if isinstance(target, ast.Name):
            self._bind_name(target, known, value)
        elif isinstance(target, ast.Tuple):
            if not isinstance(known, Group) or len(known.items) != len(target.elts):
                raise self.refused(
                    target,
                    "type.bad-unpacking",
                    f"{known} cannot be unpacked into {len(target.elts)} names",
                    "write one name for each item",
                )
            parts = value.elts if isinstance(value, ast.Tuple) else [None] * len(target.elts)
            for each, item, part in zip(target.elts, known.items, parts, strict=True):
                self.bind(each, item, part)
        elif isinstance(target, ast.Subscript):
            self._store(target, known)

    def _bind_name(self, target: ast.Name, known: Known, value: ast.expr | None) -> None:
        if isinstance(self.environment.get(target.id), Region | End) and any(
            p.name == target.id for p in self.function.params
        ):
            raise self.refused(
                target,
                "type.parameter-rebound",
                f"`{target.id}` is a parameter and cannot be rebound",
                f"store into it: `{target.id}[:] = …`",
            )
        if isinstance(known, End) and isinstance(value, ast.Name):
            raise self.refused(
                target, "type.second-name", f"`{target.id}` would be a second name of the channel `{value.id}`",
                f"write `{value.id}`",
            )  # fmt: skip
        if isinstance(known, Text):
            raise self.refused(target, "type.no-value", "this call gives no value", "call it on a line of its own")
        if isinstance(known, Region):
            if known.root == "":
                self.one_buffer(target, known)
                known = Region(known.dtype, known.dims, target.id, known.box)
                self.result.roots[target.id] = known.dims
            elif self._aliases(value):
                raise self.refused(
                    target,
                    "type.second-name",
                    f"`{target.id}` would be a second name of the tensor `{known.root}`, which can change",
                    f"take its elements as they are now: `{target.id} = {known.root}[:]`",
                )
            else:
                self.access(known, target, writes=False)
                known = known.value
        self.environment[target.id] = known
        self.result.types[id(target)] = known

    def _aliases(self, value: ast.expr | None) -> bool:
        """Whether a value is a tensor itself, not its elements, and may be stored to."""
        if not isinstance(value, ast.Name):
            return False
        directions = {each.name: each.direction for each in self.function.params}
        return value.id in self.result.roots and directions.get(value.id) != "in"

    def _store(self, target: ast.Subscript, known: Known) -> None:
        region = self.expression(target)
        if not isinstance(region, Region) or not isinstance(target.value, ast.Name):
            one = "write one subscript: `x[i, 2:4] = …`, not `x[i][2:4] = …`"
            raise self.refused(
                target,
                "type.store-into-value",
                f"`{ast.unparse(target.value)}` is a tile; tiles are values and cannot be stored into",
                one
                if isinstance(region, Region)
                else "store into an Out or InOut parameter, or build the new tile with `tile.where` or `tile.concat`",
            )
        if isinstance(known, Value | Region):
            self.stored_value(target, region, known)
        elif isinstance(known, Index | Number):
            self.adapt_scalar(target, known, region.dtype)
        else:
            raise self.refused(
                target, "type.dtype-mismatch", f"{known} cannot be stored into a tensor", "store a tile or a number"
            )
        self.access(region, target, writes=True)

    def stored_value(self, node: ast.Subscript, region: Region, known: Value | Region) -> None:
        """Checks that a tile fits the region it is stored into: same dtype, shape equal or broadcast to it."""
        if known.dtype is not region.dtype:
            raise self.refused(
                node,
                "type.dtype-mismatch",
                f"a {known.dtype.name} tile cannot be stored into {region.dtype.name}",
                f"cast it: `.astype({region.dtype.name})`",
            )
        extra = len(known.dims) - len(region.dims)
        shown = f"a tile of {shapes.show(known.dims)} into a slice of {shapes.show(region.dims)}"
        try:
            if extra > 0:
                raise shapes.Mismatch(f"cannot store {shown}", "drop dimensions with `tile.squeeze` or `tile.reshape`")
            for have, want in zip(known.dims[::-1], region.dims[::-1], strict=False):
                if have.constant != 1:
                    shapes.same(
                        self.facts,
                        have,
                        want,
                        f"cannot store {shown}",
                        "a stored tile has the slice's shape, or broadcasts to it",
                    )
        except shapes.Mismatch as mismatch:
            if not self.compared(node, mismatch):
                raise self.mismatched(node, mismatch) from None
            self.stored_value(node, region, known)

    def compared(self, node: ast.AST, mismatch: shapes.Mismatch) -> bool:
        """Whether sizes that could not be proved equal are compared when the program runs; then they are equal.

        Those of tokens are, and in a process those of what is stored, whose place follows from the tokens before it.
        """
        have, want = mismatch.sizes if mismatch.sizes is not None else (const(0), const(0))
        checks = self.result.checks.setdefault(id(node), [])
        known = any((have, want) == each[:2] for each in checks)
        stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        follows = stored and any(each.is_end for each in self.function.params)
        tokens = (have.symbols | want.symbols) & self.result.token_sizes.keys()
        if known or not (tokens or (follows and self.facts.equal(have, want) is None)):
            return False
        checks.append((have, want, self._plain(mismatch.message)))
        self.result.keep.append(node)
        self.facts = self.facts.with_equal(have, want)
        return True

    def access(self, region: Region, node: ast.AST, *, writes: bool) -> None:
        """Records a read or write of memory."""
        self.result.accesses.append(
            Access(region.root, region.box, writes, node, self.facts, self.loops, self.conditional)
        )

    def mismatched(self, node: ast.AST, mismatch: shapes.Mismatch) -> Refused:
        """The refusal of sizes that do not fit, with the assertion that would settle it."""
        help = mismatch.help
        if mismatch.sizes is not None:
            clips = [
                self.result.clips[each]
                for each in self.result.clips
                if any(each in size.symbols for size in mismatch.sizes)
            ]
            help = remedy(self.facts, mismatch.sizes, self.reserved, clips, self.environment)
        elif mismatch.multiple is not None:
            help = divided(*mismatch.multiple, self.environment)
        refusal = self.refused(node, mismatch.code, mismatch.message, help)
        notes = (self._plain(mismatch.note),) if mismatch.note else ()
        return Refused.of(msgspec.structs.replace(refusal.diagnostic, notes=notes))

    # names and refusals -----------------------------------------------------------------------------------------

    def fresh(self, name: str, node: ast.expr | None = None) -> str:
        """A symbol for an integer that is no expression of others, called as the variable `node` is assigned to."""
        if node is not None and self.naming is not None and self.naming[0] == id(node):
            name = self.naming[1]
        base = name.split(VERSION)[0]
        self.fresh_names[base] += 1
        if self.assignments[base] == 1 and self.fresh_names[base] == 1 and base not in self.reserved:
            return base
        return f"{base}{VERSION}{self.fresh_names[base]}"

    def refused(self, node: ast.AST, code: str, message: str, help: str = "") -> Refused:
        """The refusal at the place of `node`, in terms of names that the user wrote."""
        return Refused(code, self._plain(message), span=origin_of(node), help=(self._plain(help),) if help else ())

    def _plain(self, text: str) -> str:
        for symbol, (bound, size) in self.result.clips.items():
            text = re.sub(rf"\b{symbol}\b", f"clip({bound}, {size})", text)
        return re.sub(rf"{VERSION}\d+", "", text)
