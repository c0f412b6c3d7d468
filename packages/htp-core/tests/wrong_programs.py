"""Programs with one mistake each; `test_golden.py` keeps what a person reads about them."""
# ruff: noqa: F841, SIM105

import numpy as np

import htp
from htp import In, InOut, Out, Scalar, Tensor, f16, f32, func, i32, kernel, routine, tile

WEIGHTS = np.ones(4, np.float32)
X = np.ones(4, np.float32)


@kernel
def uses_try(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    try:
        y[:] = x
    except ValueError:
        pass


@kernel
def uses_with(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    with open("log.txt"):
        y[:] = x


@kernel
def uses_lambda(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    double = lambda v: v * 2  # noqa: E731
    y[:] = double(x)


@kernel
def uses_comprehension(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    rows = [x[i] for i in range(4)]
    y[:] = rows[0]


@kernel
def uses_return(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    return y


@kernel
def uses_break(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    for i in range(4):
        if i > 2:
            break


@kernel
def nests_functions(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    def double(v):
        return v * 2

    y[:] = double(x)


@kernel
def unpacks_arguments(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = tile.maximum(*(x, 1.0))


@kernel
def uses_f_string(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    tile.print(f"sum {tile.sum(x)}")
    y[:] = x


@kernel
def chains_assignments(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    a = b = x * 2
    y[:] = a + b


@kernel
def uses_global(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    global X
    y[:] = x


@kernel
def misspells_a_name(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    total = tile.sum(x)
    y[:] = x / totl


@kernel
def forgets_the_module(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = exp(x)


@kernel
def misspells_an_operation(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = tile.maxmum(x, 0.0)


@kernel
def calls_numpy(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = np.exp(x)


@kernel
def captures_an_array(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x + WEIGHTS


@kernel
def adds_other_shapes(
    a: In[Tensor[f32, "M", "N"]], b: In[Tensor[f32, "N", "M"]], c: Out[Tensor[f32, "M", "N"]]
) -> None:
    c[:] = a + b


@kernel
def multiplies_other_shapes(
    a: In[Tensor[f32, 16, 32]], b: In[Tensor[f32, 16, 32]], c: Out[Tensor[f32, 16, 16]]
) -> None:
    c[:] = a @ b


@kernel
def stores_another_shape(a: In[Tensor[f32, 16, 32]], c: Out[Tensor[f32, 16]]) -> None:
    c[:] = tile.sum(a, axis=0)


@kernel
def mixes_dtypes(x: In[Tensor[f32, "N"]], h: In[Tensor[f16, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x * h


@kernel
def puts_a_float_beside_integers(x: In[Tensor[i32, "N"]], y: Out[Tensor[i32, "N"]]) -> None:
    y[:] = x * 0.5


@kernel
def divides_integers(x: In[Tensor[i32, "N"]], y: Out[Tensor[i32, "N"]]) -> None:
    y[:] = x / 2


@kernel
def writes_an_input(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    x[:] = y[:] + 1.0


@kernel
def leaves_an_output(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x


@kernel
def leaves_gaps(x: In[Tensor[f32, 64]], y: Out[Tensor[f32, 64]]) -> None:
    for i in range(0, 64, 32):
        y[i : i + 16] = x[i : i + 16]


@kernel
def starts_late(x: In[Tensor[f32, 64]], y: Out[Tensor[f32, 64]]) -> None:
    y[1:] = x[1:]


@kernel
def reads_unwritten(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] += x


@kernel
def slices_too_far(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 8]]) -> None:
    y[:] = x
    y[0:4] = x[6:10]


@kernel
def indexes_too_far(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 8]]) -> None:
    y[:] = x[8]


@kernel
def carries_another_type(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    total = 0
    for i in range(x.shape[0]):
        total = total + tile.item(x[i])
    y[:] = x / total


@kernel
def carries_another_shape(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    t = x * 2.0
    for _ in range(3):
        t = tile.concat((t, x))
    y[:] = t


@kernel
def differs_between_branches(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], k: Scalar[i32]) -> None:
    t = x * 2.0
    if k > 0:
        t = tile.sum(x)
    y[:] = t


@kernel
def may_be_undefined(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], k: Scalar[i32]) -> None:
    if k > 0:
        t = x * 2.0
    y[:] = t


@func
def again(x):
    return again(x) + 1.0


@kernel
def calls_itself(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = again(x)


@kernel
def scaled(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], by: Scalar[f32]) -> None:
    y[:] = x * by


@kernel
def forgets_an_argument(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    scaled(x, y)


@kernel
def passes_another_dtype(x: In[Tensor[f16, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    scaled(x, y, 2.0)


@kernel
def passes_another_size(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 4]]) -> None:
    scaled(x, y, 2.0)


@kernel
def passes_a_value_to_write(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    scaled(x, y + 1.0, 2.0)


@kernel
def stores_into_a_tile(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    t = x * 2.0
    t[0] = 1.0
    y[:] = t


@kernel
def loops_over_a_tile(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for each in x:
        y[:] = each


@kernel
def branches_on_a_tile(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    if x > 0:
        y[:] = x * 2.0


@kernel
def ands_tiles(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = tile.where(x > 0 and x < 1, x, 0.0)


@kernel
def clips_unevenly(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    y[1:4] = x[1:4] + x[2:5]


@kernel
def indexes_by_data(x: In[Tensor[f32, "N"]], at: In[Tensor[i32, 1]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = x
    j = tile.item(at)
    y[j : j + 2] = tile.zeros((2,), f32)


@kernel
def reshapes_without_proof(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    rows = tile.reshape(x, (-1, 64))
    y[:] = tile.reshape(rows, (x.shape[0],))


@kernel
def names_a_tensor_twice(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
    before = y
    y[:] = x
    y[:] = y[:] - before


@kernel
def rebinds_a_parameter(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y = x * 2.0


@kernel
def gives_an_unknown_option(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = tile.sum(x, axes=1)


@kernel
def reduces_a_missing_axis(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M"]]) -> None:
    y[:] = tile.sum(x, axis=2)


@kernel
def makes_a_buffer(y: Out[Tensor[f32, 4]]) -> None:
    t = htp.empty((4,), f32)
    t[:] = 1.0
    y[:] = t[:]


@routine
def orders_sizes_wrongly(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M"]]) -> None:
    for i in range(x.shape[1]):
        scaled(x[:, i], y[i : i + 1], 1.0)


def without_a_type():
    @kernel
    def f(x, y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = x

    return f


def without_a_direction():
    @kernel
    def f(x: Tensor[f32, "N"], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = x

    return f


def with_dtype_last():
    @kernel
    def f(x: In[Tensor["N", f32]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = x

    return f


def with_many_arguments():
    @kernel
    def f(*x: In[Tensor[f32, "N"]]) -> None:
        pass

    return f


@kernel
def forgets_keepdims(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    y[:, :] = x[:, :] - tile.max(x[:, :], axis=1)
