"""Mermaid flowcharts: every line is of a small grammar, every task and edge is there, names cannot break out."""

import re
from pathlib import Path

import pytest

from htp.views import mermaid

GOLDEN = Path(__file__).parent / "golden" / "views"
TEXT = r'"(?:[^"#<>&`\n\\\[\]]|#\d+;|<br/>)*"'
LINES = (
    re.compile(rf"    (?P<node>\w+)\[(?P<text>{TEXT})\]"),
    re.compile(rf"    (?P<source>t\d+) -->\|(?P<kind>{TEXT})\| (?P<target>t\d+)"),
    re.compile(r"    classDef k\d fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}"),
    re.compile(r"    class (?P<members>t\d+(?:,t\d+)*) k\d"),
)
NAMES = ("empty", "one", "two", "chain", "diamond", "independent", "join", "random", "odd", "grouped")


def parsed(text):
    """Nodes with their texts and edges with their kinds; fails on any line that is no Mermaid."""
    lines = text.splitlines()
    title = ""
    if lines[0] == "---":
        assert re.fullmatch(r'title: "[\w ,.:]+"', lines[1])
        assert lines[2] == "---"
        title, lines = lines[1], lines[3:]
    assert lines[0] == "flowchart TD"
    nodes, edges, members = {}, [], []
    for line in lines[1:]:
        found = next((match for pattern in LINES if (match := pattern.fullmatch(line))), None)
        assert found is not None, line
        parts = found.groupdict()
        if "node" in parts:
            nodes[parts["node"]] = parts["text"][1:-1]
        elif "source" in parts:
            edges.append((int(parts["source"][1:]), int(parts["target"][1:]), parts["kind"][1:-1]))
        elif "members" in parts:
            members += parts["members"].split(",")
    assert sorted(members) == sorted(each for each in nodes if each != "none")
    assert all(f"t{end}" in nodes for edge in edges for end in edge[:2])
    return title, nodes, edges


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_mermaid_and_twice_the_same(made, name):
    text = mermaid(made.GRAPHS[name])
    parsed(text)
    assert mermaid(made.GRAPHS[name]) == text


def test_every_task_and_every_edge_appears(made):
    graph = made.GRAPHS["random"]
    _, nodes, edges = parsed(mermaid(graph, reduce=False))
    assert nodes == {f"t{i}": f"{each.kernel}<br/>({each.at[0]}, {each.at[1]})" for i, each in enumerate(graph.tasks)}
    assert edges == [(each.source, each.target, each.kind) for each in graph.edges]


def test_a_grouped_graph_says_so(made):
    title, nodes, edges = parsed(mermaid(made.GRAPHS["grouped"]))
    assert "3000 tasks are more than 200: grouped by kernel" in title
    assert nodes["t1"] == "gemm_tile<br/>1000 tasks, among them WAR 999"
    assert edges == [(0, 1, "RAW 1000"), (1, 2, "RAW 1000"), (2, 0, "RAW 999")]


def test_names_are_shown_as_they_are(made):
    _, nodes, edges = parsed(mermaid(made.GRAPHS["odd"]))
    back = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), nodes["t0"].partition("<br/>")[0])
    assert back == '<b>"x"&#1; `md` ? %% --> ]'
    assert nodes["t1"] == "行列積<br/>(0)"
    assert edges[1] == (1, 2, "odd #34;kind#34;")


def test_no_tasks_are_a_flowchart_too(made):
    assert mermaid(made.GRAPHS["empty"]) == 'flowchart TD\n    none["no tasks"]\n'


def test_a_small_graph_is_as_written_down(made, request):
    golden, text = GOLDEN / "diamond.mmd", mermaid(made.GRAPHS["diamond"])
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
