from htp import In, InOut, Out, Scalar, Tensor, bool_, i64, kernel, routine, tile
from htp.loops import checked
from htp.tasks import barrier, close_tasks, open_tasks, task, wait_for, work


@kernel
def fill(x: In[Tensor[i64, "M", "N"]], y: Out[Tensor[i64, "P", "Q"]], s: Scalar[i64]) -> None:
    """Every element of y becomes a sum over x."""
    total: Scalar[i64] = s
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total = total * i64(3) + x[i, j]
    work(x.shape[0] + 1)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = total + i64(i * 31 + j)


@kernel
def mix(x: In[Tensor[i64, "M", "N"]], y: InOut[Tensor[i64, "P", "Q"]], s: Scalar[i64]) -> None:
    """Every element of y depends on what it was, and on x."""
    total: Scalar[i64] = s
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total = total * i64(5) + x[i, j]
    work(y.shape[0])
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = y[i, j] * i64(7) + total


@kernel
def count(x: In[Tensor[i64, "M", "N"]], y: InOut[Tensor[i64, "P"]]) -> None:
    """A line of another array; an entry below -9 in it would be out of range."""
    for p in range(y.shape[0]):
        y[p] = y[p] * i64(11) + i64(p)
        for i in range(x.shape[0]):
            y[p] = y[p] + x[i, checked(x.shape[1] - 1, x.shape[1], "random_tasks.py:41")]


@routine
def play(
    rows: In[Tensor[i64, "T", 17]],
    a: InOut[Tensor[i64, 3, 24, 24]],
    b: InOut[Tensor[i64, 24]],
    workers: Scalar[i64],
    steal: Scalar[bool_],
    window: Scalar[i64],
    pools: Scalar[i64],
) -> None:
    """Each row is a task, or a wait; see `table` in test_tasks.py."""
    T: i64 = rows.shape[0]
    open_tasks(workers=workers, steal=steal, window=window, pools=pools)
    seen: Scalar[i64] = i64(0)
    for t in range(T):
        what: i64 = tile.item(rows[t, 0])
        u: i64 = tile.item(rows[t, 1])
        r: i64 = tile.item(rows[t, 2])
        r_end: i64 = tile.item(rows[t, 3])
        c: i64 = tile.item(rows[t, 4])
        c_end: i64 = tile.item(rows[t, 5])
        v: i64 = tile.item(rows[t, 6])
        i: i64 = tile.item(rows[t, 7])
        i_end: i64 = tile.item(rows[t, 8])
        j: i64 = tile.item(rows[t, 9])
        j_end: i64 = tile.item(rows[t, 10])
        task(
            worker=rows[t, 11], pool=rows[t, 12], priority=rows[t, 13], stream=rows[t, 14], tag=rows[t, 15],
            after=(rows[t, 16],), at=(t, what),
        )  # fmt: skip
        if what == 0:
            fill(a[u, r:r_end, c:c_end], a[v, i:i_end, j:j_end], seen + rows[t, 0])
        elif what == 1:
            mix(a[u, r:r_end, c:c_end], a[v, i:i_end, j:j_end], seen)
        elif what == 2:
            count(a[u, r:r_end, c:c_end], b[i:i_end])
        elif what == 3:
            task()
            wait_for(a[u, r:r_end, c:c_end])
            seen = a[u, r, c]
        elif what == 4:
            task()
            barrier()
            seen = b[r]
    close_tasks()
