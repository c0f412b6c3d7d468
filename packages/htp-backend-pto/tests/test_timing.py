"""The model of time: pipes side by side, flags between them, tasks on cores; all figures by hand."""

import pytest

from htp.diagnostics import Bug
from htp_backend_pto.timing.cores import run_cores
from htp_backend_pto.timing.costs import Cost, cost_of
from htp_backend_pto.timing.events import Await, Barrier, Free, Meet, Operand, Pop, Push, Raise, Run
from htp_backend_pto.timing.tasks import Planned, schedule

# 16 rows of 256 bytes are 16 repeats; 4096 bytes at 100.9 GiB/s and 1.85 GHz are 69.95 cycles, at 188.46 37.45.
TILE = (16, 64, 4)
LOAD = Run("TLOAD", "MTE2", (Operand("gm", "r", *TILE), Operand("ub", "w", *TILE)))
STORE = Run("TSTORE", "MTE3", (Operand("ub", "r", *TILE), Operand("gm", "w", *TILE)))
ADD = Run("TADD", "V", (Operand("ub", "r", *TILE), Operand("ub", "r", *TILE), Operand("ub", "w", *TILE)))
LOADED, STORED, ADDED, THERE = 70, 38, 10 + 2 * 16, 14


def times(*events):
    """When each instruction of one core starts and ends, and when all is done."""
    (core,) = run_cores([events])
    return [(each.name, each.start, each.end) for each in core.works], core.end


def test_instructions_cost_what_the_table_says():
    assert cost_of(LOAD) == Cost(LOADED)
    assert cost_of(STORE) == Cost(STORED)
    assert cost_of(ADD) == Cost(ADDED, THERE)
    half = (Operand("l0a", "r", 64, 32, 2), Operand("l0b", "r", 32, 128, 2), Operand("l0c", "w", 64, 128, 4))
    assert cost_of(Run("TMATMUL", "M", half)) == Cost(6 + 4 * 8 * 2)
    row = (Operand("ub", "r", 10, 64, 4), Operand("ub", "s", 64, 64, 4), Operand("ub", "w", 10, 1, 4))
    assert cost_of(Run("TROWSUM", "V", row)) == Cost(7 * 10 + 44)
    assert cost_of(Run("TMRGSORT", "V", (Operand("ub", "w", 1, 64, 4),))).assumed
    assert cost_of(Run("GetValue", "S")).assumed


def test_pipes_run_side_by_side_unless_a_flag_orders_them():
    assert times(LOAD, ADD)[0] == [("TLOAD", 0, 70), ("TADD", 0, 42)]
    flag = ("MTE2", "V", 0)
    assert times(LOAD, Raise(*flag), LOAD, Await(*flag), ADD)[0] == [
        ("TLOAD", 0, 70), ("TLOAD", 70, 140), ("TADD", 70, 112)
    ]  # fmt: skip


def test_a_result_is_there_after_the_tail_which_only_barriers_and_flags_wait_for():
    assert times(ADD, ADD) == ([("TADD", 0, 42), ("TADD", 42, 84)], 98)
    assert times(ADD, Barrier("V"), ADD)[0] == [("TADD", 0, 42), ("TADD", 56, 98)]
    flag = ("V", "MTE3", 1)
    assert times(ADD, Raise(*flag), Await(*flag), STORE) == ([("TADD", 0, 42), ("TSTORE", 56, 94)], 94)
    assert times(LOAD, Barrier("ALL"), ADD)[0][1] == ("TADD", 70, 112)


def test_flags_of_one_event_are_taken_in_the_order_in_which_they_were_raised():
    flag = ("MTE2", "V", 0)
    found, _ = times(LOAD, Raise(*flag), LOAD, Raise(*flag), Await(*flag), ADD, Await(*flag), ADD)
    assert [start for name, start, _ in found if name == "TADD"] == [70, 140]


def test_a_fifo_hands_tiles_over_and_its_slots_come_back():
    push = Run("TPUSH", "FIX", (Operand("l0c", "r", *TILE),))  # 4096 bytes at 70 GiB/s: 100.8 cycles
    pop = Run("TPOP", "MTE2", (Operand("ub", "w", *TILE),))
    cube = (Push(0, 1, 1), push, Push(0, 1, 1), push)
    vector = (Pop(0, 1), pop, Free(0, 1), Pop(0, 1), pop, Free(0, 1))
    first, second = run_cores([cube, vector])
    assert [(each.start, each.end) for each in first.works] == [(0, 101), (171, 272)]
    assert [(each.start, each.end) for each in second.works] == [(101, 171), (272, 342)]


def test_cores_that_meet_go_on_together_and_a_deadlock_is_said():
    first, second = run_cores([(LOAD, Meet(), ADD), (ADD, Meet(), ADD)])
    assert [each.start for each in first.works] == [0, 70]
    assert [each.start for each in second.works] == [0, 70]
    with pytest.raises(Bug, match="wait for each other"):
        run_cores([(Pop(0, 1), LOAD), (Push(0, 1, 1), LOAD, Pop(1, 1), LOAD), (Push(1, 1, 0), LOAD)])


def placed(found):
    return [(found.workers[each.worker], each.start, each.end) for each in found.tasks]


def test_tasks_take_the_first_free_core_of_their_kind():
    vector, cube = (0, 1), (1, 0)
    four = [Planned(vector, (5,)), Planned(vector, (1,)), Planned(vector, (4,)), Planned(cube, (2,))]
    found = schedule(four, [(0, 3)], clusters=1, window=None)
    assert placed(found) == [("aiv 0", 0, 5), ("aiv 1", 0, 1), ("aiv 1", 1, 5), ("aic 0", 5, 7)]
    assert (found.makespan, found.window_high_water, found.window_stalls) == (7, 4, 0)


def test_a_task_of_many_blocks_ends_with_its_last_and_one_of_both_kinds_takes_a_cluster():
    blocks = [Planned((0, 1), (3, 3, 3)), Planned((1, 2), (4,))]
    found = schedule(blocks, [], clusters=1, window=None)
    assert placed(found) == [("aiv 0", 0, 6), ("aic 0", 6, 10)]


def test_the_window_holds_submissions_back_until_the_oldest_has_ended():
    found = schedule([Planned((0, 1), (3,)), Planned((0, 1), (1,)), Planned((0, 1), (1,))], [], 24, window=2)
    assert [each.submit for each in found.tasks] == [0, 0, 3]
    assert (found.window_high_water, found.window_stalls, found.makespan) == (2, 1, 4)


def test_tasks_without_work_take_no_time():
    found = schedule([Planned((0, 1), (3,)), Planned((0, 0), ()), Planned((0, 1), (1,))], [(0, 1), (1, 2)], 1, None)
    assert [(each.start, each.end) for each in found.tasks] == [(0, 3), (3, 3), (3, 4)]
