"""Simulated time: the runtime of the CPU gives the numbers of the reference on random runs with every setting."""

import os
import random
import subprocess
from pathlib import Path

import htp_backend_cpu
from htp.runs import TaskEdge
from htp_backend_cpu.compilers import find_compiler
from htp_dialect_wsp.simulation import Machine, SimulatedTask, simulate

HERE = Path(__file__).parent
NATIVE = Path(htp_backend_cpu.__file__).parent / "native"
RUNS = 4000 if os.environ.get("HTP_TEST_LONG") == "1" else 1500


def random_run(draw: random.Random) -> tuple[list[SimulatedTask], list[TaskEdge], Machine]:
    pools, workers = draw.randint(1, 2), draw.randint(1, 3)
    tasks = [
        SimulatedTask(
            cost=draw.choice((0, 1, 1, 2, 5)), worker=draw.randrange(workers), pool=draw.randrange(pools),
            priority=draw.choice((0, 0, 1)), stream=draw.randint(-1, 2), bytes=draw.choice((0, 8, 64)),
            waits=tuple(sorted(draw.sample(range(each), min(each, draw.choice((0, 0, 0, 1)))))),
        )
        for each in range(draw.randint(1, 16))
    ]  # fmt: skip
    edges = [
        TaskEdge(source=source, target=target, kind="RAW")
        for target in range(len(tasks))
        for source in range(target)
        if draw.random() < 0.15
    ]
    machine = Machine(
        workers=workers, pools=pools, steal=draw.random() < 0.5, window=draw.choice((0, 1, 2, 5, 64)),
        unit=draw.choice(("tasks", "bytes")), issue=draw.choice((0, 0, 2)), every=draw.randint(1, 3),
        batch=draw.randint(1, 3), interleaved=draw.random() < 0.5,
    )  # fmt: skip
    return tasks, edges, machine


def written(tasks: list[SimulatedTask], edges: list[TaskEdge], machine: Machine) -> str:
    """A run as the driver reads it."""
    settings = [
        machine.workers, machine.steal, machine.window, machine.unit == "bytes", machine.pools, machine.issue,
        machine.every, machine.batch, machine.interleaved,
    ]  # fmt: skip
    numbers = [*settings, len(tasks)]
    for number, task in enumerate(tasks):
        before = [each.source for each in edges if each.target == number]
        lane = task.pool * machine.workers + task.worker
        numbers += [task.cost, lane, task.priority, task.stream, task.bytes]
        numbers += [len(task.waits), *task.waits, len(before), *before]
    return " ".join(str(int(each)) for each in numbers)


def test_the_runtime_agrees_with_the_reference(tmp_path: Path) -> None:
    program = tmp_path / "driver"
    headers = ["-I", str(NATIVE), "-I", str(NATIVE / "runtime")]
    source = HERE / "simulated_driver.cpp"
    subprocess.run(
        [*find_compiler().command, "-std=c++17", "-O1", *headers, str(source), "-o", str(program)], check=True
    )
    draw = random.Random(77)
    runs = [random_run(draw) for _ in range(RUNS)]
    given = "\n".join([str(len(runs)), *(written(*each) for each in runs)])
    lines = subprocess.run([program], input=given, capture_output=True, text=True, check=True).stdout.splitlines()
    for (tasks, edges, machine), line in zip(runs, lines, strict=True):
        expected = simulate(tasks, edges, machine)
        numbers = [expected.makespan, expected.window_high_water, expected.window_stalls]
        for each in expected.tasks:
            numbers += [each.worker, each.submit, each.start, each.end]
        assert [int(each) for each in line.split()] == numbers, (tasks, edges, machine)
