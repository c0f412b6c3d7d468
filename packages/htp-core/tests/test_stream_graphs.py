"""Networks as SVG and as Mermaid: everything is drawn once, nothing lies on anything else, what is stuck stands out."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from htp.runs import Simulated
from htp.views import stream_mermaid, stream_svg
from htp.views.streams import fits, stream_picture

GOLDEN = Path(__file__).parent / "golden" / "views"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = (
    "empty", "alone", "prod", "pipeline", "circle", "parallel", "open", "itself", "odd", "random", "others", "many",
)  # fmt: skip
TEXT = r'"(?:[^"#<>&`\n\\\[\]]|#\d+;|<br/>)*"'
LINES = (
    re.compile(rf"    (?P<node>\w+)\[(?P<text>{TEXT})\]"),
    re.compile(r'    [sr]\d+\(\["\?"\]\)'),
    re.compile(rf"    (?P<source>[ps]\d+) -->\|(?P<label>{TEXT})\| (?P<target>[pr]\d+)"),
    re.compile(r"    linkStyle (?P<links>\d+(?:,\d+)*) stroke:(?P<stroke>#[0-9a-f]{6}),stroke-width:\dpx"),
    re.compile(r"    classDef \w+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}"),
    re.compile(r"    class (?P<members>p\d+(?:,p\d+)*) (?P<class>\w+)"),
)
BLOCKED = "#c92a2a"


def texts(root):
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def boxes(root):
    """The boxes of processes: those that say something when pointed at."""
    return [each for each in root.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]


def lines(root):
    """The two parts of every channel, by its number and the part: `3-send`."""
    return {each.get("data-edge"): each for each in root.iter(f"{SVG}path") if each.get("data-edge")}


def parsed(text):
    """Nodes, edges, the colours of some edges and the classes of nodes; fails on any line that is no Mermaid."""
    nodes, edges, strokes, classes = {}, [], {}, {}
    first, *rest = text.splitlines()
    assert first == "flowchart TD"
    for line in rest:
        found = next((match for pattern in LINES if (match := pattern.fullmatch(line))), None)
        assert found is not None, line
        parts = found.groupdict()
        if "node" in parts:
            nodes[parts["node"]] = parts["text"][1:-1]
        elif "source" in parts:
            edges.append((parts["source"], parts["target"], parts["label"][1:-1]))
        elif "links" in parts:
            strokes |= dict.fromkeys(map(int, parts["links"].split(",")), parts["stroke"])
        elif "members" in parts:
            classes |= dict.fromkeys(parts["members"].split(","), parts["class"])
    return nodes, edges, strokes, classes


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_outside_and_nothing_lies_on_anything_else(made, drawn, name):
    root, width, height = drawn.read(stream_svg(made.NETWORKS[name]))
    drawn.check_within(root, width, height)
    assert width <= 2600
    solid = [drawn.rectangle(each) for each in boxes(root)]
    labels = [drawn.extent(each) for each in root.iter(f"{SVG}text") if each.get("text-anchor") == "middle"]
    for index, one in enumerate(solid):
        assert not any(drawn.overlap(one, other) for other in solid[index + 1 :])
    for way in map(drawn.points, lines(root).values()):
        for one, other in pairwise(way):
            piece = (min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1]))
            if one[0] == other[0]:
                for x, y, right, bottom in (*solid, *labels):
                    inside = x + 1 < piece[0] < right - 1 and min(piece[3], bottom) - max(piece[1], y) > 1
                    assert not inside, (name, piece)
    assert stream_svg(made.NETWORKS[name]) == stream_svg(made.NETWORKS[name])


@pytest.mark.parametrize("name", [each for each in NAMES if each not in ("many", "odd")])
def test_every_process_and_both_parts_of_every_channel_are_drawn_once(made, drawn, name):
    network = made.NETWORKS[name]
    root, _, _ = drawn.read(stream_svg(network))
    said = sorted(each.find(f"{SVG}title").text.partition(":")[0] for each in boxes(root))
    assert said == sorted(each.name for each in network.processes)
    expected = {f"{k}-send" for k, each in enumerate(network.channels) if each.sender}
    expected |= {f"{k}-recv" for k, each in enumerate(network.channels) if each.receiver}
    assert set(lines(root)) == expected
    for each in network.channels:
        assert texts(root).count(f"{each.name}: Tile[f32, 16, 64]") == 1


def test_a_channel_leads_from_its_sender_down_to_its_receiver(made, drawn):
    root, _, _ = drawn.read(stream_svg(made.NETWORKS["pipeline"]))
    load, square, store = (drawn.rectangle(each) for each in boxes(root))
    assert load[3] < square[1] < square[3] < store[1]
    found = lines(root)
    for name, upper, lower in (("0", load, square), ("1", square, store)):
        start, end = drawn.points(found[f"{name}-send"])[0], drawn.points(found[f"{name}-recv"])[-1]
        assert start[1] == pytest.approx(upper[3], abs=0.1)
        assert end[1] == pytest.approx(lower[1], abs=0.1)
        assert upper[0] < start[0] < upper[2]
        assert lower[0] < end[0] < lower[2]


def test_in_a_circle_one_channel_leads_up(made, drawn):
    root, _, _ = drawn.read(stream_svg(made.NETWORKS["circle"]))
    mix, keep = (drawn.rectangle(each) for each in boxes(root))
    assert mix[3] < keep[1], "the first one that is declared stands above"
    heads = [drawn.points(each)[0] for each in root.iter(f"{SVG}path") if each.get("class") == "v-head-channel"]
    assert sorted(y for _, y in heads) == pytest.approx([mix[3], keep[1]], abs=0.1)


def test_what_is_declared_is_said(made, drawn):
    a, b = made.NETWORKS["pipeline"].channels
    declared = replace(made.NETWORKS["pipeline"], channels=(replace(a, least="1"), replace(b, least="0")))
    found = texts(drawn.read(stream_svg(declared))[0])
    assert found == [
        "load", "a: Tile[f32, 16, 64]", "capacity 2 (least 1), latency 3", "square", "b: Tile[f32, 16, 64]",
        "rendezvous", "store",
    ]  # fmt: skip
    circle = texts(drawn.read(stream_svg(made.NETWORKS["circle"]))[0])
    assert {"capacity 1, response 2, 1 initial", "capacity 1"} <= set(circle)


def test_what_a_run_found_is_said(made, drawn):
    run = made.REPORTS["network"].simulated
    found = texts(drawn.read(stream_svg(made.NETWORKS["prod"], run))[0])
    assert found == [
        "its sender waited longer", "prod", "busy 13 of 14 cycles", "q: Tile[f32, 16, 64]", "capacity 1",
        "3 tokens, high water 1 of 1", "waited: sender 1, receiver 1", "cons", "busy 9 of 14 cycles",
    ]  # fmt: skip
    alone = texts(drawn.read(stream_svg(None, run))[0])
    assert [each for each in found if each != "q: Tile[f32, 16, 64]"] == [each for each in alone if each != "q"]


def test_what_is_stuck_stands_out(made, drawn):
    root, _, _ = drawn.read(stream_svg(None, made.STUCK))
    kinds = {name: each.get("class") for name, each in lines(root).items()}
    assert {name for name, kind in kinds.items() if kind == "v-blocked"} == {"0-send", "0-recv", "1-send", "1-recv"}
    assert {name for name, kind in kinds.items() if kind == "v-full"} == {"2-send", "2-recv"}
    stuck = {each.find(f"{SVG}title").text for each in boxes(root) if each.get("class") == "v-stuck"}
    assert stuck == {"S: S @t=0: send on x (full 2/2), waits for M", "M: M @t=0: recv on y (empty 0/2), waits for S"}
    assert {
        "blocked", "deadlock (artificial) at 0 cycles, 2 blocked", "cycle: S → M → S", "hint: raise capacity of x",
        "send at 0 cycles, line 7", "recv at 0 cycles, line 12", "ended at 9 cycles", "full 2/2: S waits",
        "empty 0/2: M waits", "waited: sender 6, receiver 5",
    } <= set(texts(root))  # fmt: skip


def test_many_processes_are_grouped_and_it_says_so(made, drawn):
    root, _, _ = drawn.read(stream_svg(made.NETWORKS["many"]))
    assert texts(root) == [
        "120 processes are more than 40: grouped by kernel", "send", "60 processes", "60 channels", "capacity 2",
        "take", "60 processes",
    ]  # fmt: skip
    nodes, edges, _, _ = parsed(stream_mermaid(made.NETWORKS["many"]))
    assert nodes["p0"] == "send<br/>60 processes"
    assert edges == [("p0", "p1", "60 channels<br/>capacity 2")]


def test_of_several_networks_it_is_said_which_is_drawn(made, drawn):
    run = Simulated(makespan=9, networks=4, processes=made.REPORTS["network"].simulated.processes)
    assert "the last of 4 networks that ran" in texts(drawn.read(stream_svg(None, run))[0])


def test_names_are_text_and_never_markup(made, drawn):
    root, _, _ = drawn.read(stream_svg(made.NETWORKS["odd"]))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {"svg", "style", "rect", "title", "text", "path"}
    assert any(each.startswith('<b>"x"&#1; `md` ? %%') for each in texts(root))
    assert "x" * 25 + "…" in texts(root)
    nodes, _, _, _ = parsed(stream_mermaid(made.NETWORKS["odd"]))
    back = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), nodes["p0"].partition("<br/>")[0])
    assert back == '<b>"x"&#1; `md` ? %% --> ]'


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_mermaid(made, name):
    network = made.NETWORKS[name]
    nodes, edges, strokes, classes = parsed(stream_mermaid(network))
    assert strokes == {}
    assert set(classes) == {each for each in nodes if each not in ("note", "none")}
    if name not in ("many", "odd"):
        numbers = {each.name: f"p{k}" for k, each in enumerate(network.processes)}
        assert [(source, target) for source, target, _ in edges] == [
            (numbers.get(each.sender, f"s{k}"), numbers.get(each.receiver, f"r{k}"))
            for k, each in enumerate(network.channels)
        ]


def test_a_deadlock_in_mermaid(made):
    nodes, edges, strokes, classes = parsed(stream_mermaid(None, made.STUCK))
    assert nodes["note"].endswith("hint: raise capacity of x")
    assert nodes["p0"] == "S<br/>send at 0 cycles, line 7"
    assert edges[0] == ("p0", "p1", "x<br/>capacity 2<br/>3 tokens, high water 2 of 2<br/>full 2#47;2: S waits")
    assert {number for number, stroke in strokes.items() if stroke == BLOCKED} == {0, 1}
    assert {name for name, kind in classes.items() if kind == "stuck"} == {"p0", "p1"}


def test_a_run_is_known_by_its_processes(made):
    assert fits(made.NETWORKS["prod"], made.REPORTS["network"].simulated)
    assert not fits(made.NETWORKS["pipeline"], made.REPORTS["network"].simulated)
    assert not fits(made.NETWORKS["prod"], made.STUCK)


def test_more_channels_than_mermaid_draws_are_grouped(made):
    network = made.net(["a", "b"], [(f"c{k}", "a", "b", {}) for k in range(501)])
    picture = stream_picture(network, None, limit=40)
    assert picture.notes == ("501 channels are more than 500: grouped by kernel",)
    assert [each.lines for each in picture.channels] == [("501 channels", "capacity 1")]


@pytest.mark.parametrize("kind", ["svg", "mmd"])
def test_a_small_network_is_as_written_down(made, request, kind):
    golden = GOLDEN / f"stuck.{kind}"
    text = stream_svg(None, made.STUCK) if kind == "svg" else stream_mermaid(None, made.STUCK)
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
