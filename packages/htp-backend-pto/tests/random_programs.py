"""Random programs, each written twice: for HTP, and for NumPy in float64.

`batch` is a routine that calls random kernels, so that many are built and run together; `stages` a workload whose tasks
read and write parts of the same arrays. Knows texts and numbers; does not know what compiles or runs them.
"""

import random
from dataclasses import dataclass

import numpy as np

from htp.testing.programs import defined

HEAD = "from htp import In, InOut, Out, Tensor, empty, f16, f32, i32, kernel, routine, tile\n\n\n"
TYPES = {"f32": np.float32, "f16": np.float16, "i32": np.int32}

UNARY = (
    ("tile.abs({})", "np.abs({})"),
    ("-{}", "-{}"),
    ("tile.relu({})", "np.maximum({}, 0)"),
    ("tile.exp(tile.minimum({}, 1.5))", "np.exp(np.minimum({}, 1.5))"),
    ("tile.sqrt(tile.abs({}))", "np.sqrt(np.abs({}))"),
    ("tile.rsqrt(tile.abs({}) + 0.5)", "1 / np.sqrt(np.abs({}) + 0.5)"),
    ("tile.log(tile.abs({}) + 1.0)", "np.log(np.abs({}) + 1)"),
    ("tile.tanh({})", "np.tanh({})"),
    ("tile.sigmoid({})", "1 / (1 + np.exp(-({})))"),
    ("tile.silu({})", "({0}) / (1 + np.exp(-({0})))"),
)
BINARY = (
    ("{} + {}", "{} + {}"),
    ("{} - {}", "{} - {}"),
    ("tile.tanh({}) * {}", "np.tanh({}) * {}"),
    ("tile.maximum({}, {})", "np.maximum({}, {})"),
    ("tile.minimum({}, {})", "np.minimum({}, {})"),
    ("{} / (tile.abs({}) + 1.0)", "{} / (np.abs({}) + 1)"),
)
INTEGERS = (
    ("{} + {}", "{} + {}"),
    ("{} - {}", "{} - {}"),
    ("tile.maximum({}, {})", "np.maximum({}, {})"),
    ("tile.minimum({}, {})", "np.minimum({}, {})"),
)
REDUCTIONS = ("mean", "max", "min", "sum")


@dataclass(frozen=True)
class Random:
    """Random programs in one: its definition, what goes in, and what is to come out."""

    name: str
    programs: int
    text: str
    definition: object
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    expected: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Kernel:
    """One kernel: its parameters with shapes, and both texts of its statements."""

    name: str
    arrays: tuple[tuple[str, str, str, tuple[int, ...]], ...]
    """Name, type of an element, dims as they are written, sizes."""
    htp: str
    numpy: str


def batch(seed: int, count: int) -> Random:
    """A routine that calls `count` random kernels, each on arrays of its own."""
    rng = random.Random(seed)
    kinds = [rng.choice((_elementwise, _elementwise, _rows, _rows, _product, _integers)) for _ in range(count)]
    made = [kind(rng, f"k{number}") for number, kind in enumerate(kinds)]
    values = np.random.default_rng(seed)
    params, calls, inputs, outputs, expected = [], [], [], [], []
    for each in made:
        given = {name: _values(values, dtype, sizes) for name, dtype, _, sizes in each.arrays[:-1]}
        name, dtype, _, sizes = each.arrays[-1]
        wanted = np.full(sizes, np.nan) if dtype == "f32" else np.zeros(sizes, np.int64)
        whole = {key: array.astype(wanted.dtype) for key, array in given.items()}
        exec(each.numpy, {"np": np, **whole, name: wanted})
        inputs += given.values()
        outputs.append(np.zeros(sizes, TYPES[dtype]))
        expected.append(wanted)
        params += [(f"{each.name}_{key}", _type("In", *rest)) for key, *rest in each.arrays[:-1]]
        calls.append(f"    {each.name}({', '.join(f'{each.name}_{key}' for key, *_ in each.arrays)})")
    params += [(f"{each.name}_{each.arrays[-1][0]}", _type("Out", *each.arrays[-1][1:])) for each in made]
    head = ", ".join(f"{name}: {type_}" for name, type_ in params)
    text = HEAD + "\n\n".join(_source(each) for each in made)
    text += f"\n\n@routine\ndef every({head}) -> None:\n" + "\n".join(calls)
    definition = defined(text, "every", f"random_{seed}.py")
    return Random(f"random {seed}", count, text, definition, tuple(inputs), tuple(outputs), tuple(expected))


def _type(direction: str, dtype: str, dims: str, sizes: tuple[int, ...]) -> str:
    del sizes
    return f"{direction}[Tensor[{dtype}, {dims}]]"


def _source(kernel: Kernel) -> str:
    params = [f"{name}: {_type('In', *rest)}" for name, *rest in kernel.arrays[:-1]]
    name, *rest = kernel.arrays[-1]
    params.append(f"{name}: {_type('Out', *rest)}")
    return f"@kernel\ndef {kernel.name}({', '.join(params)}) -> None:\n{kernel.htp}"


def _values(values: np.random.Generator, dtype: str, sizes: tuple[int, ...]) -> np.ndarray:
    if dtype == "i32":
        return values.integers(-1000, 1000, sizes).astype(np.int32)
    return (values.integers(-24, 25, sizes) / 8).astype(TYPES[dtype])


class Words:
    """Statements that are added one after the other, for HTP and for NumPy."""

    def __init__(self, rng: random.Random, depth: int) -> None:
        self.rng, self.depth = rng, depth
        self.htp: list[str] = []
        self.numpy: list[str] = []
        self.tiles: list[str] = []
        self.number = 0

    def put(self, pair: tuple[str, str], *operands: str) -> str:
        """A new tile of a formula."""
        name = f"t{self.number}"
        self.number += 1
        for lines, form in zip((self.htp, self.numpy), pair, strict=True):
            lines.append("    " * self.depth + f"{name} = {form.format(*operands)}")
        self.tiles.append(name)
        return name

    def any(self) -> str:
        """A tile that is there, the last one more often, so that little is computed for nothing."""
        return self.tiles[-1] if self.rng.random() < 0.7 else self.rng.choice(self.tiles)

    def two(self) -> tuple[str, str]:
        """Two different tiles, the last one among them, in any order."""
        other = self.rng.choice(self.tiles[:-1] or self.tiles)
        return (self.tiles[-1], other) if self.rng.random() < 0.5 else (other, self.tiles[-1])

    def compute(self, steps: int, *, vectors: tuple[str, ...] = (), reduced: bool = False) -> None:
        """Random formulas over the tiles, and over rows that are given."""
        for _ in range(steps):
            kind = self.rng.random()
            if reduced and kind < 0.3:
                self.reduce()
            elif kind < 0.5:
                self.put(self.rng.choice(UNARY), self.any())
            elif kind < 0.6:
                number = self.rng.choice((0.5, -1.25, 2.0, 3.0))
                form = self.rng.choice(("{} + {}", "{} * {}", "{1} - {0}", "{} / {}"))
                self.put((form, form), self.any(), str(number))
            elif kind < 0.7 and vectors:
                form = self.rng.choice(("{} + {}", "{} * {}", "{} - {}"))
                self.put((form, form), self.any(), self.rng.choice(vectors))
            elif kind < 0.78:  # the first tile is exact: it comes from memory, or is a sum of small fractions
                pair = ("tile.where({} > {}, {}, {})", "np.where({} > {}, {}, {})")
                self.put(pair, self.tiles[0], self.rng.choice(("0.3", "-0.7")), *self.two())
            else:
                self.put(self.rng.choice(BINARY), *self.two())

    def reduce(self) -> None:
        """A reduction of rows or columns, and what it is subtracted from or divides."""
        how, axis = self.rng.choice(REDUCTIONS), self.rng.choice((1, 1, 1, 0))
        x = self.tiles[-1]
        ours = f"tile.{how}({{0}}, axis={axis}, keepdims=True)"
        theirs = f"{{0}}.{how}(axis={axis}, keepdims=True)"
        if how == "sum":
            self.put((f"{{1}} / (tile.abs({ours}) + 1.0)", f"{{1}} / (np.abs({theirs}) + 1)"), x, self.any())
        else:
            form = self.rng.choice(("{1} - ", "{1} + "))
            self.put((form + ours, form + theirs), x, self.any())

    def loops(self, *loops: tuple[str, str, int]) -> None:
        """`for name in range(0, extent, step)`, one in the other, for both."""
        for index, (name, extent, step) in enumerate(loops):
            for lines in (self.htp, self.numpy):
                indent = "    " * (index + (1 if lines is self.htp else 0))
                lines.append(f"{indent}for {name} in range(0, {extent}, {step}):")

    def texts(self) -> tuple[str, str]:
        """Both; NumPy's stands at the margin."""
        return "\n".join(self.htp) + "\n", "\n".join(_outdented(each) for each in self.numpy) + "\n"


def _outdented(line: str) -> str:
    return line.replace("        ", "    ", 1) if line.startswith("        ") else line


def _elementwise(rng: random.Random, name: str) -> Kernel:
    """Tiles with tails in both dimensions."""
    rows, columns = rng.randint(1, 50), rng.randint(1, 90)
    height, width = rng.choice((4, 8, 16, 24, 32)), rng.choice((8, 16, 32, 48, 64))
    words = Words(rng, 3)
    words.loops(("i", "y.shape[0]", height), ("j", "y.shape[1]", width))
    part = f"[i:i + {height}, j:j + {width}]"
    words.put(("{}" + part,) * 2, "x")
    words.put(("{}" + part,) * 2, "z")
    words.compute(rng.randint(2, 7), vectors=(f"r[j:j + {width}]",))
    return _closed(name, words, part, [("x", rows, columns), ("z", rows, columns), ("r", columns)], (rows, columns))


def _rows(rng: random.Random, name: str) -> Kernel:
    """Blocks of whole rows, with reductions."""
    rows, columns = rng.randint(1, 50), rng.randint(2, 90)
    height = rng.choice((4, 8, 16, 24))
    words = Words(rng, 2)
    words.loops(("i", "y.shape[0]", height))
    part = f"[i:i + {height}, :]"
    words.put(("{}" + part,) * 2, "x")
    words.compute(rng.randint(2, 6), vectors=("r[:]",), reduced=True)
    words.reduce()
    return _closed(name, words, part, [("x", rows, columns), ("r", columns)], (rows, columns), fixed=True)


def _product(rng: random.Random, name: str) -> Kernel:
    """A product with a loop over K, and perhaps more behind it."""
    rows, columns, inner = rng.randint(1, 50), rng.randint(1, 50), rng.randint(1, 70)
    height, width, depth = (rng.choice((16, 32, 48)) for _ in range(3))
    turned = rng.random() < 0.4
    words = Words(rng, 3)
    words.loops(("i", "y.shape[0]", height), ("j", "y.shape[1]", width))
    sizes = f"min({height}, y.shape[0] - i), min({width}, y.shape[1] - j)"
    words.htp.append(f"            acc = tile.zeros(({sizes}), f32)")
    words.numpy.append(f"            acc = np.zeros(({sizes}))")
    right = f"b[j:j + {width}, k:k + {depth}].T" if turned else f"b[k:k + {depth}, j:j + {width}]"
    for lines in (words.htp, words.numpy):
        lines.append(f"            for k in range(0, a.shape[1], {depth}):")
        lines.append(f"                acc += a[i:i + {height}, k:k + {depth}] @ {right}")
    words.tiles.append("acc")
    if rng.random() < 0.5:
        words.put(("{} * {}",) * 2, "acc", "0.125")
        words.tiles.remove("acc")
        words.compute(rng.randint(1, 4), vectors=(f"r[j:j + {width}]",))
    dtype = rng.choice(("f16", "f32"))
    arrays = [("a", rows, inner, dtype), ("b", columns, inner, dtype) if turned else ("b", inner, columns, dtype)]
    return _closed(name, words, f"[i:i + {height}, j:j + {width}]", [*arrays, ("r", columns)], (rows, columns))


def _integers(rng: random.Random, name: str) -> Kernel:
    """Whole numbers, which are the same everywhere."""
    rows, columns = rng.randint(1, 40), rng.randint(1, 70)
    height, width = rng.choice((8, 16)), rng.choice((16, 32))
    words = Words(rng, 3)
    words.loops(("i", "y.shape[0]", height), ("j", "y.shape[1]", width))
    part = f"[i:i + {height}, j:j + {width}]"
    words.put(("{}" + part,) * 2, "x")
    words.put(("{}" + part,) * 2, "z")
    for _ in range(rng.randint(2, 5)):
        words.put(rng.choice(INTEGERS), *words.two())
    words.put(("{} * {}",) * 2, words.any(), "3")
    return _closed(
        name, words, part, [("x", rows, columns, "i32"), ("z", rows, columns, "i32")], (rows, columns), "i32"
    )


def _closed(name: str, words: Words, part: str, arrays: list[tuple], sizes: tuple[int, int], dtype: str = "f32",
            *, fixed: bool = False) -> Kernel:  # fmt: skip
    """The kernel, with its last tile stored; equal sizes have one name."""
    depth = "    " * words.depth
    words.htp.append(f"{depth}y{part} = {words.tiles[-1]}")
    words.numpy.append(f"{depth}y{part} = {words.tiles[-1]}")
    letters: dict[int, str] = {}

    def dims(shape: tuple[int, ...]) -> str:
        if fixed:
            return ", ".join([f'"{name.upper()}M"', *map(str, shape[1:])]) if len(shape) > 1 else str(shape[0])
        return ", ".join(f'"{letters.setdefault(each, f"{name.upper()}{chr(65 + len(letters))}")}"' for each in shape)

    found = []
    for key, *rest in [*arrays, ("y", *sizes, dtype)]:
        shape = tuple(each for each in rest if isinstance(each, int))
        kind = rest[-1] if isinstance(rest[-1], str) else "f32"
        found.append((key, kind, dims(shape), shape))
    ours, theirs = words.texts()
    return Kernel(name, tuple(found), ours, theirs)


STAGES = """from htp import In, InOut, Out, Scalar, Tensor, empty, f32, kernel, tile
from htp_dialect_wsp import P, workload


@kernel
def scaled(x: In[Tensor[f32, "m", "n"]], by: Scalar[f32], y: Out[Tensor[f32, "m", "n"]]) -> None:
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 32):
            y[i:i + 16, j:j + 32] = x[i:i + 16, j:j + 32] * by


@kernel
def added(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "m", "n"]]) -> None:
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 32):
            y[i:i + 16, j:j + 32] = y[i:i + 16, j:j + 32] + x[i:i + 16, j:j + 32]


@kernel
def lowered(x: In[Tensor[f32, "m", 40]], y: Out[Tensor[f32, "m", 40]]) -> None:
    for i in range(0, x.shape[0], 16):
        rows = x[i:i + 16, :]
        y[i:i + 16, :] = rows - tile.max(rows, axis=1, keepdims=True)


"""
WIDTH = 40


def stages(seed: int) -> Random:
    """A workload of a few stages over the tiles of four arrays, each of which reads and writes what others did."""
    rng = random.Random(seed)
    rows, made = rng.randint(8, 50), [("scaled", "a", "t", "P", 16, 20), ("scaled", "a", "y", "P", 16, WIDTH)]
    for _ in range(rng.randint(2, 4)):
        word = rng.choice(("scaled", "added", "added", "lowered"))
        source, target = rng.sample(("a", "t", "y", "z"), 2)
        if target == "a":
            source, target = target, source
        width = WIDTH if word == "lowered" else rng.choice((8, 20, WIDTH))
        made.append((word, source, target, rng.choice(("P", "P", "P.seq")), rng.choice((8, 16, 24)), width))
    a, z = np.random.default_rng(seed).integers(-8, 9, (2, rows, WIDTH)).astype(np.float32)
    arrays = {"a": a.astype(np.float64), "t": a * 0.0, "y": a * 0.0, "z": z.astype(np.float64)}
    params = ", ".join(
        f'{name}: {way}[Tensor[f32, "M", {WIDTH}]]' for name, way in (("a", "In"), ("z", "InOut"), ("y", "Out"))
    )
    lines = [f"@workload\ndef run({params}) -> None:", "    M = a.shape[0]", f"    t = empty((M, {WIDTH}), f32)"]
    for number, each in enumerate(made):
        lines += _stage(each, number, 0.5 * (number + 2))
        _apply(arrays, each, 0.5 * (number + 2))
    text = STAGES + "\n".join(lines) + "\n"
    definition = defined(text, "run", f"stages_{seed}.py")
    return Random(f"stages {seed}", 1, text, definition, (a,), (z, np.zeros_like(a)), (arrays["z"], arrays["y"]))


def _stage(stage: tuple[str, str, str, str, int, int], number: int, by: float) -> list[str]:
    word, source, target, how, height, width = stage
    i, j = f"i{number}", f"j{number}"
    part = f"[{i}:{i} + {height}, {j}:{j} + {width}]" if width < WIDTH else f"[{i}:{i} + {height}, :]"
    loop = f"    for {i} in {how}(range(0, M, {height})):"
    if width < WIDTH:
        loop = f"    for {i}, {j} in {how}(range(0, M, {height}), range(0, {WIDTH}, {width})):"
    factor = f"{by}, " if word == "scaled" else ""
    return [loop, f"        {word}({source}{part}, {factor}{target}{part})"]


def _apply(arrays: dict[str, np.ndarray], stage: tuple[str, str, str, str, int, int], by: float) -> None:
    """What a stage does; its tiles touch nothing of each other, so that all of them go at once."""
    word, source, target, *_ = stage
    x = arrays[source]
    if word == "scaled":
        arrays[target] = x * by
    elif word == "added":
        arrays[target] = arrays[target] + x
    else:
        arrays[target] = x - x.max(axis=1, keepdims=True)
