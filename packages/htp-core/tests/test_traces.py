"""Chrome traces: every event is of the format, spans are where the tasks were, arrows have both ends."""

import json

import pytest

from htp.runs import BlockRun, ChannelRun, NetworkRun, ProcessRun, RunReport, Simulated, TaskRun
from htp.views import chrome_trace, traces

NAMES = (
    "empty", "one", "two", "chain", "diamond", "independent", "random", "odd", "grouped", "nothing", "wall",
    "processes", "network",
)  # fmt: skip
FIELDS = {
    "X": {"name", "ph", "pid", "tid", "ts", "dur", "cat", "args"},
    "M": {"name", "ph", "pid", "tid", "ts", "args"},
    "C": {"name", "ph", "pid", "tid", "ts", "args"},
    "s": {"name", "ph", "pid", "tid", "ts", "id", "cat"},
    "f": {"name", "ph", "pid", "tid", "ts", "id", "cat", "bp"},
}
"""Which fields an event may have, after the format's description."""


def events(report, **options):
    trace = json.loads(chrome_trace(report, **options))
    assert set(trace) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert trace["displayTimeUnit"] in ("ms", "ns")
    return trace["traceEvents"]


def of(found, phase, pid=None):
    return [each for each in found if each["ph"] == phase and pid in (None, each["pid"])]


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_of_the_format(made, name):
    found = events(made.REPORTS[name], passes={"01-a": 0.01, "02-b": 0.0})
    for each in found:
        assert set(each) <= FIELDS[each["ph"]]
        assert {"name", "pid", "tid", "ts"} <= set(each)
        assert isinstance(each["name"], str)
        assert each["name"]
        assert type(each["pid"]) is type(each["tid"]) is int
        assert each["ts"] >= 0
        assert each["ph"] != "X" or each["dur"] >= 0
        assert each["ph"] != "C" or all(value >= 0 for value in each["args"].values())
        assert each["ph"] != "f" or each["bp"] == "e"
    named = {each["pid"] for each in found if each["name"] == "process_name"}
    assert named == {each["pid"] for each in found}
    assert chrome_trace(made.REPORTS[name]) == chrome_trace(made.REPORTS[name])


@pytest.mark.parametrize("name", ["two", "chain", "diamond", "random"])
def test_arrows_leave_within_a_task_and_arrive_at_the_start_of_another(made, name):
    found = events(made.REPORTS[name])
    starts = {each["id"]: each for each in of(found, "s")}
    ends = {each["id"]: each for each in of(found, "f")}
    assert len(starts) == len(of(found, "s")) == len(of(found, "f"))
    assert starts.keys() == ends.keys()
    assert starts
    spans = of(found, "X")
    for each, end in ((start, ends[number]) for number, start in starts.items()):
        assert (each["pid"], each["name"], each["cat"]) == (end["pid"], end["name"], end["cat"])
        assert each["ts"] <= end["ts"]
        assert any(span["pid"] == each["pid"] and span["tid"] == each["tid"]
                   and span["ts"] <= each["ts"] < span["ts"] + span["dur"] for span in spans)  # fmt: skip
        assert any((span["pid"], span["tid"], span["ts"]) == (end["pid"], end["tid"], end["ts"]) for span in spans)


def test_a_small_run_is_told_exactly(made):
    runs = (TaskRun(worker=0, submit=0, start=1, end=6), TaskRun(worker=1, submit=2, start=6, end=9))
    report = RunReport(
        entry="f", target="cpu", mode="sim", graph=made.GRAPHS["two"], simulated=Simulated(makespan=9, tasks=runs)
    )
    found = events(report)
    assert of(found, "X") == [
        {"ph": "X", "name": "produce (0)", "pid": 2, "tid": 1, "ts": 1, "dur": 5, "cat": "task",
         "args": {"task": 0, "submitted": 0}},
        {"ph": "X", "name": "consume (0)", "pid": 2, "tid": 2, "ts": 6, "dur": 3, "cat": "task",
         "args": {"task": 1, "submitted": 2}},
    ]  # fmt: skip
    (start,), (end,) = of(found, "s"), of(found, "f")
    assert (start["tid"], start["ts"], end["tid"], end["ts"], start["name"]) == (1, 5, 2, 6, "RAW")
    window = [(each["ts"], each["args"]["tasks"]) for each in of(found, "C")]
    assert window == [(0, 1), (2, 2), (6, 1), (9, 0)]


def test_every_block_of_a_task_is_told(made):
    blocks = (BlockRun(worker=0, start=1, end=6), BlockRun(worker=1, start=1, end=4))
    runs = (TaskRun(worker=0, submit=0, start=1, end=6, blocks=blocks), TaskRun(worker=1, submit=2, start=6, end=9))
    report = RunReport(
        entry="f", target="cpu", mode="sim", graph=made.GRAPHS["two"], simulated=Simulated(makespan=9, tasks=runs)
    )
    spans = of(events(report), "X")
    assert [(each["name"], each["tid"], each["dur"], each["args"].get("block")) for each in spans] == [
        ("produce (0)", 1, 5, 0), ("produce (0)", 2, 3, 1), ("consume (0)", 2, 3, None),
    ]  # fmt: skip


def test_real_time_is_in_nanoseconds_and_cycles_are_shown_as_microseconds(made):
    report = made.REPORTS["two"]
    found = events(report)
    real, simulated = of(found, "X", 1), of(found, "X", 2)
    assert [each["ts"] for each in real] == [pytest.approx(run.start / 1000) for run in report.tasks.runs]
    assert [each["ts"] for each in simulated] == [run.start for run in report.simulated.tasks]
    lanes = [each["args"]["name"] for each in found if each["name"] == "thread_name" and each["pid"] == 1]
    assert lanes == ["worker 0", "worker 1", "worker 2"]


def test_steps_of_compilation_follow_each_other(made):
    found = of(events(made.REPORTS["nothing"], passes={"01-a": 0.5, "02-b": 0.25}), "X")
    spans = [(each["name"], each["ts"], each["dur"]) for each in found]
    assert spans == [("01-a", 0, 500000), ("02-b", 500000, 250000)]


def test_nothing_is_made_up(made):
    assert events(made.REPORTS["nothing"]) == []
    (wall,) = of(events(made.REPORTS["wall"]), "X")
    assert (wall["name"], wall["ts"], wall["dur"]) == ("f", 0, 500000)
    assert of(events(made.REPORTS["wall"]), "s") == []


def test_of_very_many_dependences_it_is_said_how_many_are_not_drawn(made):
    tasks = made.graph([made.node("k", i) for i in range(21_000)], [made.edge(i, i + 1) for i in range(20_999)])
    report = made.report(tasks)
    trace = json.loads(chrome_trace(report))
    assert trace["otherData"]["dependences"] == "999 are not drawn"
    assert len(of(trace["traceEvents"], "s", 1)) == 20_000
    assert "dependences" not in json.loads(chrome_trace(made.REPORTS["random"]))["otherData"]


def test_processes_and_channels(made):
    found = events(made.REPORTS["processes"])
    spans = {each["name"]: each for each in of(found, "X")}
    assert spans["producer"]["dur"] == 60
    assert spans["producer"]["args"] == {"busy": 40, "stall_in": 0, "stall_out": 20}
    counts = [(each["ts"], each["args"]["items"]) for each in of(found, "C") if each["name"] == "channel q"]
    assert counts == [(0, 1), (10, 2), (15, 1), (20, 2), (25, 1), (30, 2), (40, 1), (90, 0)]


def test_a_process_is_told_exactly_and_tokens_are_arrows(made):
    found = events(made.REPORTS["network"])
    spans = [(each["tid"], each["name"], each["ts"], each["dur"], each["cat"]) for each in of(found, "X", 2)]
    assert spans == [
        (1, "prod", 0, 1, "process"),
        (1, "prod", 1, 1, "process"),
        (1, "prod", 2, 1, "process"),
        (1, "waiting for room in q", 3, 1, "wait"),
        (1, "prod", 4, 10, "process"),
        (2, "waiting for a token of q", 0, 1, "wait"),
        (2, "cons", 1, 3, "process"),
        (2, "cons", 4, 3, "process"),
        (2, "cons", 7, 3, "process"),
        (2, "waiting for the end of q", 10, 4, "wait"),
    ]
    starts, ends = of(found, "s"), of(found, "f")
    # Accepted at 1, 2 and 4, just before which the sender still does what led to it; taken at 1, 4 and 7.
    assert [(each["tid"], each["ts"], each["name"]) for each in starts] == [(1, 0, "q"), (1, 1, "q"), (1, 3, "q")]
    assert [(each["tid"], each["ts"], each["bp"]) for each in ends] == [(2, 1, "e"), (2, 4, "e"), (2, 7, "e")]
    assert [each["id"] for each in starts] == [each["id"] for each in ends]
    assert len({each["id"] for each in starts}) == 3
    lanes = [each["args"]["name"] for each in found if each["name"] == "thread_name" and each["pid"] == 2]
    assert lanes == ["process prod", "process cons"]
    assert "processes" not in json.loads(chrome_trace(made.REPORTS["network"]))["otherData"]


def test_of_very_long_runs_only_the_beginning_is_drawn_and_it_says_so(made, monkeypatch):
    # Something is done at 1 1 1 2 4 4 4 7 14 in all.
    monkeypatch.setattr(traces, "_SPANS", 4)
    trace = json.loads(chrome_trace(made.REPORTS["network"]))
    assert trace["otherData"]["processes"] == "what they do from cycle 4 on is not drawn"
    found = trace["traceEvents"]
    assert [each["ts"] for each in of(found, "X", 2)] == [0, 1, 2, 3, 0, 1]
    assert [each["ts"] for each in of(found, "f")] == [1]
    assert max(each["ts"] for each in of(found, "C")) < 4


def test_of_very_many_tokens_the_first_are_drawn_and_it_says_so(made, monkeypatch):
    monkeypatch.setattr(traces, "_ARROWS", 2)
    trace = json.loads(chrome_trace(made.REPORTS["network"]))
    assert trace["otherData"]["tokens"] == "at least 1 are not drawn"
    assert [each["ts"] for each in of(trace["traceEvents"], "f")] == [1, 4]


def test_all_networks_of_a_run_are_drawn_on_one_clock():
    def ran(end, at):
        process = ProcessRun(end=end, busy=end, stall_in=0, stall_out=0, waits=())
        channel = ChannelRun(
            capacity=1, sends=1, receives=1, high_water=1, stall_full=0, stall_empty=0,
            accepts=(at,), dequeues=(at,), sender="p", receiver="q",
        )  # fmt: skip
        return {"processes": {"p": process, "q": process}, "channels": {"c": channel}}

    first = NetworkRun(start=2, makespan=5, **ran(5, 3))
    simulated = Simulated(makespan=20, networks=2, start=10, earlier=(first,), **ran(7, 4))
    report = RunReport(entry="f", target="cpu", mode="sim", simulated=simulated)
    events = json.loads(chrome_trace(report))["traceEvents"]
    assert [each["args"]["name"] for each in events if each["name"] == "thread_name"] == ["process p", "process q"]
    spans = [(each["ts"], each["dur"]) for each in of(events, "X") if each["tid"] == 1]
    assert spans == [(2, 3), (5, 2), (10, 4), (14, 3)]
    assert [each["ts"] for each in of(events, "f")] == [5, 14]
    assert len({each["id"] for each in of(events, "s")}) == 2
