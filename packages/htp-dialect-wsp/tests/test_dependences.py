"""Dependences of tasks: the reference vectors, and agreement with tracking every element."""

import os
import random
from itertools import pairwise, product

import pytest

from htp.runs import TaskEdge
from htp_dialect_wsp.dependences import TaskAccess, derive, reduced, stream_edges

PROGRAMS = 4000 if os.environ.get("HTP_TEST_LONG") == "1" else 600


def out(tensor, *box):
    return TaskAccess(tensor, box, "out")


def read(tensor, *box):
    return TaskAccess(tensor, box, "in")


def inout(tensor, *box):
    return TaskAccess(tensor, box, "inout")


VECTORS = {
    "W01": (
        [[out("C", (0, 16))], [read("C", (0, 16))], [out("C", (0, 16))]],
        [(0, 1, "RAW"), (0, 2, "WAW"), (1, 2, "WAR")],
        [(0, 1), (1, 2)],
    ),
    "W02 join of two half writers": (
        [[out("C", (0, 8))], [out("C", (8, 16))], [read("C", (0, 16))]],
        [(0, 2, "RAW"), (1, 2, "RAW")],
        [(0, 2), (1, 2)],
    ),
    "W03 a covered writer is dead": (
        [[out("C", (0, 16))], [out("C", (0, 16))], [read("C", (0, 16))]],
        [(0, 1, "WAW"), (1, 2, "RAW")],
        [(0, 1), (1, 2)],
    ),
    "W04 partial overlap": (
        [
            [out("C", (0, 16), (0, 16))],
            [inout("C", (8, 16), (8, 16))],
            [read("C", (0, 16), (0, 8))],
            [read("C", (0, 16), (0, 16))],
        ],
        [(0, 1, "RAW+WAW"), (0, 2, "RAW"), (0, 3, "RAW"), (1, 3, "RAW")],
        [(0, 1), (0, 2), (1, 3)],
    ),
    "W05 a chain of accumulations": (
        [
            [read("A", (0, 16)), inout("S", (0, 1))],
            [read("A", (16, 32)), inout("S", (0, 1))],
            [read("A", (32, 48)), inout("S", (0, 1))],
            [read("A", (48, 64)), inout("S", (0, 1))],
        ],
        [(0, 1, "RAW+WAR+WAW"), (1, 2, "RAW+WAR+WAW"), (2, 3, "RAW+WAR+WAW")],
        [(0, 1), (1, 2), (2, 3)],
    ),
    "W06 two readers, then one that overwrites": (
        [
            [out("X", (0, 16))],
            [read("X", (0, 16)), out("Y", (0, 16))],
            [read("X", (0, 16)), out("Z", (0, 16))],
            [out("X", (0, 16))],
        ],
        [(0, 1, "RAW"), (0, 2, "RAW"), (0, 3, "WAW"), (1, 3, "WAR"), (2, 3, "WAR")],
        [(0, 1), (0, 2), (1, 3), (2, 3)],
    ),
    "W07 a tile read as two smaller ones": (
        [[out("T", (0, 4), (0, 8))], [read("T", (0, 2), (0, 8))], [read("T", (2, 4), (0, 8))]],
        [(0, 1, "RAW"), (0, 2, "RAW")],
        [(0, 1), (0, 2)],
    ),
}


def triples(edges):
    return [(each.source, each.target, each.kind) for each in edges]


def pairs(edges):
    return [(each.source, each.target) for each in edges]


@pytest.mark.parametrize("name", VECTORS)
def test_reference_vectors(name):
    tasks, edges, fewest = VECTORS[name]
    assert triples(derive(tasks)) == edges
    assert pairs(reduced(derive(tasks))) == fewest


def test_accesses_of_one_task_make_no_edge_to_itself():
    assert derive([[read("x", (0, 8)), out("x", (4, 12)), inout("x", (0, 2))]]) == ()


def test_what_a_task_both_reads_and_overwrites_is_remembered_of_it():
    tasks = [[read("x", (0, 4)), out("x", (0, 8))], [out("x", (0, 4))]]
    assert triples(derive(tasks)) == [(0, 1, "WAR+WAW")]


def test_empty_boxes_touch_nothing():
    assert derive([[out("x", (0, 8), (3, 3))], [inout("x", (0, 8), (0, 8))], [read("x", (5, 5), (0, 8))]]) == ()


def test_a_write_of_which_only_a_hull_is_known_hides_nothing_before_it():
    whole = [[out("x", (0, 8))], [TaskAccess("x", ((0, 8),), "out", exact=False)], [read("x", (0, 8))]]
    assert triples(derive(whole)) == [(0, 1, "WAW"), (0, 2, "RAW"), (1, 2, "RAW")]


def test_a_scalar_tensor_is_one_element():
    assert triples(derive([[out("x")], [read("x")]])) == [(0, 1, "RAW")]


def test_streams_are_chains():
    assert triples(stream_edges([2, 0, 2, -1, 2])) == [(0, 2, "stream"), (2, 4, "stream")]


def test_reduction_keeps_the_kinds_of_the_edges_it_keeps():
    edges = [TaskEdge(source=0, target=1, kind="RAW"), TaskEdge(source=0, target=2, kind="WAW")]
    edges += [TaskEdge(source=1, target=2, kind="after")]
    assert triples(reduced(edges)) == [(0, 1, "RAW"), (1, 2, "after")]


def test_many_tasks():
    size = 40
    spots = [((i, i + 1), (j, j + 1)) for i in range(size) for j in range(size)]
    fill = [[out("x", *spot)] for spot in spots]
    spread = [[read("x", (i - 1, i + 2), (j - 1, j + 2)), out("y", (i, i + 1), (j, j + 1))]
              for (i, _), (j, _) in spots]  # fmt: skip
    again = [[inout("y", *spot)] for spot in spots]
    found = derive([*fill, *spread, *again])
    neighbours = (3 * size - 2) ** 2
    assert [each.kind for each in found].count("RAW") == neighbours
    assert triples(each for each in found if each.source >= size * size) == [
        (size * size + number, 2 * size * size + number, "RAW+WAW") for number in range(size * size)
    ]


# against elements -------------------------------------------------------------------------------------------------


def random_program(draw):
    rank, size = draw.randint(1, 3), draw.choice((3, 4, 6))
    tensors = [f"t{number}" for number in range(draw.randint(1, 3))]

    def box():
        ends = [sorted((draw.randint(0, size), draw.randint(0, size))) for _ in range(rank)]
        return tuple((low, high) for low, high in ends)  # one in seven or so is empty

    def access():
        return TaskAccess(draw.choice(tensors), box(), draw.choice(("in", "out", "inout")))

    return [[access() for _ in range(draw.randint(0, 3))] for _ in range(draw.randint(1, 12))]


def element_edges(tasks):
    """Direct dependences by remembering the last writer and the readers since of every element."""
    writer, readers, edges = {}, {}, set()
    for task, accesses in enumerate(tasks):
        touched = [
            (mode, (each.tensor, point))
            for each in accesses
            for point in product(*(range(low, high) for low, high in each.box))
            for mode in (("read", "write") if each.mode == "inout" else ("read",) if each.mode == "in" else ("write",))
        ]
        for mode, element in touched:
            if element in writer:
                edges.add((writer[element], task))
            if mode == "write":
                edges |= {(reader, task) for reader in readers.get(element, ())}
        edges = {(source, target) for source, target in edges if source != target}
        written = {element for mode, element in touched if mode == "write"}
        for element in written:
            writer[element], readers[element] = task, set()
        for mode, element in touched:
            if mode == "read" and element not in written:
                readers.setdefault(element, set()).add(task)
    return edges


def closure(edges, count):
    before = [set() for _ in range(count)]
    for target in range(count):
        for source in (source for source, other in edges if other == target):
            before[target] |= {source} | before[source]
    return before


def test_the_closure_is_that_of_tracking_elements_and_so_is_that_of_the_reduction():
    draw = random.Random(7)
    found = 0
    for _ in range(PROGRAMS):
        tasks = random_program(draw)
        edges = derive(tasks)
        expected = closure(element_edges(tasks), len(tasks))
        assert closure(pairs(edges), len(tasks)) == expected, tasks
        fewest = pairs(reduced(edges))
        assert closure(fewest, len(tasks)) == expected, tasks
        for each in fewest:  # none of them follows from the others
            assert closure(set(fewest) - {each}, len(tasks)) != expected, tasks
        found += len(edges)
    assert found > PROGRAMS


def test_kinds_agree_with_the_elements_that_two_tasks_share():
    draw = random.Random(11)
    for _ in range(PROGRAMS // 4):
        tasks = random_program(draw)
        for edge in derive(tasks):
            kinds = set()
            for one, other in product(tasks[edge.source], tasks[edge.target]):
                if one.tensor == other.tensor and all(
                    max(a, c) < min(b, d) for (a, b), (c, d) in zip(one.box, other.box, strict=True)
                ):
                    kinds |= {"RAW"} if one.mode != "in" and other.mode != "out" else set()
                    kinds |= {"WAR"} if one.mode != "out" and other.mode != "in" else set()
                    kinds |= {"WAW"} if one.mode != "in" and other.mode != "in" else set()
            assert set(edge.kind.split("+")) <= kinds
            assert edge.kind == "+".join(sorted(edge.kind.split("+"), key=("RAW", "WAR", "WAW").index))


def test_a_chain_of_many_tasks_reduces_to_the_chain():
    edges = [TaskEdge(source=a, target=b, kind="RAW") for b in range(60) for a in range(b)]
    assert pairs(reduced(edges)) == list(pairwise(range(60)))
