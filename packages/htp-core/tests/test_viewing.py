"""`htp report` and `htp trace`: what they write, what they answer, and what they do where a package cannot run."""

import json
from pathlib import Path

import pytest

import htp
from htp import In, Out, Recv, Scalar, Send, Tensor, cli, f32, i32, kernel, routine, tile
from htp.session import use_session
from htp.streams import advance, channel, close_network, open_network, send

RUN = 'return RunReport(entry=self.package.manifest.entry, target="echo", mode=self.mode)'
TRACED = """from htp.runs import Simulated, TaskEdge, TaskGraph, TaskNode, TaskRun
        nodes = (TaskNode(kernel="first"), TaskNode(kernel="second"))
        runs = (TaskRun(worker=0, submit=0, start=0, end=3), TaskRun(worker=1, submit=0, start=3, end=4))
        return RunReport(
            entry=self.package.manifest.entry, target="echo", mode=self.mode,
            graph=TaskGraph(tasks=nodes, edges=(TaskEdge(source=0, target=1, kind="RAW"),)),
            simulated=Simulated(makespan=4, tasks=runs) if trace else None,
        )"""


@kernel
def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """Twice the exponential."""
    y[:] = tile.exp(x[:]) * 2.0


WITH_NETWORKS = ('DialectUse("host"), ', 'DialectUse("host"), DialectUse("streams"), ')


@kernel
def whole_streams(n: Scalar[i32], low: Send[Scalar[i32]], high: Send[Scalar[i32]]) -> None:
    for k in range(n):
        send(low, k)
    for k in range(n):
        send(high, k)


@kernel
def in_pairs(low: Recv[Scalar[i32]], high: Recv[Scalar[i32]], y: Out[Tensor[i32, "N"]]) -> None:
    y[:] = 0
    while advance(low):
        advance(high)


@routine
def stuck(y: Out[Tensor[i32, "N"]]) -> None:
    open_network()
    low = channel(i32, (), capacity=2)
    high = channel(i32, (), capacity=2)
    whole_streams(9, low, high)
    in_pairs(low, high, y)
    close_network()


@pytest.fixture
def compiled(echo, tmp_path, monkeypatch):
    """Compiles with the echo backend, altered, in whose session the test goes on; the folder's name is `pkg`."""
    monkeypatch.chdir(tmp_path)
    sessions = []

    def make(old="", new="", entry=double):
        session = use_session(echo(old, new))
        session.__enter__()
        sessions.append(session)
        htp.compile_program(entry, target="echo", out="pkg")

    yield make
    for session in sessions:
        session.__exit__(None, None, None)


def call(capsys, *words):
    exit = cli.main([*words, "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["exit"], report["ok"]) == (exit, exit == 0)
    return exit, report


def test_a_report_is_written_beside_the_package(compiled, capsys):
    compiled(RUN, TRACED)
    exit, report = call(capsys, "report", "pkg", "--dims", "N=5", "--seed", "3")
    assert exit == 0
    assert report["files"] == [{"kind": "report", "path": "pkg.html"}]
    assert report["result"] == {"page": "pkg.html", "ran": True, "refused": None, "figures": []}
    assert report["inputs"][0]["path"] == "pkg"
    assert [each["argv"] for each in report["next"]] == [["htp", "trace", "pkg"]]
    page = Path("pkg.html").read_text(encoding="utf-8")
    assert "One call on inputs of seed 3." in page
    assert "y f32 (5) sha256:" in page
    assert "task 1: second" in page
    assert '<span class="tag good">agrees</span>' in page
    assert "simulated time: 2 tasks in 4 cycles" in page
    assert call(capsys, "verify", "pkg", "--level", "0")[0] == 0


def test_a_trace_is_written_where_it_is_wanted(compiled, capsys):
    compiled(RUN, TRACED)
    exit, report = call(capsys, "trace", "pkg", "-o", "t.json")
    assert exit == 0
    assert report["files"] == [{"kind": "trace", "path": "t.json"}]
    assert report["result"] == {
        "simulated_tasks": 2, "tasks": 0, "trace": "t.json", "processes": 0, "left_out": {}
    }
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    steps = [each.id for each in htp.artifact.open_package("pkg").plan.steps]
    assert [each["name"] for each in events if each["ph"] == "X"] == ["first", "second", *steps]
    assert sum(each["ph"] == "f" for each in events) == 1


@pytest.mark.parametrize("verb", ["run", "report", "trace"])
def test_what_a_run_warns_of_is_said(compiled, capsys, verb):
    odd = 'Diagnostic(code="run.odd", severity="warning", message="odd")'
    warned = RUN.replace("entry=", f"diagnostics=({odd},), entry=")
    compiled(RUN, f"from htp.diagnostics import Diagnostic\n        {warned}")
    exit, report = call(capsys, verb, "pkg")
    assert (exit, [(each["code"], each["severity"]) for each in report["diagnostics"]]) == (0, [("run.odd", "warning")])
    assert cli.main([verb, "pkg"]) == 0
    assert "warning[run.odd]: odd" in capsys.readouterr().err


def test_a_run_without_tasks_says_so(compiled, capsys):
    compiled()
    assert cli.main(["trace", "pkg"]) == 0
    assert capsys.readouterr().out.startswith("pkg.trace.json: no task was measured; open it in https://ui.perfetto.dev")
    assert Path("pkg.trace.json").is_file()


def test_inputs_of_a_file_are_used(compiled, capsys):
    import numpy as np

    compiled()
    np.savez("x.npz", x=np.zeros(7, np.float32))
    exit, _ = call(capsys, "report", "pkg", "--inputs", "x.npz", "-o", "page.html")
    assert exit == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "the inputs of x.npz" in page
    assert "y f32 (7) sha256:" in page


def test_a_run_that_differs_from_the_first_stage_ends_with_no(compiled, capsys):
    compiled("        self.entry(*args, **kwargs)\n", "        self.entry(*args, **kwargs)\n        args[1][:] += 1\n")
    exit, report = call(capsys, "report", "pkg")
    assert exit == 1
    assert report["next"][0]["argv"] == ["htp", "verify", "pkg"]
    assert '<span class="tag bad">differs</span>' in Path("pkg.html").read_text(encoding="utf-8")


NOT_HERE = ("return None if mode", 'return "no interpreter" if mode')


def test_where_a_package_cannot_run_its_report_is_written_without_a_run(compiled, capsys):
    compiled(*NOT_HERE)
    exit, report = call(capsys, "report", "pkg")
    assert exit == 0
    refused = "bind.mode-unavailable"
    assert report["result"] == {"page": "pkg.html", "ran": False, "refused": refused, "figures": []}
    assert "error[bind.mode-unavailable]" in Path("pkg.html").read_text(encoding="utf-8")
    exit, report = call(capsys, "trace", "pkg")
    assert exit == 4
    assert report["diagnostics"][0]["code"] == "bind.mode-unavailable"
    assert not Path("pkg.trace.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "exit"),
    [
        (("report", "pkg", "-o", "missing/page.html"), "cli.cannot-write", 2),
        (("trace", "pkg", "-o", "pkg/trace.json"), "cli.cannot-write", 2),
        (("report", "nothing"), "artifact.missing", 2),
        (("report", "pkg", "--inputs", "none.npz"), "replay.bad-arrays", 3),
        (("report", "pkg", "--seed", "x"), "cli.usage", 2),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else None,
)
def test_what_cannot_be_done_has_a_code(compiled, capsys, words, code, exit):
    compiled()
    found, report = call(capsys, *words)
    assert (found, report["diagnostics"][0]["code"]) == (exit, code)
    assert report["files"] == []
    assert not Path("pkg.html").exists()


def test_a_binding_that_reports_nothing_is_named(compiled, capsys):
    compiled(RUN, "return None")
    exit, report = call(capsys, "run", "pkg")
    assert exit == 3
    (found,) = report["diagnostics"]
    assert (found["code"], found["message"]) == (
        "plugin.bad-item", "running pkg/ answered with a NoneType, not a `RunReport`",
    )  # fmt: skip


def test_a_deadlock_is_answered_with_its_report_and_drawn(compiled, capsys):
    compiled(*WITH_NETWORKS, entry=stuck)
    exit, run = call(capsys, "run", "pkg")
    assert exit == 3
    (found,) = run["diagnostics"]
    assert found["code"] == "csp.deadlock"
    told = run["result"]["deadlock"]
    assert (told["kind"], told["cycle"], told["raise_channel"]) == ("artificial", ["whole_streams", "in_pairs"], "low")
    assert [(each["process"], each["operation"], each["channels"]) for each in told["blocked"]] == [
        ("whole_streams", "send", ["low"]), ("in_pairs", "recv", ["high"])
    ]
    exit, page = call(capsys, "report", "pkg")
    assert exit == 3
    assert page["files"] == [{"kind": "report", "path": "pkg.html"}]
    result = {"page": "pkg.html", "ran": True, "refused": "csp.deadlock", "deadlock": told, "figures": []}
    assert page["result"] == result
    text = Path("pkg.html").read_text(encoding="utf-8")
    assert "full 2/2: whole_streams waits" in text
    assert call(capsys, "trace", "pkg")[1]["result"] == {"deadlock": told}


def test_a_deadlock_is_said_in_full(compiled, capsys):
    compiled(*WITH_NETWORKS, entry=stuck)
    assert cli.main(["run", "pkg"]) == 3
    said = capsys.readouterr().err
    assert "csp.deadlock[artificial] at t=0: 2 blocked\n  whole_streams @t=0: send on low (full 2/2)" in said
    assert "  hint: raise capacity of low\n" in said
