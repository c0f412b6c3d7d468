"""Timelines as SVG: every task in its lane at its time, nothing outside or on top of anything else, gaps named."""

import re
from itertools import pairwise

import pytest
from msgspec import structs

from htp.runs import (
    BlockRun,
    ChannelRun,
    KernelRun,
    NetworkRun,
    ProcessRun,
    RunReport,
    Simulated,
    TaskRun,
    TaskStatistics,
    UnitRun,
    UnitWork,
    Wait,
)
from htp.views import timeline_svg
from htp.views.times import Span, filling, occupancy, spans_of, ticks

SVG = "{http://www.w3.org/2000/svg}"
NAMES = (
    "empty", "one", "two", "chain", "diamond", "independent", "random", "odd", "grouped", "nothing", "wall",
    "processes", "network",
)  # fmt: skip


def run(worker, submit, start, end):
    return TaskRun(worker=worker, submit=submit, start=start, end=end)


def texts(root):
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def bars(root):
    """The rectangles of tasks in drawing order, with what they say."""
    found = ((each, each.find(f"{SVG}title")) for each in root.iter(f"{SVG}rect"))
    return [(each, title.text) for each, title in found if title is not None and title.text.startswith("task ")]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_outside_and_nothing_overlaps(made, drawn, name):
    root, width, height = drawn.read(timeline_svg(made.REPORTS[name]))
    drawn.check_within(root, width, height)
    assert width <= 1200
    boxes = [drawn.rectangle(each) for each, _ in bars(root)]
    for index, one in enumerate(boxes):
        assert not any(drawn.overlap(one, other, 1.1) for other in boxes[index + 1 :])
    assert timeline_svg(made.REPORTS[name]) == timeline_svg(made.REPORTS[name])


def test_the_blocks_of_a_task_stand_in_lanes_of_their_own(drawn):
    blocks = (BlockRun(worker=0, start=0, end=50), BlockRun(worker=1, start=0, end=25))
    runs = (TaskRun(worker=0, submit=0, start=0, end=50, blocks=blocks), run(2, 0, 50, 100))
    report = RunReport(entry="f", target="cpu", mode="device", simulated=Simulated(makespan=100, tasks=runs))
    root, _, _ = drawn.read(timeline_svg(report))
    found = bars(root)
    assert [said.split(", submitted")[0] for _, said in found] == [
        "task 0: task 0, worker 0", "task 0: task 0, worker 1", "task 1: task 1, worker 2",
    ]  # fmt: skip
    one, two, three = (drawn.rectangle(each) for each, _ in found)
    assert one[1] < two[1] < three[1]
    assert two[2] - two[0] == pytest.approx((one[2] - one[0]) / 2, abs=0.2)


def test_a_task_stands_in_the_lane_of_its_worker_at_its_time(drawn):
    runs = (run(0, 0, 0, 50), run(1, 0, 25, 75), run(0, 10, 50, 100))
    report = RunReport(
        entry="f", target="cpu", mode="device", simulated=Simulated(makespan=100, tasks=runs)
    )
    root, _, _ = drawn.read(timeline_svg(report))
    (one, first), (two, _), (three, _) = bars(root)
    boxes = [drawn.rectangle(each) for each in (one, two, three)]
    width = boxes[0][2] - boxes[0][0]
    assert boxes[1][2] - boxes[1][0] == pytest.approx(width, abs=0.2)
    assert boxes[1][0] - boxes[0][0] == pytest.approx(width / 2, abs=0.2)
    assert boxes[2][0] == pytest.approx(boxes[0][2], abs=0.2)
    assert boxes[0][1] == boxes[2][1] < boxes[1][1]
    assert first == "task 0: task 0, worker 0, submitted 0 cycles, from 0 cycles to 50 cycles"
    lanes = {"".join(each.itertext()): float(each.get("y")) for each in root.iter(f"{SVG}text")}
    assert boxes[0][1] < lanes["worker 0"] < boxes[0][3]
    assert boxes[1][1] < lanes["worker 1"] < boxes[1][3]


def test_a_panel_begins_with_the_first_submission(drawn):
    statistics = TaskStatistics(
        tasks=2, workers=1, window_high_water=1, window_stalls=0,
        runs=(run(0, 9_000, 9_000, 10_000), run(0, 9_500, 10_000, 11_000)),
    )  # fmt: skip
    root, _, _ = drawn.read(
        timeline_svg(RunReport(entry="f", target="cpu", mode="device", tasks=statistics))
    )
    one, two = (drawn.rectangle(each) for each, _ in bars(root))
    assert "real time: 2 tasks in 2 us, from 9 us after the start on" in texts(root)
    assert two[2] - two[0] == pytest.approx((two[2] - one[0]) / 2, abs=0.2)


def test_both_clocks_are_drawn_with_every_task(made, drawn):
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["random"]))
    said = [text.split(":")[0] for _, text in bars(root)]
    assert said == [f"task {index}" for index in range(200)] * 2
    assert not any("not measured" in text for text in texts(root))


def test_what_was_not_measured_is_named(made, drawn):
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["wall"]))
    assert texts(root) == ["tasks in real time: not measured", "tasks in simulated time: not measured"]
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["processes"]))
    assert "processes in real time: not measured" in texts(root)
    assert not any("in simulated time: not measured" in each for each in texts(root))


def test_of_many_tasks_lanes_show_when_workers_were_busy(made, drawn):
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["grouped"]))
    assert bars(root) == []
    assert sum("too many to tell apart" in text for text in texts(root)) == 2
    assert len(list(root.iter(f"{SVG}rect"))) > 7


def test_a_lane_without_a_task_is_empty(drawn):
    statistics = TaskStatistics(
        tasks=1, workers=3, window_high_water=1, window_stalls=0, runs=(run(1, 0, 5, 1500),)
    )
    report = RunReport(entry="f", target="cpu", mode="device", tasks=statistics)
    root, _, _ = drawn.read(timeline_svg(report))
    assert {"worker 0", "worker 1", "worker 2"} <= set(texts(root))
    assert "real time: 1 task in 1.5 us" in texts(root)


def test_processes_show_what_they_did_in_all(made, drawn):
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["processes"]))
    titles = [each.text for each in root.iter(f"{SVG}title")]
    assert "producer: busy 40 cycles" in titles
    assert "producer: waiting for room 20 cycles" in titles
    assert any(re.fullmatch(r"<b>.*: waiting for input 50 cycles", each) for each in titles)
    assert "producer: waiting for input 0 cycles" not in titles
    assert "high water 2" in texts(root)
    assert "high water 0" in texts(root)


def test_a_process_is_shown_at_its_times(made, drawn):
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["network"]))
    found = {each.find(f"{SVG}title").text: drawn.rectangle(each) for each in root.iter(f"{SVG}rect") if len(each)}
    assert list(found) == [
        "prod: working, from 0 to 1 cycles",
        "prod: working, from 1 to 2 cycles",
        "prod: working, from 2 to 3 cycles",
        "prod: waiting for room in q, from 3 to 4 cycles",
        "prod: working, from 4 to 14 cycles",
        "cons: waiting for a token of q, from 0 to 1 cycles",
        "cons: working, from 1 to 4 cycles",
        "cons: working, from 4 to 7 cycles",
        "cons: working, from 7 to 10 cycles",
        "cons: waiting for the end of q, from 10 to 14 cycles",
    ]
    left, _, right, _ = found["prod: working, from 4 to 14 cycles"]
    cycle = (right - left) / 10
    start = left - 4 * cycle
    for said, (x, _, end, _) in found.items():
        first, last = map(int, re.search(r"from (\d+) to (\d+)", said).groups())
        assert (x, end) == pytest.approx((start + first * cycle, start + last * cycle), abs=0.2)
    assert "simulated time: 2 processes in 14 cycles" in texts(root)


def test_tokens_lead_from_lane_to_lane(made, drawn):
    root, _, _ = drawn.read(timeline_svg(made.REPORTS["network"]))
    tokens = {each.find(f"{SVG}title").text: drawn.points(each) for each in root.iter(f"{SVG}path") if len(each)}
    assert list(tokens) == [
        "q: token 0, accepted at 1 and taken at 1 cycles",
        "q: token 1, accepted at 2 and taken at 4 cycles",
        "q: token 2, accepted at 4 and taken at 7 cycles",
    ]
    found = {each.find(f"{SVG}title").text: drawn.rectangle(each) for each in root.iter(f"{SVG}rect") if len(each)}
    upper, lower = found["prod: working, from 1 to 2 cycles"], found["cons: working, from 4 to 7 cycles"]
    start, end = tokens["q: token 1, accepted at 2 and taken at 4 cycles"]
    assert start == pytest.approx((upper[2], upper[3]), abs=0.2)
    assert end == pytest.approx((lower[0], lower[1]), abs=0.2)


def test_of_processes_that_did_very_much_it_is_shown_what_they_did_mostly(drawn):
    # It waits 9 of every 10 cycles in the first half, and not at all in the second one.
    waits = tuple(Wait(start=10 * k, end=10 * k + 9, channel="q", why="empty") for k in range(2400))
    process = ProcessRun(end=48_000, busy=26_400, stall_in=21_600, stall_out=0, waits=waits)
    found = Simulated(makespan=48_000, processes={"p": process})
    root, _, _ = drawn.read(timeline_svg(RunReport(entry="f", target="cpu", mode="sim", simulated=found)))
    assert "simulated time: 1 process in 48000 cycles; what each did most of the time" in texts(root)
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("height") == "18"]
    assert [each.get("class") for each in bars] == ["v-k1", "v-k2"]
    assert [each.get("width") for each in bars] == ["440", "440"]


def test_the_window_is_left_in_program_order():
    # W14: window 2, two workers, round robin, costs 5 1 1 1 5 1 1 1.
    starts, ends, submits = [0, 0, 5, 5, 6, 6, 11, 11], [5, 1, 6, 6, 11, 7, 12, 12], [0, 0, 5, 5, 6, 6, 11, 11]
    runs = [run(index % 2, submits[index], starts[index], ends[index]) for index in range(8)]
    assert occupancy(runs) == ((0, 2), (12, 0))


def test_a_channel_holds_what_was_accepted_and_not_yet_taken():
    channel = ChannelRun(
        capacity=2, sends=3, receives=2, high_water=2, stall_full=0, stall_empty=0, accepts=(1, 2, 9), dequeues=(5, 9)
    )
    assert filling(channel) == ((1, 1), (2, 2), (5, 1))


@pytest.mark.parametrize("end", [0, 1, 2, 3, 7, 99, 100, 101, 12345, 10**9, 10**12 + 1])
def test_an_axis_has_few_round_ticks(end):
    found = ticks(end, 6)
    assert found[0] == 0
    assert found[-1] <= end
    assert len(found) <= 7
    steps = {later - earlier for earlier, later in pairwise(found)}
    assert len(steps) <= 1
    assert all(str(step).rstrip("0") in ("1", "2", "5") for step in steps)
    if end >= 3:
        assert len(found) >= 3


def test_a_task_that_takes_no_time_is_seen_and_stays_within_the_lane(drawn):
    runs = (run(0, 0, 0, 100), run(1, 0, 100, 100))
    report = RunReport(entry="f", target="cpu", mode="device", simulated=Simulated(makespan=100, tasks=runs))
    root, _, _ = drawn.read(timeline_svg(report))
    long, none = (drawn.rectangle(each) for each, _ in bars(root))
    assert none[2] - none[0] == 1
    assert none[2] <= long[2]


def test_what_a_process_did_begins_where_it_was_started_and_ends_where_one_looks_no_longer():
    wait = Wait(start=4, end=8, channel="q", why="empty")
    run = ProcessRun(end=10, busy=3, stall_in=4, stall_out=0, waits=(wait,))
    waiting = Span(4, 8, "empty", "q")
    assert spans_of(run, [9, 8]) == (Span(3, 4), waiting, Span(8, 9), Span(9, 10))
    assert spans_of(run, [9, 8], until=8) == (Span(3, 4), waiting)
    assert spans_of(run) == (Span(3, 4), waiting, Span(8, 10))
    assert spans_of(ProcessRun(end=10, busy=3, stall_in=7, stall_out=0)) == ()


def test_units_of_a_kernel_have_lanes_of_their_own(drawn):
    units = (
        UnitRun(unit="load", works=(UnitWork(start=0, end=40, name="a"), UnitWork(start=40, end=50, name="b"))),
        UnitRun(unit="add", works=(UnitWork(start=40, end=100, name="c"),)),
    )
    found = KernelRun(kernel="k", task=0, cycles=100, assumed=11, units=units)
    simulated = Simulated(makespan=100, tasks=(run(0, 0, 0, 100),), workers=("core 7",), kernels=(found,))
    root, width, height = drawn.read(
        timeline_svg(RunReport(entry="f", target="cpu", mode="sim", simulated=simulated))
    )
    drawn.check_within(root, width, height)
    said = texts(root)
    assert {"core 7", "load 50%", "add 60%"} <= set(said)
    assert "inside k, task 0: 100 cycles; 10% of its work rests on assumed figures" in said
    works = {
        each.find(f"{SVG}title").text: drawn.rectangle(each)
        for each in root.iter(f"{SVG}rect")
        if each.find(f"{SVG}title") is not None and each.find(f"{SVG}title").text[:2] in ("a,", "b,", "c,")
    }
    first, second, third = (works[name] for name in sorted(works))
    assert second[0] == pytest.approx(first[2], abs=0.2)
    assert third[0] == pytest.approx(second[0], abs=0.2)
    assert first[1] == second[1] < third[1]


def test_of_very_many_works_those_of_one_pixel_are_one_box(drawn):
    works = tuple(UnitWork(start=each, end=each + 1, name="w") for each in range(20_000))
    found = KernelRun(kernel="k", task=0, cycles=20_000, units=(UnitRun(unit="u", works=works),))
    simulated = Simulated(makespan=1, tasks=(run(0, 0, 0, 1),), kernels=(found,))
    drawn_text = timeline_svg(RunReport(entry="f", target="cpu", mode="sim", simulated=simulated))
    assert drawn_text.count("<rect") < 2000


def test_all_networks_of_a_run_are_drawn(made, drawn):
    last = made.REPORTS["network"].simulated
    first = NetworkRun(start=2, makespan=3, processes={"lonely": ProcessRun(end=3, busy=3, stall_in=0, stall_out=0)})
    several = structs.replace(last, networks=2, start=7, makespan=21, earlier=(first,))
    found = texts(drawn.read(timeline_svg(structs.replace(made.REPORTS["network"], simulated=several)))[0])
    assert "processes, network 1 of 2, from cycle 2 on: how long each was busy and waited in all, not when" in found
    assert "simulated time, network 2 of 2, from cycle 7 on: 2 processes in 14 cycles" in found
    assert {"lonely", "prod", "cons"} <= set(found)


def test_of_very_many_networks_the_first_are_drawn(made, drawn):
    run = NetworkRun(start=0, makespan=3, processes={"p": ProcessRun(end=3, busy=3, stall_in=0, stall_out=0)})
    report = RunReport(
        entry="f", target="cpu", mode="sim", simulated=Simulated(makespan=90, networks=30, earlier=(run,) * 30)
    )
    found = texts(drawn.read(timeline_svg(report))[0])
    assert found.count("p") == 20
    assert "10 further networks are not drawn" in found
