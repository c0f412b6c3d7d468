"""The page of a package: everything is told, what is missing says so, and nothing is needed from elsewhere."""

import re
from html.parser import HTMLParser

import pytest
from msgspec import structs

import htp
from htp import In, Out, Tensor, f32, kernel, tile
from htp.artifact import Manifest, publish_package
from htp.artifact.manifest import DirectiveOutcome, StageRecord
from htp.deadlocks import Deadlock
from htp.diagnostics import Refused, Span
from htp.runs import NetworkRun, ProcessRun
from htp.views.differences import lines_of, rows_of, said, side_by_side
from htp.views.pages import Ran, package_page

VOID = {"meta", "col", "br", "link", "img", "input", "hr"}
DIRECTIVES = (
    DirectiveOutcome(directive="dispatch", outcome="enforced", by="cpu", span=Span(file="gemm.py", line=30)),
    DirectiveOutcome(directive="tile", outcome="lowered", by="wsp.schedule"),
    DirectiveOutcome(directive="bind", outcome="static", by="cpu"),
    DirectiveOutcome(directive="prefer.<b>", outcome="ignored", by="cpu", reason="a & b"),
)


class Reader(HTMLParser):
    """Text by element; checks that elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.attributes = [], {}, []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for each in self.open:
            self.found.setdefault(each, []).append(data)

    def text(self, tag="body"):
        return "".join(self.found.get(tag, []))


STAGES = ("capture", "inline", "loops")
TEXTS = (
    'x: "a"\nfor i in P(8):  # user.py:3\n    f(i)\n',
    'x: "a"\nfor i in P(8):  # user.py:4\n    f(i)\n',
    'x: "a"\nfor i in range(8):   # user.py:3\n    f(i)\n    g(i) < 2\n',
)
PLAN = b"""{"schema": "htp.plan/1", "target": "cpu", "goal": ["Loops()"],
 "steps": [{"id": "01-inline", "pass": "inline", "because": ["Inlined()"], "provider": "htp-core 1", "version": ""},
           {"id": "02-loops", "pass": "loops", "because": [], "provider": "htp-core 1", "version": ""}],
 "rejected": [{"pass": "other", "reason": "it is <slower>"}]}"""
TRACE = b'{"step": "01-inline", "pass": "inline", "changed": false}\n{"step": "02-loops", "pass": "loops"}\n'


NETWORK = """from htp import *


@kernel
def prod(out: Send[Scalar[i32]]) -> None:
    send(out, 1)


@kernel
def cons(inp: Recv[Scalar[i32]]) -> None:
    while advance(inp):
        work(3)


@routine
def pair() -> None:
    open_network()
    q = channel(i32, (), capacity=1)  # user.py:9
    prod(q)
    cons(q)
    close_network()
"""


@pytest.fixture
def package(tmp_path):
    return publish(tmp_path, TEXTS)


def publish(tmp_path, texts):
    files, stages = {"plan.json": PLAN, "ir/pass_trace.jsonl": TRACE}, []
    for number, (name, text) in enumerate(zip(STAGES, texts, strict=True)):
        identifier = f"{number:02}-{name}"
        folder = f"ir/stages/{identifier}"
        head = f"# {identifier} of `gemm`: python program.py --seed 1\n\n"
        files |= {f"{folder}/program.py": (head + text).encode(), f"{folder}/state.json": b"{}\n"}
        paths = {"program": f"{folder}/program.py", "state": f"{folder}/state.json"}
        stages.append(StageRecord(id=identifier, pass_=name, folder=folder, **paths))
    manifest = Manifest(entry="gemm", target="cpu", stages=tuple(stages), directives=DIRECTIVES)
    return publish_package(tmp_path / "pkg", files, manifest)


def ran(report):
    comparisons = (("y", True, "equal"), ("z", False, "max abs err 3 < 4"))
    return Ran("inputs of seed 1", ("y f32 (3, 4) sha256:00",), comparisons, report)


@pytest.mark.parametrize("name", ["empty", "diamond", "odd", "random", "grouped", "nothing", "processes", "network"])
def test_the_page_is_whole_and_needs_nothing_from_elsewhere(made, package, name):
    page = package_page(package, ran(made.REPORTS[name]), seconds={})
    read = Reader(page)
    outside = {"src", "href", "data", "action", "srcset", "poster"}
    links = [value for _, attribute, value in read.attributes if attribute in outside]
    assert links
    assert all(each.startswith("#") for each in links)
    anchors = {value for _, attribute, value in read.attributes if attribute == "id"}
    assert {each[1:] for each in links} <= anchors
    assert not re.search(r"url\(|@import|<script", page)
    assert page == package_page(package, ran(made.REPORTS[name]), seconds={})


def test_the_program_its_plan_and_its_reasons_are_told(made, package):
    text = Reader(package_page(package, ran(made.REPORTS["two"]), seconds={"01-inline": 0.25})).text()
    assert "for i in P(8):" in text
    for each in ("The target wants: Loops().", "Inlined()", "it was asked for", "htp-core 1", "250.0 ms"):
        assert each in text
    for each in ("changed nothing", "changed the program", "not measured", "it is <slower>"):
        assert each in text


def test_every_directive_has_its_outcome(made, package):
    page = package_page(package, ran(made.REPORTS["two"]), seconds={})
    text = Reader(page).text("td")
    assert "1 enforced, 1 ignored, 1 lowered, 1 static." in Reader(page).text()
    for each in ("dispatch", "gemm.py:30:1", "wsp.schedule", "prefer.<b>", "a & b"):
        assert each in text
    for each in ("enforced", "lowered", "static", "ignored"):
        assert f'<span class="tag {each}">{each}</span>' in page


def test_stages_are_beside_each_other_with_changes_marked(made, package):
    page = package_page(package, ran(made.REPORTS["two"]), seconds={})
    assert "<code>00-capture → 01-inline</code>: the same text" in page
    assert "<code>01-inline → 02-loops</code>: 1 line changed, 1 line added" in page
    assert '<td class="changed">for i in P(8): <span class="origin"># user.py:4</span></td>' in page
    assert '<td class="changed">for i in range(8): <span class="origin"># user.py:3</span></td>' in page
    assert '<td class="added">    g(i) &lt; 2</td>' in page


def test_a_run_is_told_with_graph_timeline_and_counts(made, package):
    page = package_page(package, ran(made.REPORTS["diamond"]), seconds={})
    assert page.count("<svg") == 2
    text = Reader(page).text()
    for each in ("One call on inputs of seed 1.", "agrees", "differs", "max abs err 3 < 4", "y f32 (3, 4) sha256:00",
                 "flowchart TD", 't0 -->|"RAW"| t1', "250 ms"):  # fmt: skip
        assert each in text
    rows = dict(re.findall(r"<tr><td>([^<]*)</td>(.*)</tr>", page))
    cells = {name: re.findall(r"<td>([^<]*)</td>", rest) for name, rest in rows.items()}
    assert cells["tasks"] == ["4", "4"]
    assert cells["workers"] == ["3", "4"]
    assert cells["window high water"] == ["7", "5"]
    assert cells["window stalls"] == ["2", "1"]
    assert cells["edges"][0] == "5 (2 RAW, 1 WAR, 1 after, 1 stream)"
    assert cells["edges that follow from no others"][0] == "4"
    assert cells["tasks of the longest chain"][0] == "3"


def cells(page, name):
    """The cells of the rows that begin with this name."""
    rows = re.findall(rf"<tr><td><code>{name}</code></td>(.*)</tr>", page)
    return [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for row in rows]


def test_a_network_is_told_before_and_after_its_run(made, tmp_path):
    package = publish(tmp_path, (*TEXTS[:2], NETWORK))
    page = package_page(package, ran(made.REPORTS["network"]), seconds={})
    text = Reader(page).text()
    assert cells(page, "q") == [
        ["Scalar[i32]", "capacity 1", "prod", "cons", "not known", "not known"],
        ["Scalar[i32]", "capacity 1", "3", "1 of 1", "once, 1 cycles", "once, 1 cycles"],
    ]
    assert cells(page, "prod") == [["3", "14 cycles", "13 (93%)", "0", "1", "q full once, 1 cycles"]]
    waits = "q empty once, 1 cycles; q at its end once, 4 cycles"
    assert cells(page, "cons") == [["3", "14 cycles", "9 (64%)", "1", "0", waits]]
    assert page.count("<svg") == 3
    assert "q: Scalar[i32]" in text
    assert "busy 13 of 14 cycles" in text
    assert "simulated time: 2 processes in 14 cycles" in text
    assert "Task graph" not in text
    assert "workers" not in text


def test_of_several_networks_each_is_told_as_it_ran_the_last_time(made, tmp_path):
    package = publish(tmp_path, (*TEXTS[:2], NETWORK))
    pair = made.REPORTS["network"].simulated
    other = NetworkRun(start=14, makespan=3, processes={"lonely": ProcessRun(end=3, busy=3, stall_in=0, stall_out=0)})
    first = NetworkRun(start=0, makespan=14, processes=pair.processes, channels=pair.channels)
    found = structs.replace(pair, networks=3, earlier=(first, other))
    report = structs.replace(made.REPORTS["network"], simulated=found)
    page = package_page(package, ran(report), seconds={})
    assert "<h3>Network <code>pair</code>, the last of 2 runs</h3>" in page
    assert "<h3>Network</h3>" in page
    assert cells(page, "lonely") == [["0", "3 cycles", "3 (100%)", "0", "0", "0 times"]]
    assert len(cells(page, "prod")) == 1


def test_a_deadlock_is_told_with_its_graph_and_as_json(made, package):
    place = Span(file="user.py", line=7)
    page = package_page(package, Deadlock(made.STUCK, place, ()), seconds={})
    text = Reader(page).text()
    for each in (
        "The run ended in a deadlock (artificial): nobody could go on, and nothing was computed.",
        "error[csp.deadlock]: csp.deadlock[artificial] at t=0: 2 blocked",
        "  S @t=0: send on x (full 2/2), waits for M",
        "  cycle: S -> M -> S",
        "channel  capacity  high_water  sends  receives  stall_full  stall_empty  closed",
        "x               2           2      3         1           0            0      no",
        '"kind": "artificial"',
        '"raise_channel": "x"',
    ):
        assert each in text
    assert page.count('class="v-blocked"') == 5  # two channels in two parts, and the legend
    assert "The package could not be run here" not in text


def test_what_was_not_measured_says_so(made, package):
    page = package_page(package, ran(made.REPORTS["nothing"]), seconds={})
    for name in ("time", "tasks", "workers", "time in tasks", "window high water", "window stalls", "edges"):
        assert f"<tr><td>{name}</td><td>not measured</td><td>not measured</td></tr>" in page
    assert "None was recorded" in page
    assert "tasks in real time: not measured" in page


def test_a_package_that_cannot_run_here_is_told_without_a_run(package):
    refused = Refused("bind.no-binding", "no <installed> binding", help="pip install x")
    page = package_page(package, refused, seconds={})
    text = Reader(page).text()
    assert "The package could not be run here; nothing was measured." in text
    assert "error[bind.no-binding]: no <installed> binding" in text
    assert "help: pip install x" in text
    assert "<svg" not in page


def test_names_are_text_and_never_markup(made, package):
    page = package_page(package, ran(made.REPORTS["odd"]), seconds={})
    assert not re.search(r"<b>|&#1;", page)
    assert "&lt;b&gt;" in page


def test_the_page_of_a_real_package(tmp_path):
    @kernel
    def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        y[:] = tile.exp(x[:]) * 2.0

    package = htp.compile_program(double, target="cpu", out=tmp_path / "double")
    page = package_page(package, Refused("bind.no-binding", "none"), seconds={})
    read = Reader(page)
    assert "y[:] = tile.exp(x[:]) * 2.0" in read.text("pre")
    assert all(step.pass_ in read.text("td") for step in package.plan.steps)


def test_lines_are_compared_without_the_users_places():
    before, after = lines_of("a  # u.py:1\nb\nc\n"), lines_of("a  # u.py:2\nc\nd\n")
    assert [row.sort for row in rows_of(before, after)] == ["same", "removed", "same", "added"]
    assert said(rows_of(before, after)) == "1 line added, 1 line removed"
    assert said(rows_of(before, before)) == "the same text"
    assert (before[0].text, before[0].origin, before[0].number) == ("a", "u.py:1", 1)


def test_equal_lines_far_from_changes_are_counted():
    before = "".join(f"line {number}\n" for number in range(100))
    shown = side_by_side(rows_of(lines_of(before), lines_of(before.replace("line 50\n", "new\n"))))
    assert shown.count("<tr>") == 9
    assert "47 equal lines" in shown
    assert "46 equal lines" in shown
    assert '<td class="changed">line 50</td>' in shown
