"""The task form natively: random programs against sequential execution, derived graphs, simulated time, failures."""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from htp import Refused
from htp_backend_cpu.build import runtime_library, sources_of
from htp_backend_cpu.compilers import find_compiler
from htp_backend_cpu.emit import emit

HERE = Path(__file__).parent
RUNTIME = HERE.parent / "src" / "htp_backend_cpu" / "native" / "runtime"
LONG = bool(os.environ.get("HTP_TEST_LONG"))
ROUNDS = 60 if LONG else 12
FILL, MIX, COUNT, WAIT, BARRIER = range(5)


def threads(count):
    """The pool of this process runs on `count` threads; 0 for the default."""
    ctypes.CDLL(str(runtime_library())).htp_set_threads(ctypes.c_longlong(count))


@pytest.fixture(params=[1, 2, 4, 8])
def pool(request):
    threads(request.param)
    yield request.param
    threads(0)


# ---- random programs: rows of a table, see register_form/random_tasks.py ----


def table(seed, length=120):
    """Rows of a random program: kernels on random boxes, some of them empty, and waits."""
    rng = random.Random(seed)
    tile = rng.choice([None, 3, 4, 8])

    def span(most):
        if tile and rng.random() < 0.8:
            start = rng.randrange(24 // tile) * tile
            return start, start + tile
        start = rng.randrange(24)
        return start, min(24, start + rng.choice([0, 1, 2, 3, most]))

    rows = []
    for _ in range(length):
        what = rng.choices([FILL, MIX, COUNT, WAIT, BARRIER], [8, 8, 4, 1, 0.3])[0]
        r, c, i, j = (span(24 if rng.random() < 0.1 else 6) for _ in range(4))
        if what in (WAIT, COUNT):
            r, c = ((start, max(end, start + 1)) for start, end in (r, c))
        planes = (rng.randrange(3), rng.randrange(3))
        worker, pool = rng.choice([-1, 0, 1, 2, 5]), rng.randrange(2)
        stream, tag, after = (rng.choice([-1, -1, -1, 0, 1, 2]) for _ in range(3))
        priority = rng.choice([0, 0, 0, 5, -3])
        rows.append([what, planes[0], *r, *c, planes[1], *i, *j, worker, pool, priority, stream, tag, after])
    return np.array(rows, np.int64)


def arrays():
    return np.arange(3 * 24 * 24, dtype=np.int64).reshape(3, 24, 24) % 97, np.arange(24, dtype=np.int64)


def sequential(rows):
    """What the rows mean, one after the other."""
    a, b = arrays()
    seen = np.int64(0)
    with np.errstate(over="ignore"):
        for what, u, r, r_end, c, c_end, v, i, i_end, j, j_end, *_ in rows:
            x, y = a[u, r:r_end, c:c_end], a[v, i:i_end, j:j_end]
            if what in (FILL, MIX):
                total = seen
                for each in x.reshape(-1):
                    total = total * np.int64(3 if what == FILL else 5) + each
                where = np.arange(y.shape[0])[:, None] * 31 + np.arange(y.shape[1])
                y[:] = total + where if what == FILL else y * np.int64(7) + total
            elif what == COUNT:
                b[i:i_end] = b[i:i_end] * np.int64(11) + np.arange(max(0, i_end - i)) + x[:, -1].sum()
            else:
                seen = a[u, r, c] if what == WAIT else b[r]
    return a, b


def accesses(row):
    """What a task touches: mode, array and plane, box."""
    what, u, r, r_end, c, c_end, v, i, i_end, j, j_end, *_ = row.tolist()
    source = ("in", ("a", u), ((r, r_end), (c, c_end)))
    if what == COUNT:
        return [source, ("inout", "b", ((i, i_end),))]
    return [source, ("out" if what == FILL else "inout", ("a", v), ((i, i_end), (j, j_end)))]


def derived(tasks):
    """The dependences of tasks by the plain rule: a list of live accesses, searched from end to end."""
    live, edges, tagged, streams = [], {}, {}, {}
    for t, row in enumerate(tasks):
        stream, tag, after = row[14:17].tolist()
        own = [each for each in accesses(row) if all(lo < hi for lo, hi in each[2])]
        for mode, array, box in own:
            for o, other, place, kind in live:
                sides = zip(box, place, strict=True) if other == array else ()
                if other != array or not all(lo < end and start < hi for (lo, hi), (start, end) in sides):
                    continue
                found = edges.setdefault((o, t), set())
                if "in" in mode and kind == "write":
                    found.add("RAW")
                if "out" in mode:
                    found.add("WAW" if kind == "write" else "WAR")
        for mode, array, box in own:
            if "out" in mode:
                live = [
                    each
                    for each in live
                    if each[1] != array
                    or not all(lo <= start and end <= hi for (lo, hi), (start, end) in zip(box, each[2], strict=True))
                ]
        for mode, array, box in own:
            live += [(t, array, box, kind) for kind in ("read", "write") if ("in" if kind == "read" else "out") in mode]
        for each in tagged.get(after, []):
            edges.setdefault((each, t), set()).add("after")
        if tag >= 0:
            tagged.setdefault(tag, []).append(t)
        if stream >= 0:
            if stream in streams:
                edges.setdefault((streams[stream], t), set()).add("stream")
            streams[stream] = t
    order = ("RAW", "WAR", "WAW", "after", "stream")
    return {pair: "+".join(each for each in order if each in kinds) for pair, kinds in edges.items() if kinds}


@functools.cache
def program(seed):
    rows = table(seed)
    return rows, sequential(rows)


SETTINGS = [(0, True, 0, 1), (3, False, 0, 1), (2, True, 1, 2), (4, False, 5, 2), (1, False, 16, 1), (8, True, 33, 1)]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_random_programs_give_what_sequential_execution_gives(native_of, pool, settings):
    play = native_of("random_tasks", "play")
    for seed in range(ROUNDS):
        rows, expected = program(seed)
        a, b = arrays()
        play(rows, a, b, *settings)
        np.testing.assert_array_equal(a, expected[0])
        np.testing.assert_array_equal(b, expected[1])


def test_the_python_meaning_agrees(python_of):
    rows, expected = program(3)
    a, b = arrays()
    python_of("random_tasks", "play")(rows[:30], a, b, 2, True, 0, 1)
    expected = sequential(rows[:30])
    np.testing.assert_array_equal(a, expected[0])
    np.testing.assert_array_equal(b, expected[1])


@pytest.mark.parametrize("settings", [(2, True, 0, 1), (3, False, 7, 2)], ids=str)
def test_the_graph_of_random_programs_is_exact(native_of, settings):
    play = native_of("random_tasks", "play")
    for seed in range(10 * ROUNDS):
        rows, _ = program(seed)
        report = play.run(rows, *arrays(), *settings, trace=True)
        tasks = [row for row in rows if row[0] < WAIT]
        assert [each.at for each in report.graph.tasks] == [
            (t, row[0]) for t, row in enumerate(rows.tolist()) if row[0] < WAIT
        ]
        assert {(each.source, each.target): each.kind for each in report.graph.edges} == derived(tasks)


@pytest.mark.parametrize("settings", [(2, False, 4, 2), (3, True, 0, 1)], ids=str)
def test_what_really_ran_kept_the_order_the_window_and_the_workers(native_of, pool, settings):
    play = native_of("random_tasks", "play")
    workers, steal, window, pools = settings
    for seed in range(ROUNDS):
        rows, _ = program(seed)
        report = play.run(rows, *arrays(), *settings, trace=True)
        runs = report.tasks.runs
        for edge in report.graph.edges:
            assert runs[edge.source].end <= runs[edge.target].start, edge
        for worker in range(workers * pools):
            own = sorted((each.start, each.end) for each in runs if each.worker == worker)
            assert all(one[1] <= two[0] for one, two in itertools.pairwise(own))
        placed = [row for row in rows.tolist() if row[0] < WAIT]
        if not steal:
            wanted = [row[12] * workers + (t if row[11] < 0 else row[11]) % workers for t, row in enumerate(placed)]
            assert [each.worker for each in runs] == wanted
        assert all(each.submit <= each.start <= each.end for each in runs)
        if window:
            assert report.tasks.window_high_water <= window
            for t in range(window, len(runs)):  # the task `window` places before is retired: it and all before it ended
                assert max(each.end for each in runs[: t - window + 1]) <= runs[t].submit


def test_random_programs_have_no_data_race(program_of, tmp_path):
    emitted = sources_of(dict(emit(program_of("random_tasks", "play")).files))
    (tmp_path / "play.cpp").write_bytes(emitted["play.cpp"])
    (tmp_path / "driver.cpp").write_bytes((HERE / "tasks_driver.cpp").read_bytes())
    flags = ["-std=c++17", "-O1", "-g", "-fwrapv", "-Wno-psabi", "-fsanitize=thread", "-pthread"]
    parts = ["play.cpp", *RUNTIME.glob("*.cpp"), "driver.cpp"]
    command = [*find_compiler().command, *flags, f"-I{RUNTIME.parent}", *parts, "-o", "driver"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if built.returncode and "tsan" in built.stderr:
        pytest.skip("the compiler has no thread sanitizer here")
    assert built.returncode == 0, built.stderr[:4000]
    done = subprocess.run(
        [tmp_path / "driver", "300" if LONG else "80"], capture_output=True, text=True, check=False, timeout=600
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr[:4000]


# ---- many tasks, failures, other processes ----


def chain(count):
    """What `bump` makes of 0, so often."""
    value = 0
    for _ in range(count):
        value = (value * 3 + 1) % 2**64
    return value - 2**64 if value >= 2**63 else value


def test_tasks_of_one_element_run_in_their_order(native_of, pool):
    y = np.zeros(3, np.int64)
    native_of("tiles", "bumped")(y, 20000, 20000, False)
    assert y.tolist() == [-1, chain(6667), chain(6666)]


def test_memory_does_not_grow_with_the_number_of_tasks(native_of):
    native_of("tiles", "bumped")  # built here, so that the other process measures runs only
    program = (
        "import sys, resource, numpy as np\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "import conftest\n"
        "call, y = conftest._native('tiles', 'bumped'), np.zeros(100000, np.int64)\n"
        "def used(tasks):\n"
        "    for free in (False, True):\n"
        "        call(y, tasks, tasks, free)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used(50000)\n"
        "print(used(1000000) - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 32 * 1024, "KiB more for twenty times as many tasks"


def test_a_failed_check_of_the_program_has_its_own_code_and_leaves_out_the_rest(native_of, pool):
    call, y = native_of("tiles", "bumped"), np.zeros(100, np.int64)
    with pytest.raises(Refused, match="no more tasks than the limit") as found:
        call(y, 5000, 4000, False)
    span = found.value.diagnostic.span
    assert (found.value.code, span.file, span.line) == ("user.limit", "user.py", 7)
    assert y[0] != -1, "what stands behind the region is not run"
    y[:] = 0
    call(y, 5000, 5000, False)
    assert y.tolist() == [-1] + [chain(50)] * 99


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_failure_in_a_task_ends_the_run_and_nothing_else(native_of, pool, settings):
    play = native_of("random_tasks", "play")
    rows, expected = program(5)
    bad = rows.copy()
    count = np.flatnonzero(bad[:, 0] == COUNT)[1]
    bad[count, 2:6] = 0, 3, 4, 4  # no columns: there is no last one
    bad[count, 7:9] = 0, 5
    for _ in range(5):
        with pytest.raises(Refused, match="index -1 is out of range for an axis of 0 elements") as found:
            play(bad, *arrays(), *settings)
        assert found.value.diagnostic.span.place.startswith("random_tasks.py:41:")
        with pytest.raises(Refused):
            play.run(bad, *arrays(), *settings, trace=True)
        a, b = arrays()
        play(rows, a, b, *settings)
        np.testing.assert_array_equal(a, expected[0])


def test_callers_on_several_threads(native_of):
    play, wrong = native_of("random_tasks", "play"), []

    def caller(seed):
        rows, expected = program(seed)
        for number in range(20):
            a, b = arrays()
            if number % 2:
                play(rows, a, b, 2, True, 0, 1)
            else:
                assert play.run(rows, a, b, 3, False, 9, 1, trace=True).tasks.tasks == (rows[:, 0] < WAIT).sum()
            if not ((a == expected[0]).all() and (b == expected[1]).all()):
                wrong.append(seed)

    for seed in range(4):
        program(seed)
    callers = [threading.Thread(target=caller, args=(seed,)) for seed in range(4)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert not wrong


def test_a_forked_child_runs_tasks(native_of, pool):
    play = native_of("random_tasks", "play")
    rows, expected = program(7)
    a, b = arrays()
    play(rows, a, b, 2, True, 0, 1)
    child = os.fork()
    if child == 0:
        a, b = arrays()
        play(rows, a, b, 2, True, 0, 1)
        os._exit(0 if (a == expected[0]).all() else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_run_reports_tasks_and_what_the_program_counts(native_of):
    x = np.ones((16, 40), np.float32)
    y, z = np.empty_like(x), np.empty_like(x)
    plain = native_of("tiles", "tiles").run(x, y, z)
    assert (plain.tasks.tasks, plain.tasks.workers, plain.tasks.runs, plain.graph) == (13, 2, (), None)
    assert plain.simulated.makespan == 128
    traced = native_of("tiles", "tiles").run(x, y, z, trace=True)
    assert traced.graph.tasks[0].kernel == "scaled"
    assert (traced.graph.tasks[3].at, traced.graph.tasks[3].place) == ((4,), "tiles.py:35")
    assert (y == 9).all()
    assert (z == 5).all()
    counted = native_of("tiles", "bumped").run(np.zeros(9, np.int64), 100, 100, False)
    assert (counted.tasks.tasks, counted.simulated) == (100, None)
