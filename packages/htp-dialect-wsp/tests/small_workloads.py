"""Small workloads over every word of the dialect, with inputs, and what they must give."""

import numpy as np

import htp
from htp import In, InOut, Out, Scalar, Tensor, f32, i32, i64, kernel, routine, tile
from htp_dialect_wsp import Dense, DenseDyn, P, Ragged, Sparse, combine, sequential, workload


@kernel
def double(x: In[Tensor[f32, "m"]], y: Out[Tensor[f32, "m"]]) -> None:
    y[:] = x[:] * 2.0


@kernel
def add(x: In[Tensor[f32, "m"]], y: InOut[Tensor[f32, "m"]]) -> None:
    y[:] = y[:] + x[:]


@kernel
def positive(x: In[Tensor[f32, "m"]], n: Out[Tensor[i64, 1]]) -> None:
    n[0:1] = tile.sum((x[:] > 0.0).astype(i64), axis=0, keepdims=True)


@kernel
def shifted(x: In[Tensor[f32, "m"]], by: Scalar[f32], y: Out[Tensor[f32, "m"]]) -> None:
    y[:] = x[:] + by


@workload
def grid(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """One task for eight elements of a row."""
    M, N = x.shape
    for i, j in P(M, range(0, N, 8)):
        double(x[i, j:j + 8], y[i, j:j + 8])


@workload
def ragged(x: In[Tensor[f32, "N"]], lengths: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N"]]) -> None:
    rows = Ragged(DenseDyn("R"), lengths)
    for r, i in P(rows):
        at = rows.start(r) + i
        double(x[at:at + 1], y[at:at + 1])


@workload
def sparse(
    x: In[Tensor[f32, "N", "D"]],
    indptr: In[Tensor[i32, "Q"]],
    indices: In[Tensor[i32, "K"]],
    y: InOut[Tensor[f32, "R", "D"]],
) -> None:
    """`y[r]` gets the rows of `x` that are listed for r."""
    links = Sparse(indptr, indices, columns=x.shape[0])
    for r in P(indptr.shape[0] - 1):
        for _k, e in P.seq(links[r]):
            add(x[e], y[r])


@workload
def selected(
    x: In[Tensor[f32, "N", "D"]], indptr: In[Tensor[i32, "Q"]], indices: In[Tensor[i32, "K"]],
    y: InOut[Tensor[f32, "N", "D"]],
) -> None:  # fmt: skip
    """Rows that are listed twice would race; the lists of the test are without."""
    links = Sparse(indptr, indices)
    for r in P.seq(indptr.shape[0] - 1):
        for e in P.seq(links.start(r + 1) - links.start(r)):
            double(x[tile.item(indices[links.start(r) + e])], y[tile.item(indices[links.start(r) + e])])


@workload
def chosen(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
    """Which task runs depends on what another task finds."""
    N = x.shape[0]
    counts = htp.empty((N,), i64)
    for i in P(range(0, N, 4)):
        positive(x[i:i + 4], counts[i:i + 1])
        with P.when(tile.item(counts[i]) > 2):
            double(x[i:i + 4], y[i:i + 4])
        with P.otherwise():
            add(x[i:i + 4], y[i:i + 4])


@workload
def cases(x: In[Tensor[f32, "N"]], n: Scalar[i64], y: InOut[Tensor[f32, "N"]]) -> None:
    for i in P(DenseDyn("n")):
        with P.case(i % 4, {0, 1}):
            double(x[i:i + 1], y[i:i + 1])
        with P.case(i % 4, 2):
            add(x[i:i + 1], y[i:i + 1])


@workload
def counted(x: In[Tensor[f32, "N"]], n: Scalar[i64], y: InOut[Tensor[f32, "N"]]) -> None:
    """The size of a loop in another one is a scalar of the call."""
    for i in P(x.shape[0]):
        for _k in P.seq(DenseDyn("n")):
            add(x[i:i + 1], y[i:i + 1])


@workload
def measured(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
    """A scalar that a task computes says how many tasks there are."""
    counts = htp.empty((1,), i64)
    positive(x, counts)
    n = tile.item(counts[0])
    for i in P(Dense(2)):
        if i < n:
            shifted(x[i:i + 1], 3.0, y[i:i + 1])


@workload
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for i in P(range(0, x.shape[0], 8)):
        part = x[i:i + 8]
        double(part, y[i:i + 8])


@workload
def both(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    t = htp.empty((x.shape[0],), f32)
    sequential(combine(twice(x, t), twice(x, y)), twice(t, z))


@routine
def outer(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    both(x, y, z)


X = np.random.default_rng(0).standard_normal(24).astype(np.float32)
ROWS = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
OLD = np.full(24, 1.5, np.float32)


def _chosen():
    y = OLD.copy()
    for i in range(0, 24, 4):
        part = X[i:i + 4]
        y[i:i + 4] = part * 2 if (part > 0).sum() > 2 else y[i:i + 4] + part
    return y


def _cases():
    y = OLD.copy()
    for i in range(23):
        y[i] = X[i] * 2 if i % 4 < 2 else y[i] + X[i] if i % 4 == 2 else y[i]
    return y


def _measured():
    y = OLD.copy()
    y[:2] = X[:2] + np.float32(3)
    return y


def _sparse():
    y = np.full((3, 4), 0.5, np.float32)
    for e in (1, 4):
        y[0] += ROWS[e]
    for e in (0, 5, 1):
        y[2] += ROWS[e]
    return y


def _selected():
    y = np.zeros((6, 4), np.float32)
    y[[1, 4, 0]] = ROWS[[1, 4, 0]] * 2
    return y


def ints(*values):
    return np.array(values, np.int32)


RUNS = {
    "grid": (grid, (ROWS, np.zeros_like(ROWS)), (ROWS * 2,)),
    "ragged": (ragged, (X, ints(3, 0, 5, 8), OLD), (np.where(np.arange(24) < 16, X * 2, OLD),)),
    "sparse": (sparse, (ROWS, ints(0, 2, 2, 5), ints(1, 4, 0, 5, 1), np.full((3, 4), 0.5, np.float32)), (_sparse(),)),
    "selected": (selected, (ROWS, ints(0, 2, 3), ints(1, 4, 0), np.zeros_like(ROWS)), (_selected(),)),
    "chosen": (chosen, (X, OLD), (_chosen(),)),
    "cases": (cases, (X, 23, OLD), (_cases(),)),
    "counted": (counted, (X, 2, OLD), (OLD + X + X,)),
    "measured": (measured, (X, OLD), (_measured(),)),
    "both": (both, (X, OLD, OLD), (X * 2, X * 4)),
    "outer": (outer, (X, OLD, OLD), (X * 2, X * 4)),
}


def written(definition, arguments, run=None):
    """What a run leaves in the arrays that `definition` writes; the given ones stay as they are."""
    own = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
    (run or definition)(*own)
    return tuple(own[at] for at, each in enumerate(definition.params) if each.direction in ("out", "inout"))
