from htp import In, InOut, Out, Scalar, Tensor, bool_, empty, f32, i64, kernel, routine
from htp.loops import require, strips
from htp.tasks import close_tasks, open_tasks, task, work


@kernel
def scaled(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], by: Scalar[f32]) -> None:
    """A task: twice the work for twice the rows."""
    M, N = x.shape
    work(M * 4)
    for i in range(M):
        for j, n in strips(N, 16):
            y[i, j : j + n] = x[i, j : j + n] * by


@kernel
def added(x: In[Tensor[f32, "M", "N"]], y: InOut[Tensor[f32, "M", "N"]]) -> None:
    M, N = x.shape
    work(M)
    for i in range(M):
        for j, n in strips(N, 16):
            y[i, j : j + n] = x[i, j : j + n] + y[i, j : j + n]


@routine
def tiles(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], z: Out[Tensor[f32, "M", "N"]]) -> None:
    """Rows of 4 go through a buffer; the last task reads what all others wrote."""
    M, N = x.shape
    open_tasks(workers=2, steal=False, window=8, independent=("z",))
    order: i64 = 0
    t = empty((M, N), f32)
    for i in range(0, M, 4):
        task(worker=order % 2, at=(i,))
        order += 1
        scaled(x[i : i + 4, :], t[i : i + 4, :], 3.0)
        task(worker=order % 2, at=(i,))
        order += 1
        scaled(t[i : i + 4, :], y[i : i + 4, :], 2.0)
        scaled(x[i : i + 4, :], z[i : i + 4, :], 5.0)
    added(t, y)
    close_tasks()


@kernel
def bump(y: InOut[Tensor[i64, 1]]) -> None:
    y[0] = y[0] * i64(3) + i64(1)


@routine
def bumped(y: InOut[Tensor[i64, "N"]], tasks: Scalar[i64], limit: Scalar[i64], free: Scalar[bool_]) -> None:
    """So many tasks on N elements in turn; behind the limit they are refused."""
    N: i64 = y.shape[0]
    if free:
        open_tasks(independent=("y",))
        for t in range(tasks):
            bump(y[t % N : t % N + 1])
        close_tasks()
    else:
        open_tasks()
        for t in range(tasks):
            require(t < limit, "no more tasks than the limit", "user.py:7", "user.limit")
            bump(y[t % N : t % N + 1])
        close_tasks()
        y[0] = i64(-1)
