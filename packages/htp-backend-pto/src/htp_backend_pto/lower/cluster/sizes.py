"""What the sizes of a process are called in its network, and the other way round.

Knows names of sizes; does not know statements.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from htp.dims import Expr, const, sym
from htp.fresh_names import unused
from htp.infer.values import Index, Region
from htp.liveness import loads, writes
from htp.types import Param, ScalarType, TensorType, i64
from htp_backend_pto.lower.cluster.reading import no_cluster
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.infer.state import Inference
    from htp.program import Function
    from htp_backend_pto.lower.cluster.reading import Process

__all__ = ["Gang", "Member", "translated", "used_names"]


@dataclass
class Gang:
    """The parameters of a gang, what its caller passes for them, and what its sizes are in the caller's names."""

    known: Inference
    params: dict[str, Param] = field(default_factory=dict[str, Param])
    arguments: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    sizes: dict[str, Expr] = field(default_factory=dict[str, Expr])

    def array(self, param: Param, argument: ast.expr, owner: str) -> str:
        """The gang's parameter for an array of a process; what both read is one parameter."""
        text, region = ast.unparse(argument), self.known.of(argument)
        if not isinstance(param.type, TensorType) or not isinstance(region, Region):
            raise no_cluster(argument, f"`{text}` as an argument of `{owner}`", "pass an array or a part of one")
        for name, other in self.arguments.items():
            known = self.known.of(other)
            if not isinstance(known, Region) or known.root != region.root:
                continue
            if (param.direction, self.params[name].direction) != ("in", "in"):
                raise no_cluster(
                    argument, f"using `{region.root}` in two processes, one of which writes it",
                    "send what is written through a channel",
                )  # fmt: skip
            if ast.unparse(other) == text:
                return name
        name = self._fresh(param.name, owner)
        dims = tuple(self._size(each, f"{name}_{axis}") for axis, each in enumerate(region.dims))
        self.params[name] = Param(name, param.direction, replace(param.type, dims=dims), param.origin)
        self.arguments[name] = argument
        return name

    def number(self, param: Param, argument: ast.expr, owner: str) -> ast.expr:
        """What stands for a number that a process is given."""
        if isinstance(argument, ast.Constant):
            return argument
        text, known = ast.unparse(argument), self.known.of(argument)
        for name, each in self.params.items():
            if each.type == param.type and ast.unparse(self.arguments[name]) == text:
                return ast.Name(name, ast.Load())
        name = self._fresh(param.name, owner)
        self.params[name], self.arguments[name] = replace(param, name=name), argument
        if isinstance(known, Index):
            self.sizes[name] = known.value
        return ast.Name(name, ast.Load())

    def _size(self, value: Expr, name: str) -> Expr:
        """A size of an array, under a name of the gang's own."""
        if value.constant is not None:
            return value
        known = next((each for each, given in self.sizes.items() if given == value and each not in self.params), None)
        if known is None:
            known = str(value) if str(value) in value.symbols and str(value) not in self.params else name
            self.sizes[known] = value
        return sym(known)

    def _fresh(self, name: str, owner: str) -> str:
        taken = self.params.keys() | self.sizes.keys()
        chosen, number = name if name not in taken else f"{owner}_{name}", 1
        while chosen in taken:
            number += 1
            chosen = f"{owner}_{name}_{number}"
        return chosen


@dataclass
class Member:
    """A process of a gang: what it is passed there, and its sizes in the gang's names."""

    process: Process
    gang: Gang
    passed: list[ast.expr] = field(default_factory=list[ast.expr])
    sizes: dict[str, Expr] = field(default_factory=dict[str, Expr])
    more: list[Param] = field(default_factory=list[Param])
    """Sizes that it is given besides what its own parameters say."""

    def __post_init__(self) -> None:
        """Passes on what the process is given."""
        kernel = self.process.kernel
        for param in kernel.params:
            argument = self.process.arguments[param.name]
            if param.is_end:
                self.passed.append(argument)
            elif isinstance(param.type, ScalarType):
                self._number(param.name, self.gang.number(param, argument, kernel.name))
            else:
                name = self.gang.array(param, argument, kernel.name)
                self.passed.append(ast.Name(name, ast.Load()))
                for own, size in zip(_dims(param), _dims(self.gang.params[name]), strict=True):
                    if str(own) in own.symbols:
                        self.sizes.setdefault(str(own), size)

    def _number(self, name: str, given: ast.expr) -> None:
        self.passed.append(given)
        if isinstance(given, ast.Constant) and isinstance(given.value, int):
            self.sizes[name] = const(given.value)
        elif isinstance(given, ast.Name) and given.id in self.gang.sizes:
            self.sizes[name] = sym(given.id)

    def of_gang(self, value: Expr, place: ast.stmt) -> Expr:
        """A size in the gang's names.

        Raises:
            Refused: `pto.no-cluster` for one that the gang's arrays and numbers do not say.
        """
        for symbol in sorted(value.symbols - self.sizes.keys()):
            raise no_cluster(place, f"a size or a number of tokens that depends on `{symbol}`")
        return value.substitute(self.sizes)

    def outside(self, value: Expr, spelled: Mapping[str, str]) -> Expr:
        """A size in the names of the variables of the routine that runs the gang."""
        value = value.substitute(self.sizes).substitute(self.gang.sizes)
        return value.substitute({each: sym(spelled[each]) for each in value.symbols if each in spelled})

    def own(self, value: Expr) -> Expr:
        """A size of the gang in the process's names; one that it has no name for it is given as a number."""
        names = {str(size): sym(name) for name, size in self.sizes.items() if size.constant is None}
        for symbol in sorted(value.symbols - names.keys()):
            name = unused(symbol, used_names(self.process.kernel) | {each.name for each in self.more})
            self.more.append(Param(name, "scalar", ScalarType(i64)))
            self.passed.append(ast.Name(symbol, ast.Load()))
            self.sizes[name] = sym(symbol)
            names[symbol] = sym(name)
        return value.substitute(names)


def translated(value: Expr, one: Member, other: Member, place: ast.stmt, variables: Mapping[str, Expr]) -> Expr:
    """A size of one process in the names of another; `variables` are those of loops."""
    names = dict(variables)
    for symbol in sorted(value.symbols - variables.keys()):
        names[symbol] = other.own(one.of_gang(sym(symbol), place))
    return value.substitute(names)


def used_names(kernel: Function) -> set[str]:
    """Every name that a kernel has."""
    used = {each for statement in walk(kernel.body) for each in (*loads(statement), *writes(statement))}
    return used | {each.name for each in kernel.params}


def _dims(param: Param) -> tuple[Expr, ...]:
    return () if param.type is None or isinstance(param.type, ScalarType) else param.type.dims
