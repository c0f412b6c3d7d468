from htp import In, InOut, Scalar, Tensor, bool_, i64, kernel, routine, tile
from htp.tasks import close_tasks, open_tasks


@kernel
def step(x: In[Tensor[i64, 1]], y: InOut[Tensor[i64, 1]], rounds: Scalar[i64]) -> None:
    """Takes its time: what is computed in a round needs the round before."""
    value: i64 = x[0] + y[0]
    for _ in range(rounds):
        value = value * i64(3) + i64(1)
    y[0] = value


@routine
def steps(
    rows: In[Tensor[i64, "T", 2]],
    y: InOut[Tensor[i64, "N"]],
    rounds: Scalar[i64],
    workers: Scalar[i64],
    steal: Scalar[bool_],
    window: Scalar[i64],
) -> None:
    """Each row is a task: the element it reads, and the one that it changes."""
    T: i64 = rows.shape[0]
    open_tasks(workers=workers, steal=steal, window=window)
    for t in range(T):
        u: i64 = tile.item(rows[t, 0])
        v: i64 = tile.item(rows[t, 1])
        step(y[u : u + 1], y[v : v + 1], rounds)
    close_tasks()
