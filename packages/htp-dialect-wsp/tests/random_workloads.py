"""Random workloads and random schedules of them, drawn from a seed.

Numbers are small and whole, so that sums are exact in any order and every result can be compared bit for bit.
"""

import importlib.util
import sys

import numpy as np

HEAD = '''
from htp import In, InOut, Out, Tensor, empty, f32, kernel, tile
from htp_dialect_wsp import *
from htp_dialect_wsp import P, schedule, workload


@kernel
def copy(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = x[:]


@kernel
def negate(x: In[Tensor[f32, "n"]], y: Out[Tensor[f32, "n"]]) -> None:
    y[:] = -x[:]


@kernel
def add(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def most(x: In[Tensor[f32, "n"]], y: InOut[Tensor[f32, "n"]]) -> None:
    y[:] = tile.maximum(y[:], x[:])


@workload
def main(
    a: In[Tensor[f32, "M", "N"]], b: InOut[Tensor[f32, "M", "N"]], c: InOut[Tensor[f32, "M", "N"]],
    s: InOut[Tensor[f32, "N"]], t: InOut[Tensor[f32, "N"]],
) -> None:
    M, N = a.shape
'''


class Drawn:
    """One workload, with the loops, tasks and arrays that directives may name."""

    def __init__(self, draw):
        self.draw = draw
        self.lines = []
        self.count = 0
        self.reduced = []
        self.piped = []
        for _ in range(draw.randint(1, 3)):
            draw.choice([self.nest, self.nest, self.sums, self.steps, self.stages])()

    @property
    def text(self):
        return HEAD + "\n".join(f"    {each}" for each in self.lines) + "\n"

    def arrays(self, seed):
        numbers = np.random.default_rng(seed)
        m, n = self.draw.choice([(0, 5), (1, 1), (4, 8), (5, 13), (9, 6), (12, 16), (7, 21)])
        shapes = [(m, n)] * 3 + [(n,)] * 2
        return [numbers.integers(-4, 5, shape).astype(np.float32) for shape in shapes]

    def name(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def walk(self, extent, step):
        over = f"range(0, {extent}, {step})" if step > 1 else extent
        return self.draw.choice([f"P({over})", f"P({over})", f"P.seq({over})"])

    def nest(self):
        """Every element on its own: one or two tasks in each iteration."""
        i, j, step = self.name("i"), self.name("j"), self.draw.choice([1, 2, 4])
        self.lines += [f"for {i} in {self.walk('M', 1)}:", f"    for {j} in {self.walk('N', step)}:"]
        place = f"[{i}, {j}:{j} + {step}]"
        chains = [("a", "b"), ("b", "c")], [("a", "c")], [("a", "b"), ("a", "c")], [("c", "b"), ("b", "c")]
        for source, target in self.draw.choice(chains):
            kernel = self.draw.choice(["copy", "negate", "add"])
            self.lines.append(f"        {kernel}({source}{place}, {target}{place})")

    def sums(self):
        """Columns that are added up, or of which the largest is found."""
        j, k, step = self.name("j"), self.name("k"), self.draw.choice([2, 3])
        target, (kernel, operator) = self.draw.choice("st"), self.draw.choice([("add", "+"), ("most", "max")])
        call = f"{kernel}({self.draw.choice('abc')}[{k}, {j}:{j} + {step}], {target}[{j}:{j} + {step}])"
        loops = [f"for {j} in {self.walk('N', step)}:", f"for {k} in P.seq(M):"]
        self.draw.shuffle(loops)
        self.lines += [loops[0], f"    {loops[1]}", f"        {call}"]
        self.reduced.append((k, operator))

    def steps(self):
        """Rows that are made of the rows before them."""
        t, j, step = self.name("t"), self.name("j"), self.draw.choice([2, 4])
        array, apart = self.draw.choice("bc"), self.draw.choice([0, 0, step])
        start = self.draw.choice([0, step])
        self.lines += [f"for {t} in P.seq(range(1, M)):", f"    for {j} in P.seq(range({start}, N - {apart}, {step})):"]
        self.lines.append(f"        add({array}[{t} - 1, {j}:{j} + {step}], {array}[{t}, {j}:{j} + {step}])")

    def stages(self):
        """Rows that go through a buffer."""
        k, buffer = self.name("k"), self.name("buf")
        source, target = self.draw.choice([("a", "b"), ("b", "c"), ("c", "b"), ("a", "c")])
        self.lines += [f"{buffer} = empty((N,), f32)", f"for {k} in P.seq(M):"]
        self.lines += [f"    negate({source}[{k}, :], {buffer})", f"    add({buffer}, {target}[{k}, :])"]
        self.piped.append(k)


def directive(draw, drawn, loops, tasks, tails):
    """One random directive over the loops and tasks that there are; it may be refused."""
    some = draw.choice(loops)
    pick = draw.choice(
        ["tile", "tile", "split", "fuse_loops", "reorder", "unroll", "parallel", "vectorize", "fuse", "buffer",
         "pipeline", "reduce", "run", "run"]
    )  # fmt: skip
    match pick:
        case "tile":
            return f"tile({some!r}, {draw.randint(1, 4)}, tail={draw.choice(tails)!r})"
        case "split" | "unroll" | "vectorize":
            return f"{pick}({some!r}, {draw.randint(1, 4)})"
        case "fuse_loops":
            return f"fuse_loops({some!r}, {draw.choice(loops)!r})"
        case "reorder":
            some = draw.sample(loops, min(len(loops), draw.randint(2, 3)))
            return f"reorder({', '.join(map(repr, some))})"
        case "parallel":
            return f"parallel({some!r})"
        case "fuse":
            return f"fuse({draw.choice(tasks)!r}, {draw.choice(tasks)!r})"
        case "buffer":
            return f"buffer({draw.choice('abc')!r}, 'scratch')"
        case "pipeline":
            return f"pipeline({draw.choice(drawn.piped or loops)!r}, {draw.randint(1, 4)})"
        case "reduce":
            name, operator = draw.choice(drawn.reduced or [(some, "+")])
            return f"reduce({name!r}, {operator!r})"
        case _:
            number = draw.randint(1, 4)
            return draw.choice([
                f"dispatch(round_robin(workers={number}))",
                f"dispatch(work_steal(workers={number}))",
                f"dispatch(affinity({some!r}, workers=3))", f"dispatch(hash('{some} * 3 + 1', workers=2))",
                f"task_window({draw.randint(1, 9)})", f"streams({draw.randint(1, 3)})", f"stream_by('{some} % 3')",
                f"ready(priority('-{some}'))", "timing(interleaved())", "pools(by_exec_unit())",
            ])  # fmt: skip


def module_of(text, path):
    """The module that the text is, as users have theirs: in a file."""
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
