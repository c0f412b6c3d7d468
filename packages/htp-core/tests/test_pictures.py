"""What is drawn of a task graph: the reduction is unique and complete, large graphs are grouped with true counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htp.diagnostics import Bug
from htp.runs import TaskEdge, TaskGraph, TaskNode
from htp.views import reduced_edges
from htp.views.pictures import kernels_of, picture_of


def graph(count, *edges):
    tasks = tuple(TaskNode(kernel="k", at=(index,)) for index in range(count))
    return TaskGraph(tasks=tasks, edges=tuple(TaskEdge(source=s, target=t, kind=kind) for s, t, kind in edges))


def pairs(edges):
    return [(each.source, each.target) for each in edges]


@pytest.mark.parametrize(
    ("count", "edges", "expected"),
    [
        (3, [(0, 1, "RAW"), (0, 2, "WAW"), (1, 2, "WAR")], [(0, 1), (1, 2)]),
        (3, [(0, 2, "RAW"), (1, 2, "RAW")], [(0, 2), (1, 2)]),
        (4, [(0, 1, "RAW+WAW"), (0, 2, "RAW"), (0, 3, "RAW"), (1, 3, "RAW")], [(0, 1), (0, 2), (1, 3)]),
        (
            4,
            [(0, 1, "RAW"), (0, 2, "RAW"), (0, 3, "WAW"), (1, 3, "WAR"), (2, 3, "WAR")],
            [(0, 1), (0, 2), (1, 3), (2, 3)],
        ),
        (0, [], []),
    ],
)
def test_edges_that_follow_from_others_are_left_out(count, edges, expected):
    assert pairs(reduced_edges(graph(count, *edges))) == expected


def test_two_edges_between_the_same_tasks_become_one_with_both_kinds():
    (found,) = reduced_edges(graph(2, (0, 1, "stream"), (0, 1, "WAW+RAW"), (0, 1, "odd")))
    assert found.kind == "RAW+WAW+stream+odd"


def closure(count, edges):
    reached = [[False] * count for _ in range(count)]
    for source, target in edges:
        reached[source][target] = True
    for via in range(count):
        for source in range(count):
            for target in range(count):
                reached[source][target] |= reached[source][via] and reached[via][target]
    return reached


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1])))
def test_the_reduction_orders_the_same_tasks_and_no_edge_of_it_can_be_spared(edges):
    found = pairs(reduced_edges(graph(9, *((*pair, "RAW") for pair in edges))))
    assert set(found) <= edges
    assert closure(9, found) == closure(9, edges)
    for each in found:
        assert closure(9, [other for other in found if other != each]) != closure(9, edges)


@pytest.mark.parametrize("edge", [(1, 0, "RAW"), (1, 1, "RAW"), (0, 2, "RAW"), (-1, 1, "RAW")])
def test_an_edge_that_leads_nowhere_later_is_a_bug(edge):
    with pytest.raises(Bug, match="leads nowhere later"):
        picture_of(graph(2, edge))


def test_a_picture_says_how_many_edges_it_leaves_out(made):
    whole = picture_of(made.GRAPHS["diamond"], reduce=False)
    assert (len(whole.arrows), whole.note) == (5, "")
    reduced = picture_of(made.GRAPHS["diamond"])
    assert [(each.source, each.target, each.label) for each in reduced.arrows] == [
        (0, 1, "RAW"), (0, 2, "WAR"), (1, 3, "RAW"), (2, 3, "after"),
    ]  # fmt: skip
    assert reduced.note == "not drawn: 1 of the edges, which follow from others"
    assert reduced.nodes[3].said == "task 3: join, user.py:31"


def test_more_tasks_than_the_limit_are_grouped_by_kernel(made):
    found = picture_of(made.GRAPHS["grouped"])
    assert [(each.kernel, each.detail) for each in found.nodes] == [
        ("prepare", "1000 tasks, among them WAR 999"),
        ("gemm_tile", "1000 tasks, among them WAR 999"),
        ("combine", "1000 tasks, among them WAR 999"),
    ]
    assert [(each.source, each.target, each.label) for each in found.arrows] == [
        (0, 1, "RAW 1000"), (1, 2, "RAW 1000"), (2, 0, "RAW 999"),
    ]  # fmt: skip
    assert found.grouped
    assert found.note.startswith("3000 tasks are more than 200: grouped by kernel")
    assert not picture_of(made.GRAPHS["two"], limit=2).grouped
    assert picture_of(made.GRAPHS["two"], limit=1).grouped


def test_more_arrows_than_mermaid_draws_are_grouped_too():
    many = [(source, target, "RAW") for source in range(25) for target in range(25, 46)]
    found = picture_of(graph(46, *many))
    assert found.grouped
    assert found.note.startswith("525 edges are more than 500")


def test_kernels_are_numbered_in_order_of_appearance(made):
    assert kernels_of(made.GRAPHS["diamond"]) == {"load": 0, "left": 1, "right": 2, "join": 3}
    assert kernels_of(None) == {}
