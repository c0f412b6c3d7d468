"""The simulator: the reference vectors, and every rule on a case small enough to be worked out by hand."""

import random
from itertools import pairwise

import pytest

from htp.diagnostics import Refused
from htp.runs import TaskEdge
from htp_dialect_wsp.simulation import Machine, SimulatedTask, simulate

EIGHT = (5, 1, 1, 1, 5, 1, 1, 1)
ATTENTION = ((0, 2), (1, 2), (2, 4), (3, 4))
ALTERNATE = (0, 1, 0, 1, 0, 1, 0, 1)

# costs, the worker that the policy gives each task, edges, machine -> makespan, worker, start, submit, high water
VECTORS = {
    "W10 round robin": (
        EIGHT, ALTERNATE, (), {"workers": 2},
        12, (0, 1, 0, 1, 0, 1, 0, 1), (0, 0, 5, 1, 6, 2, 11, 3), (0,) * 8, 8,
    ),
    "W11 work stealing": (
        EIGHT, ALTERNATE, (), {"workers": 2, "steal": True},
        10, (0, 1, 0, 1, 1, 1, 1, 1), (0, 0, 5, 1, 5, 2, 4, 3), (0,) * 8, 8,
    ),
    "W12 affinity to keys 0 0 1 1 2 2 3 3": (
        EIGHT, (0, 0, 1, 1, 0, 0, 1, 1), (), {"workers": 2},
        12, (0, 0, 1, 1, 0, 0, 1, 1), (0, 5, 0, 1, 6, 11, 2, 3), (0,) * 8, 8,
    ),
    "W13 hash of keys 0 0 1 1 2 2 3 3": (
        EIGHT, (1, 1, 0, 0, 1, 1, 0, 0), (), {"workers": 2},
        12, (1, 1, 0, 0, 1, 1, 0, 0), (0, 5, 0, 1, 6, 11, 2, 3), (0,) * 8, 8,
    ),
    "W14 window of 2, retired in order": (
        EIGHT, ALTERNATE, (), {"workers": 2, "window": 2},
        12, (0, 1, 0, 1, 0, 1, 0, 1), (0, 0, 5, 5, 6, 6, 11, 11), (0, 0, 5, 5, 6, 6, 11, 11), 2,
    ),
    "W15 window of 1": (
        EIGHT, ALTERNATE, (), {"workers": 2, "window": 1},
        16, (0, 1, 0, 1, 0, 1, 0, 1), (0, 5, 6, 7, 8, 13, 14, 15), (0, 5, 6, 7, 8, 13, 14, 15), 1,
    ),
    "W16 issue cost of 3": (
        (4,) * 6, (0, 1, 2, 3, 0, 1), (), {"workers": 4, "issue": 3},
        19, (0, 1, 2, 3, 0, 1), (0, 3, 6, 9, 12, 15), (0, 3, 6, 9, 12, 15), 2,
    ),
    "W17 custom: even tasks on worker 0": (
        EIGHT, (0, 1, 0, 1, 0, 1, 0, 1), (), {"workers": 2},
        12, (0, 1, 0, 1, 0, 1, 0, 1), (0, 0, 5, 1, 6, 2, 11, 3), (0,) * 8, 8,
    ),
    "W18 a chain": (
        (3,) * 4, (0, 1, 2, 3), ((0, 1), (1, 2), (2, 3)), {"workers": 4},
        12, (0, 1, 2, 3), (0, 3, 6, 9), (0,) * 4, 4,
    ),
    "W19 attention": (
        (2, 3, 4, 6, 2), (0, 1, 0, 1, 0), ATTENTION, {"workers": 2},
        11, (0, 1, 0, 1, 0), (0, 0, 3, 3, 9), (0,) * 5, 5,
    ),
    "W20 attention, work stealing": (
        (2, 3, 4, 6, 2), (0, 1, 0, 1, 0), ATTENTION, {"workers": 2, "steal": True},
        10, (0, 1, 1, 0, 0), (0, 0, 3, 2, 8), (0,) * 5, 5,
    ),
}  # fmt: skip


def edges_of(*pairs):
    return [TaskEdge(source=source, target=target, kind="RAW") for source, target in pairs]


def run(tasks, pairs=(), **machine):
    tasks = [SimulatedTask(**({"cost": each} if isinstance(each, int) else each)) for each in tasks]
    return simulate(tasks, edges_of(*pairs), Machine(**machine))


def starts(report):
    return [each.start for each in report.tasks]


def submits(report):
    return [each.submit for each in report.tasks]


def workers(report):
    return [each.worker for each in report.tasks]


@pytest.mark.parametrize("name", VECTORS)
def test_reference_vectors(name):
    costs, given, pairs, machine, makespan, worker, start, submit, high_water = VECTORS[name]
    tasks = [{"cost": cost, "worker": each} for cost, each in zip(costs, given, strict=True)]
    report = run(tasks, pairs, **machine)
    assert (report.makespan, report.window_high_water) == (makespan, high_water)
    assert (workers(report), starts(report), submits(report)) == (list(worker), list(start), list(submit))
    assert [each.end - each.start for each in report.tasks] == list(costs)


def test_no_tasks_take_no_time():
    report = run([], workers=2)
    assert (report.makespan, report.tasks, report.window_high_water, report.window_stalls) == (0, (), 0, 0)


def test_tasks_without_a_worker_go_round():
    assert workers(run([1] * 5, workers=3)) == [0, 1, 2, 0, 1]


def test_free_tasks_follow_each_other_at_one_time_through_a_window_of_one():
    report = run([0, 0, 2, 0], workers=1, window=1)
    assert (starts(report), submits(report), report.makespan) == ([0, 0, 0, 2], [0, 0, 0, 2], 2)


# window -----------------------------------------------------------------------------------------------------------


def test_stalls_count_tasks_that_found_the_window_full():
    assert run(EIGHT, workers=2, window=2).window_stalls == 3  # tasks 2, 4 and 6; 3, 5 and 7 enter together with them
    assert run(EIGHT, workers=2, window=1).window_stalls == 7
    assert run(EIGHT, workers=2).window_stalls == 0


def test_a_window_of_bytes_counts_what_is_written():
    tasks = [{"cost": 4, "bytes": 60}, {"cost": 1, "bytes": 40}, {"cost": 1, "bytes": 10}]
    report = run(tasks, workers=2, window=100, unit="bytes")
    assert (submits(report), report.window_high_water) == ([0, 0, 4], 100)


def test_a_task_larger_than_the_window_goes_alone():
    tasks = [{"cost": 2, "bytes": 60}, {"cost": 2, "bytes": 400}, {"cost": 1, "bytes": 60}]
    report = run(tasks, workers=3, window=100, unit="bytes")
    assert (submits(report), report.window_high_water) == ([0, 2, 4], 400)


def test_abort_names_the_task_that_finds_the_window_full():
    with pytest.raises(Refused, match="task 2 finds the window of 2 tasks full") as caught:
        run([1, 1, 1], workers=2, window=2, full="abort")
    assert caught.value.code == "run.window-full"
    assert caught.value.diagnostic.help


def test_abort_lets_a_program_pass_that_never_fills_the_window():
    assert run([1, 1, 1, 1], workers=2, window=2, full="abort", issue=1).makespan == 4


# issue and batches ------------------------------------------------------------------------------------------------


def test_a_rate_limit_holds_after_every_kth_submission():
    assert submits(run([1] * 5, workers=1, issue=10, every=2)) == [0, 0, 10, 10, 20]


def test_the_issue_clock_counts_from_a_late_submission():
    assert submits(run([5, 1, 1], workers=3, issue=2, window=1)) == [0, 5, 7]


def test_batches_are_submitted_together_and_the_last_is_what_is_left():
    assert submits(run([1] * 5, workers=1, batch=2, issue=3)) == [0, 0, 6, 6, 12]


def test_a_batch_waits_for_room_for_all_of_it():
    report = run([4, 1, 1, 1], workers=4, batch=2, window=3)
    assert (submits(report), report.window_stalls) == ([0, 0, 4, 4], 1)


def test_a_batch_ends_before_a_task_that_waits():
    tasks = [1, 1, 1, {"cost": 1, "waits": (0,)}, 1, 1]
    assert submits(run(tasks, workers=6, batch=4)) == [0, 0, 0, 1, 1, 1]


# waiting ----------------------------------------------------------------------------------------------------------


def test_submission_waits_for_the_tasks_that_the_program_waits_for():
    tasks = [3, 7, {"cost": 1, "waits": (0,)}, 1, {"cost": 1, "waits": (0, 1, 2, 3)}]
    assert submits(run(tasks, workers=5)) == [0, 0, 3, 3, 7]


# choice of the next task ------------------------------------------------------------------------------------------


def test_the_highest_priority_starts_first_then_the_lowest_id():
    tasks = [{"cost": 1, "priority": each} for each in (0, 5, 5, 9)]
    assert starts(run(tasks, workers=1)) == [3, 1, 2, 0]


def test_a_thief_takes_what_its_owner_would_run_last():
    tasks = [{"cost": 9, "worker": 0}] + [{"cost": 1, "worker": 0, "priority": each} for each in (0, 3, 0)]
    report = run(tasks, workers=2, steal=True)
    assert (starts(report), workers(report)) == ([1, 1, 0, 0], [0, 1, 0, 1])


def test_a_thief_takes_from_the_largest_set_and_then_from_the_lowest_worker():
    tasks = [{"cost": 5, "worker": each} for each in (0, 0, 1, 1, 1)]
    report = run(tasks, workers=3, steal=True)
    assert (starts(report), workers(report)) == ([0, 5, 0, 5, 0], [0, 0, 1, 1, 2])


def test_streams_take_turns_when_interleaved():
    tasks = [{"cost": 1, "stream": each} for each in (0, 0, 0, 1, 1, 2)]
    assert starts(run(tasks, workers=1)) == [0, 1, 2, 3, 4, 5]
    assert starts(run(tasks, workers=1, interleaved=True)) == [0, 3, 5, 1, 4, 2]


def test_tasks_of_no_stream_are_one_stream_and_priority_goes_first():
    tasks = [{"cost": 1, "stream": each} for each in (-1, -1, 4)] + [{"cost": 1, "stream": -1, "priority": 1}]
    assert starts(run(tasks, workers=1, interleaved=True)) == [2, 3, 1, 0]


def test_pools_have_workers_of_their_own_that_do_not_steal_from_each_other():
    tasks = [{"cost": 3, "pool": 0, "worker": 0}] * 4 + [{"cost": 1, "pool": 1, "worker": 0}]
    report = run(tasks, workers=2, pools=2, steal=True)
    assert (workers(report), starts(report)) == ([0, 0, 1, 1, 2], [0, 3, 3, 0, 0])


@pytest.mark.parametrize(("worker", "pool"), [(2, 0), (-2, 0), (0, 1), (0, -1)])
def test_a_worker_that_is_not_there_is_refused(worker, pool):
    with pytest.raises(Refused) as caught:
        run([{"cost": 1, "worker": worker, "pool": pool}], workers=2)
    assert caught.value.code == "wsp.dispatch-range"


# laws -------------------------------------------------------------------------------------------------------------


def random_run(draw):
    count = draw.randint(1, 14)
    pools, number = draw.randint(1, 2), draw.randint(1, 3)
    tasks = [
        SimulatedTask(
            cost=draw.choice((0, 1, 1, 2, 5)), worker=draw.randrange(-1, number), pool=draw.randrange(pools),
            priority=draw.choice((0, 0, 1)), stream=draw.randint(-1, 2), bytes=draw.choice((0, 8, 64)),
            waits=tuple(sorted(draw.sample(range(each), min(each, draw.choice((0, 0, 0, 1)))))),
        )
        for each in range(count)
    ]  # fmt: skip
    edges = edges_of(*((a, b) for b in range(count) for a in range(b) if draw.random() < 0.15))
    machine = Machine(
        workers=number, pools=pools, steal=draw.random() < 0.5, window=draw.choice((0, 1, 2, 5, 64)),
        unit=draw.choice(("tasks", "bytes")), issue=draw.choice((0, 0, 2)), every=draw.randint(1, 3),
        batch=draw.randint(1, 3), interleaved=draw.random() < 0.5,
    )  # fmt: skip
    return tasks, edges, machine


def test_every_run_ends_keeps_every_edge_and_never_gives_a_worker_two_tasks_at_once():
    draw = random.Random(3)
    for _ in range(600):
        tasks, edges, machine = random_run(draw)
        report = simulate(tasks, edges, machine)
        runs = report.tasks
        assert len(runs) == len(tasks)
        assert all(0 <= each.submit <= each.start <= each.end for each in runs)
        assert [each.submit for each in runs] == sorted(each.submit for each in runs)
        assert all(runs[each.source].end <= runs[each.target].start for each in edges)
        assert all(runs[other].end <= runs[task].submit for task, each in enumerate(tasks) for other in each.waits)
        assert all(each.worker // machine.workers == task.pool for task, each in zip(tasks, runs, strict=True))
        for worker in range(machine.workers * machine.pools):
            spans = sorted((each.start, each.end) for each in runs if each.worker == worker)
            assert all(one[1] <= two[0] for one, two in pairwise(spans))
        assert report.makespan == max(each.end for each in runs)
        assert simulate(tasks, edges, machine) == report
