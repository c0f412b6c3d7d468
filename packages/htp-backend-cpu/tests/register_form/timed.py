from htp import In, InOut, Out, Scalar, Tensor, bool_, i64, kernel, routine, tile
from htp.tasks import barrier, close_tasks, first_seen, fnv1a, open_tasks, task, wait_for, work


@kernel
def alone(y: Out[Tensor[i64, 1]], cost: Scalar[i64]) -> None:
    """Depends on nothing."""
    work(cost)
    y[0] = cost


@kernel
def behind(y: InOut[Tensor[i64, 1]], cost: Scalar[i64]) -> None:
    """Depends on the one before."""
    work(cost)
    y[0] = y[0] + cost


@kernel
def joined(x: In[Tensor[i64, 1]], y: In[Tensor[i64, 1]], z: Out[Tensor[i64, 1]], cost: Scalar[i64]) -> None:
    work(cost)
    z[0] = x[0] + y[0] + cost


@routine
def placed(
    rows: In[Tensor[i64, "T", 4]], y: Out[Tensor[i64, "T"]], policy: Scalar[i64], workers: Scalar[i64],
    steal: Scalar[bool_], window: Scalar[i64], issue: Scalar[i64], every: Scalar[i64], batch: Scalar[i64],
    interleaved: Scalar[bool_],
) -> None:  # fmt: skip
    """Independent tasks: cost, key, priority, stream; streams order them only where they are not negative."""
    T: i64 = rows.shape[0]
    open_tasks(
        workers=workers, steal=steal, window=window, issue=issue, every=every, batch=batch, interleaved=interleaved
    )
    for t in range(T):
        key: i64 = tile.item(rows[t, 1])
        worker: i64 = t % workers
        if policy == 1:
            worker = first_seen(key) % workers
        elif policy == 2:
            worker = fnv1a(key, workers)
        elif policy == 3:
            worker = 0 if t % 2 == 0 else 1
        task(worker=worker, priority=rows[t, 2], stream=rows[t, 3])
        alone(y[t : t + 1], rows[t, 0])
    close_tasks()


@kernel
def widening(y: Out[Tensor[i64, "N"]], cost: Scalar[i64]) -> None:
    work(cost)
    for i in range(y.shape[0]):
        y[i] = cost


@routine
def several(
    which: Scalar[i64], costs: In[Tensor[i64, "T"]], y: InOut[Tensor[i64, "T", 8]], steal: Scalar[bool_],
    window: Scalar[i64], issue: Scalar[i64],
) -> None:  # fmt: skip
    """One of several small programs; they are built together."""
    T: i64 = costs.shape[0]
    if which == 0:  # a chain
        open_tasks(workers=4, steal=False)
        for t in range(T):
            behind(y[0, 0:1], costs[t])
        close_tasks()
    elif which == 1:  # attention: Q and K, then S of both; V; O of S and V
        open_tasks(workers=2, steal=steal)
        alone(y[0, 0:1], costs[0])
        alone(y[1, 0:1], costs[1])
        joined(y[0, 0:1], y[1, 0:1], y[2, 0:1], costs[2])
        alone(y[3, 0:1], costs[3])
        joined(y[2, 0:1], y[3, 0:1], y[4, 0:1], costs[4])
        close_tasks()
    elif which == 2:  # task 3 is submitted when task 0 is over, task 5 when all before it are
        work(100)
        open_tasks(workers=2, steal=False)
        for t in range(T):
            if t == 3:
                wait_for(y[0, 0])
            if t == 5:
                barrier()
            alone(y[t, 0:1], costs[t])
        close_tasks()
        work(10)
        open_tasks(workers=1)
        alone(y[0, 0:1], 7)
        close_tasks()
    elif which == 3:  # task t writes t + 1 elements of 8 bytes
        open_tasks(workers=4, steal=False, window=window, unit="bytes", independent=("y",))
        for t in range(T):
            widening(y[t, 0 : t + 1], costs[t])
        close_tasks()
    else:
        open_tasks(workers=2, steal=False, window=window, full="abort", issue=issue)
        for t in range(T):
            alone(y[t, 0:1], costs[t])
        close_tasks()
