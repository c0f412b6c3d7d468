"""Random tile programs, and mutations of programs: material for the laws every compilation keeps.

Knows how to write program text; does not know what is checked about it.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass, field

HEAD = "from htp import In, InOut, Out, Scalar, Tensor, f32, func, i32, i64, kernel, tile\n"
UNARY = ("tile.tanh({})", "tile.sigmoid({})", "tile.abs({})", "tile.relu({})", "-{}", "tile.exp(-tile.abs({}))",
         "tile.sqrt(tile.abs({}))", "{} * 0.5", "1.5 - {}", "tile.clip({}, -1.0, 1.0)",
         "tile.where({0} > 0.25, {0}, s)", "{} / 3.0", "tile.sin({})", "half({})")  # fmt: skip
BINARY = (
    "{} + {}",
    "{} - {}",
    "{} * {}",
    "tile.maximum({}, {})",
    "tile.minimum({}, {})",
    "tile.where({0} < {1}, {1}, {0})",
)


@dataclass
class Writer:
    """Writes one kernel over `a, b: (M, N)`, `v: (N,)`, scalars `s, n`, into `o: (M, N)` and `r: (M,)`."""

    rng: random.Random
    lines: list[str] = field(default_factory=list[str])
    full: list[str] = field(default_factory=list[str])
    rows: list[str] = field(default_factory=list[str])
    count: int = 0

    def text(self) -> str:
        """The whole module."""
        step = self.rng.choice((1, 3, 4, 8, 16))
        whole = self.rng.random() < 0.2
        where = ":" if whole else f"i:i + {step}"
        self.emit(0, "M, N = a.shape")
        depth = 0
        if not whole:
            self.emit(0, f"for i in range(0, M, {step}):")
            depth = 1
        self.emit(depth, f"x = a[{where}, :]")
        self.emit(depth, f"y = b[{where}, :]")
        self.full += ["x", "y"]
        for _ in range(self.rng.randint(1, 7)):
            self.statement(depth)
        self.emit(depth, f"o[{where}, :] = {self.pick()}")
        self.emit(depth, f"r[{where}] = tile.{self.rng.choice(('sum', 'max', 'min', 'mean'))}({self.pick()}, axis=1)")
        body = "\n".join(f"    {line}" for line in self.lines)
        return (
            f"{HEAD}\n\n@func\ndef half(x):\n    y = x * 0.5\n    return y + 0.25\n\n\n@kernel\ndef generated(\n"
            '    a: In[Tensor[f32, "M", "N"]],\n    b: In[Tensor[f32, "M", "N"]],\n    v: In[Tensor[f32, "N"]],\n'
            "    s: Scalar[f32],\n    n: Scalar[i32],\n"
            '    o: Out[Tensor[f32, "M", "N"]],\n    r: Out[Tensor[f32, "M"]],\n'
            f") -> None:\n{body}\n"
        )

    def emit(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def pick(self) -> str:
        return self.rng.choice(self.full)

    def name(self) -> str:
        if len(self.full) > 2 and self.rng.random() < 0.3:
            return self.rng.choice(self.full)
        self.count += 1
        return f"t{self.count}"

    def expression(self, levels: int = 2) -> str:
        """An expression of the shape of a block of rows."""
        if levels == 0 or self.rng.random() < 0.25:
            return self.pick()
        kind = self.rng.randrange(9)
        inner = self.expression(levels - 1)
        if kind < 3:
            return self.rng.choice(UNARY).format(f"({inner})")
        if kind < 6:
            return self.rng.choice(BINARY).format(f"({inner})", f"({self.expression(levels - 1)})")
        if kind == 6:
            return f"({inner}) * v[:]"
        if kind == 7:
            how = self.rng.choice(("max", "sum", "mean", "min"))
            return f"({inner}) - tile.{how}({self.pick()}, axis=1, keepdims=True)"
        return self.rng.choice(
            (
                "tile.cumsum({0}, axis=1) * 0.1", "({0}).T.T", "tile.flip({0}, axis=1)",
                "tile.tril({0})", "tile.sum({0}, axis=0, keepdims=True) * 0.1 + ({0})",
                "tile.concat((({0})[:, 0:0], {0}), axis=1)", "tile.reshape(tile.reshape({0}, ({0}).size), ({0}).shape)",
                "tile.take({0}, tile.arange(N), axis=1)", "tile.sort({0}, axis=1)",
                "({0}) * (({0}) @ tile.eye(N, f32))", "tile.full(x.shape, 0.75, f32) + ({0})",
            )
        ).format(f"({inner})")  # fmt: skip

    def statement(self, depth: int) -> None:
        kind = self.rng.randrange(10)
        if kind < 6:
            name = self.name()
            self.emit(depth, f"{name} = {self.expression()}")
            self.full.append(name)
        elif kind == 6:
            name, value = self.pick(), self.expression(1)
            self.emit(depth, f"{name} = {name} + 0.0")
            self.emit(depth, f"for k{self.count} in range({self.rng.choice(('n', '3', '0', 'n // 2'))}):")
            self.emit(depth + 1, f"{name} = tile.tanh({name} + {value} * 0.5)")
            self.count += 1
        elif kind == 7:
            name = self.pick()
            self.emit(depth, f"if n > {self.rng.randint(0, 4)}:")
            self.emit(depth + 1, f"{name} = {self.expression(1)}")
            if self.rng.random() < 0.5:
                self.emit(depth, "else:")
                self.emit(depth + 1, f"{name} = {self.expression(1)}")
        elif kind == 8:
            self.emit(depth, f"m{self.count} = tile.item(tile.max({self.pick()})) if n > 1 else 0.5")
            name = self.pick()
            self.emit(depth, f"{name} = {name} * 0.5 + m{self.count} * 0.125")
            self.count += 1
        else:
            one, two = self.pick(), self.pick()
            if one != two:
                self.emit(depth, f"{one}, {two} = {two}, {one}")


def generated_program(seed: int) -> str:
    """The text of a random valid program."""
    return Writer(random.Random(seed)).text()


def mutated_program(seed: int) -> str:
    """A random program with one to three changes in its syntax tree; it may mean something else, or nothing."""
    rng = random.Random(seed)
    tree = ast.parse(generated_program(rng.randrange(10_000)))
    kernel = tree.body[-1]
    for _ in range(rng.randint(1, 3)):
        _mutate(kernel, rng)
    ast.fix_missing_locations(tree)
    try:
        return ast.unparse(tree) + "\n"
    except (ValueError, TypeError, AttributeError):
        return generated_program(seed)


def _mutate(kernel: ast.AST, rng: random.Random) -> None:
    nodes = [
        node for node in ast.walk(kernel) if not isinstance(node, ast.expr_context | ast.arguments | ast.FunctionDef)
    ]
    node = rng.choice(nodes)
    names = ("a", "b", "v", "s", "n", "o", "r", "x", "y", "M", "N", "i", "tile", "f32", "nothing", "range", "half")
    match node:
        case ast.Name():
            node.id = rng.choice(names)
        case ast.Constant():
            node.value = rng.choice((0, 1, -1, 7, 2**40, 0.5, True, None, "text", float("inf")))
        case ast.BinOp():
            node.op = rng.choice(
                (ast.Add(), ast.Mult(), ast.MatMult(), ast.FloorDiv(), ast.Mod(), ast.LShift(), ast.Div())
            )
        case ast.Compare():
            node.ops = [rng.choice((ast.Lt(), ast.Eq(), ast.Is(), ast.In(), ast.GtE()))]
        case ast.Attribute():
            node.attr = rng.choice(("sum", "exp", "T", "shape", "nothing", "size", "item", "zeros", "astype", "dot"))
        case ast.Call():
            if node.args and rng.random() < 0.5:
                node.args.pop(rng.randrange(len(node.args)))
            else:
                node.args.append(ast.Constant(rng.choice((0, 1, 2.5))))
        case ast.keyword():
            node.arg = rng.choice(("axis", "keepdims", "dtype", "nothing"))
        case ast.Slice():
            node.lower, node.upper = node.upper, node.lower
        case ast.For() | ast.If() | ast.While():
            if len(node.body) > 1:
                node.body.pop(rng.randrange(len(node.body)))
            else:
                node.body.append(rng.choice((ast.Break(), ast.Pass(), ast.Return(None))))
        case ast.Assign():
            node.value = rng.choice((ast.Name("a", ast.Load()), ast.List([], ast.Load()), ast.Constant(3), node.value))
        case ast.arg():
            node.annotation = rng.choice(
                (
                    ast.parse('Out[Tensor[f32, "M", "N"]]', mode="eval").body,
                    ast.parse("Scalar[f32]", mode="eval").body,
                    None,
                )
            )
        case _:
            pass
