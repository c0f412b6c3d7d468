"""Random kernels that count: numbers which loops and branches change, and tiles that depend on them.

Every value is a multiple of a half and small, so that results are exact in any order. Knows the text of kernels only.
"""

import random

HEAD = """import htp
from htp import In, Out, Scalar, Tensor, f32, i32, tile


@htp.kernel
def counting(x: In[Tensor[f32, 48, 32]], n: Scalar[i32], y: Out[Tensor[f32, 48, 32]]) -> None:
    t = x[:, :]
    u = tile.zeros((48, 32), f32)
    k = 1
    m = n
    g = 0.5
    f = n > 2
"""
TAIL = """    y[:, :] = t * 0.5 + u
"""
STEP = "    "


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.loops = 0
        self.whiles = 0
        self.lines: list[str] = []

    def text(self) -> str:
        for _ in range(self.rng.randint(3, 6)):
            self.statement(1, 0)
        for _ in range(self.rng.randint(0, 2)):
            self.line(1, self.tile())
        return HEAD + "\n".join(self.lines) + "\n" + TAIL

    def line(self, depth: int, text: str) -> None:
        self.lines.append(STEP * depth + text)

    def statement(self, depth: int, within: int) -> None:
        kinds = ["number", "number", "tile", "tile", "store"]
        if within < 2:
            kinds += ["for", "for", "if", "while"]
        getattr(self, f"_{self.rng.choice(kinds)}")(depth, within)

    def block(self, depth: int, within: int) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.statement(depth, within)

    # numbers ------------------------------------------------------------------------------------------------------

    def integer(self) -> str:
        names = ["k", "m", "n", "2", "3", *(f"i{each}" for each in range(self.loops))]
        return self.rng.choice(names)

    def number(self) -> str:
        one, two = self.integer(), self.integer()
        return self.rng.choice([
            f"k = k + {one}", f"k = ({one} * {two} + 1) % 7", f"m = m - {one}", f"k, m = m, k + {one}", f"k += {one}",
            f"m = min(k, {one})", "g = -g", f"g = 0.5 * (({one}) % 5)", "g = g + 0.5 if f else 1.5", "f = not f",
            f"f = {one} > {two}", f"k = {one} // 2 + {two} % 3",
        ])  # fmt: skip

    def _number(self, depth: int, within: int) -> None:
        self.line(depth, self.number())

    # tiles --------------------------------------------------------------------------------------------------------

    def tile(self) -> str:
        value = self.rng.choice(["g", f"({self.integer()} % 9)", "0.5", f"({self.integer()} % 4)"])
        return self.rng.choice([
            f"t = tile.maximum(tile.minimum(t + {value}, 64.0), -64.0)", f"u = tile.minimum(u + {value}, 64.0)",
            f"t = tile.maximum(t - u, -64.0) * {value}" if value == "0.5" else f"t = tile.minimum(t, u + {value})",
            f"u = tile.full((48, 32), 1.0, f32) * {value}", f"t, u = u + {value}, t",
            f"u = tile.maximum(x[:, :] + {value}, u)",
            f"t = tile.minimum(t, tile.max(u, axis=0, keepdims=True) + {value})",
        ])  # fmt: skip

    def _tile(self, depth: int, within: int) -> None:
        self.line(depth, self.tile())

    def _store(self, depth: int, within: int) -> None:
        """Rows that begin where a number says."""
        self.line(depth, f"r = 16 * ({self.integer()} % 3)")
        self.line(depth, f"y[r:r + 16, :] = x[r:r + 16, :] + {self.rng.choice(['g', '1.0', '(k % 8)'])}")
        self.line(depth, "u = tile.minimum(u + r % 5, 64.0)")

    # control ------------------------------------------------------------------------------------------------------

    def _for(self, depth: int, within: int) -> None:
        bounds = self.rng.choice([
            "n", "3", "k % 4", "n, 0, -1", "3, -1, -2", "m % 5, 6, 2", "0, 48, 16", "32, -1, -16",
        ])  # fmt: skip
        self.line(depth, f"for i{self.loops} in range({bounds}):")
        self.loops += 1
        self.block(depth + 1, within + 1)
        self.loops -= 1

    def _if(self, depth: int, within: int) -> None:
        test = self.rng.choice(["f", "k > 2", "m % 2 == 0", "g > 0.0", f"{self.integer()} < {self.integer()}"])
        self.line(depth, f"if {test}:")
        self.block(depth + 1, within + 1)
        if self.rng.random() < 0.5:
            self.line(depth, "else:")
            self.block(depth + 1, within + 1)

    def _while(self, depth: int, within: int) -> None:
        self.whiles += 1
        name = f"w{self.whiles}"
        self.line(depth, f"{name} = {self.rng.choice(['n', '3', 'k % 3'])}")
        self.line(depth, f"while {name} > 0:")
        self.block(depth + 1, within + 1)
        self.line(depth + 1, f"{name} = {name} - 1")


def counting_program(seed: int) -> str:
    """The source of a kernel `counting(x, n, y)` on 48 x 32 numbers."""
    return _Writer(seed).text()
