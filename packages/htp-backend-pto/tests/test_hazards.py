"""The dependence relation: by hand, against tracking every element, and Python against the C++ that builds graphs."""

from __future__ import annotations

import ctypes
import random
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from htp_backend_pto.binding.compilers import find_compiler
from htp_backend_pto.hazards import Array, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp_backend_pto.hazards import Box, Use

USES = ("reads", "writes", "updates")


@dataclass(frozen=True)
class Step:
    """What one task touches, and the tasks it follows."""

    touches: tuple[tuple[int, Use, Box], ...]
    after: tuple[int, ...] = ()
    after_all: bool = False
    owns: tuple[int, Box] | None = None


def steps(*touches: Sequence[tuple[int, Use, Box]]) -> list[Step]:
    return [Step(tuple(each)) for each in touches]


def told(program: Iterable[Step], fanin: int = 64, reach: int = 4096) -> tuple[Order, list[tuple[int, ...]]]:
    """The Python model: what the runtime is told for each task."""
    order, arrays = Order(fanin, reach), [Array(f"x{number}") for number in range(8)]
    found: list[tuple[int, ...]] = []
    for step in program:
        for number, use, box in step.touches:
            order.touch(arrays[number], use, box)
        for task in step.after:
            order.after(task)
        if step.after_all:
            order.after_all()
        found.append(order.done())
        if step.owns is not None:
            order.owns(arrays[step.owns[0]], step.owns[1])
    return order, found


def by_elements(program: Iterable[Step]) -> list[set[int]]:
    """The tasks before each task, all of them: last writer and readers of every element, one element at a time."""
    last: dict[tuple[int, tuple[int, ...]], tuple[int | None, set[int]]] = {}
    before: list[set[int]] = []
    for task, step in enumerate(program):
        direct = set(step.after) | (set(range(task)) if step.after_all else set())
        for number, use, box in step.touches:
            for element in _elements(box):
                writer, readers = last.get((number, element), (None, set()))
                if writer is not None:
                    direct.add(writer)
                if use != "reads":
                    direct |= readers
        for number, use, box in (*step.touches, *([(step.owns[0], "writes", step.owns[1])] if step.owns else [])):
            for element in _elements(box):
                writer, readers = last.get((number, element), (None, set()))
                last[number, element] = (task, set()) if use != "reads" else (writer, readers | {task})
        direct.discard(task)
        before.append(direct.union(*(before[each] for each in direct)) if direct else set())
    return before


def _elements(box: Box) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for low, high in box:
        found = [(*each, value) for each in found for value in range(low, high)]
    return found


def reduction(before: list[set[int]]) -> set[tuple[int, int]]:
    """The pairs between which there is nothing."""
    return {
        (source, task)
        for task, all_of in enumerate(before)
        for source in all_of
        if not any(source in before[other] for other in all_of)
    }


ROW: Box = ((0, 16),)


def test_readers_before_an_overwrite() -> None:
    """The runtime sees who reads what was written and who writes again, never that a reader comes before a writer."""
    program = steps(
        [(0, "writes", ROW)],
        [(0, "reads", ROW), (1, "writes", ROW)],
        [(0, "reads", ROW), (2, "writes", ROW)],
        [(0, "writes", ROW)],
    )
    order, waits = told(program)
    assert waits == [(), (), (), (1, 2)]
    assert [(each.source, each.target, "+".join(each.kinds), each.needed) for each in order.edges] == [
        (0, 1, "RAW", True),
        (0, 2, "RAW", True),
        (0, 3, "WAW", False),
        (1, 3, "WAR", True),
        (2, 3, "WAR", True),
    ]


def test_disjoint_tiles_need_nothing() -> None:
    program = steps(*([(0, "writes", ((low, low + 4), (0, 8)))] for low in range(0, 16, 4)))
    order, waits = told(program)
    assert waits == [()] * 4
    assert order.edges == []


def test_an_accumulator_is_a_chain_that_the_runtime_sees() -> None:
    program = steps(*([(0, "updates", ROW)] for _ in range(4)))
    order, waits = told(program)
    assert waits == [()] * 4
    assert [(each.source, each.target, "+".join(each.kinds)) for each in order.edges] == [
        (0, 1, "RAW+WAR+WAW"),
        (1, 2, "RAW+WAR+WAW"),
        (2, 3, "RAW+WAR+WAW"),
    ]


def test_an_empty_region_is_no_use() -> None:
    program = steps([(0, "writes", ROW)], [(0, "reads", ((8, 8),)), (1, "reads", ROW)])
    assert told(program)[0].edges == []


def test_too_many_writers_are_told_one_by_one() -> None:
    """Five writers are more than four: the runtime would have to find them all, so none is left to it from then on."""
    writers = [[(0, "writes", ((low, low + 1),))] for low in range(5)]
    program = steps(*writers, [(0, "reads", ((0, 5),))], [(0, "writes", ((0, 1),))])
    waits = told(program, fanin=4)[1]
    assert waits[5] == (0, 1, 2, 3, 4)
    assert waits[6] == (5,)
    assert told(program, fanin=5)[1][5] == ()


def test_far_back_nothing_is_left_out() -> None:
    """Beyond the reach an edge that follows from others is kept: too many, never too few."""
    chain = [[(0, "updates", ROW)] for _ in range(6)]
    program = steps([(1, "reads", ROW), (0, "updates", ROW)], *chain, [(0, "reads", ROW), (1, "writes", ROW)])
    assert told(program)[1][-1] == ()
    assert told(program, reach=2)[1][-1] == (0,)


def test_a_barrier_waits_for_the_last_tasks() -> None:
    program = [*steps([(0, "writes", ROW)], [(0, "reads", ROW)], [(1, "writes", ROW)]), Step((), after_all=True)]
    assert told(program)[1][-1] == (1, 2)


def random_program(rng: random.Random) -> list[Step]:
    axes = rng.randint(1, 2)
    found: list[Step] = []
    for task in range(rng.randint(2, 14)):
        if rng.random() < 0.05:
            found.append(Step((), after_all=True))
            continue
        touches: list[tuple[int, Use, Box]] = []
        for number in rng.sample(range(3), rng.randint(1, 3)):
            starts = [rng.randint(0, 4) for _ in range(axes)]
            box = tuple((low, low + rng.randint(0, 4)) for low in starts)
            touches.append((number, rng.choice(USES), box))
        after = (rng.randrange(task),) if task and rng.random() < 0.1 else ()
        owns = (7, ((0, 4),) * axes) if task == 0 else None
        if task and rng.random() < 0.3:
            touches.append((7, rng.choice(("reads", "updates")), ((0, 2),) * axes))
        found.append(Step(tuple(touches), after, owns=owns))
    return found


@pytest.mark.parametrize("seed", range(300))
def test_against_every_element(seed: int) -> None:
    """All edges together order exactly what must be ordered, and none that is told follows from the others."""
    program = random_program(random.Random(seed))
    order, waits = told(program)
    exact = by_elements(program)
    before: list[set[int]] = [set() for _ in program]
    for edge in sorted(order.edges, key=lambda each: each.target):
        before[edge.target] |= {edge.source} | before[edge.source]
    assert before == exact
    direct = reduction(exact)
    assert {(each.source, each.target) for each in order.edges if each.needed} == direct
    assert {(source, task) for task, all_of in enumerate(waits) for source in all_of} <= direct


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("order") / "order.so"
    headers = Path(str(files("htp_backend_pto").joinpath("native/orchestration")))
    source = Path(__file__).parent / "order_driver.cpp"
    flags = ("-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{headers}")
    subprocess.run([*find_compiler().command, *flags, str(source), "-o", str(library)], check=True, timeout=120)
    found = ctypes.CDLL(str(library))
    found.order_open.restype = ctypes.c_void_p
    return found


def told_natively(native: ctypes.CDLL, program: Iterable[Step], fanin: int, reach: int) -> list[tuple[int, ...]]:
    session = ctypes.c_void_p(native.order_open(fanin, reach))
    found: list[tuple[int, ...]] = []
    for step in program:
        for number, use, box in step.touches:
            ranges = (ctypes.c_int64 * (2 * len(box)))(*(value for pair in box for value in pair))
            native.order_touch(session, number, USES.index(use), len(box), ranges)
        for task in step.after:
            native.order_after(session, task)
        if step.after_all:
            native.order_after_all(session)
        waits = (ctypes.c_uint32 * 64)()
        found.append(tuple(waits[: native.order_done(session, waits, 64)]))
        if step.owns is not None:
            ranges = (ctypes.c_int64 * (2 * len(step.owns[1])))(*(value for pair in step.owns[1] for value in pair))
            native.order_owns(session, step.owns[0], len(step.owns[1]), ranges)
    native.order_close(session)
    return found


@pytest.mark.parametrize(("fanin", "reach"), [(64, 4096), (2, 4096), (64, 3), (1, 2)])
def test_cpp_says_the_same(native: ctypes.CDLL, fanin: int, reach: int) -> None:
    for seed in range(1000, 1300):
        program = random_program(random.Random(seed))
        assert told_natively(native, program, fanin, reach) == told(program, fanin, reach)[1], seed
