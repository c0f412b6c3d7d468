"""Task graphs as SVG: well-formed, within bounds, nothing on top of anything else, readable on both grounds."""

from itertools import pairwise
from pathlib import Path

import pytest

from htp.views import graph_svg
from htp.views.drawing import COLOURS, DARK, LIGHT, LINES, kernel_colours

GOLDEN = Path(__file__).parent / "golden" / "views"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("empty", "one", "two", "chain", "diamond", "independent", "join", "random", "odd", "grouped")
def boxes_of(root):
    """The boxes of tasks: those that say something when pointed at."""
    return [each for each in root.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_outside_and_nothing_overlaps(made, drawn, name):
    root, width, height = drawn.read(graph_svg(made.GRAPHS[name]))
    drawn.check_within(root, width, height)
    boxes = sorted(map(drawn.rectangle, boxes_of(root)), key=lambda each: (each[1], each[0]))
    for index, one in enumerate(boxes):
        assert not any(drawn.overlap(one, other) for other in boxes[index + 1 :])
    inside = [drawn.extent(each) for each in root.iter(f"{SVG}text") if each.get("text-anchor") == "middle"]
    for each in inside:
        assert any(x <= each[0] and y <= each[1] and each[2] <= r and each[3] <= b for x, y, r, b in boxes)


@pytest.mark.parametrize("name", ["chain", "join", "random", "independent"])
def test_width_is_bounded(made, drawn, name):
    assert drawn.read(graph_svg(made.GRAPHS[name]))[1] <= 2200


@pytest.mark.parametrize("name", NAMES)
def test_every_task_and_every_edge_appears_once(made, drawn, name):
    graph = made.GRAPHS[name]
    edges = [f"{each.source}-{each.target}" for each in graph.edges]
    expected = ["0-1", "1-2", "2-0"] if name == "grouped" else edges
    root, _, _ = drawn.read(graph_svg(graph, reduce=False))
    found = [each.get("data-edge") for each in root.iter(f"{SVG}path") if each.get("data-edge")]
    assert sorted(found) == sorted(expected)
    titles = [each.find(f"{SVG}title").text for each in boxes_of(root)]
    assert len(titles) == (3 if name == "grouped" else len(graph.tasks))
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", ["diamond", "join", "random", "chain"])
def test_lines_join_their_boxes_lead_downward_and_cross_no_other_box(made, drawn, name):
    graph = made.GRAPHS[name]
    root, _, _ = drawn.read(graph_svg(graph, reduce=False))
    found = boxes_of(root)
    boxes = [drawn.rectangle(each) for each in found]
    assert [each.find(f"{SVG}title").text.split(":")[0] for each in found] == [f"task {i}" for i in range(len(found))]
    for each in root.iter(f"{SVG}path"):
        if not each.get("data-edge"):
            continue
        source, target = map(int, each.get("data-edge").split("-"))
        way = drawn.points(each)
        upper, lower = boxes[source], boxes[target]
        assert way[0] == pytest.approx(((upper[0] + upper[2]) / 2, upper[3]), abs=0.11)
        assert way[-1] == pytest.approx(((lower[0] + lower[2]) / 2, lower[1]), abs=0.11)
        for one, other in pairwise(way):
            assert one[1] <= other[1] + 0.11
            for x, y, right, bottom in boxes:
                if one[1] < (y + bottom) / 2 < other[1]:
                    assert one[0] == other[0]
                    assert not x <= one[0] <= right


def test_only_kernels_of_a_grouped_graph_are_drawn_and_it_says_so(made, drawn):
    root, _, _ = drawn.read(graph_svg(made.GRAPHS["grouped"]))
    said = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    assert "3000 tasks are more than 200: grouped by kernel" in said
    assert "combine → prepare: RAW 999" in said


def test_names_are_text_and_never_markup(made, drawn):
    root, _, _ = drawn.read(graph_svg(made.GRAPHS["odd"]))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {"svg", "style", "rect", "title", "text", "path"}
    texts = {"".join(each.itertext()) for each in root.iter(f"{SVG}text")}
    assert '<b>"x"&#1; `md` ? %% -->…' in texts or '<b>"x"&#1; `md` ? %% --> ]' in texts
    assert "a" * 25 + "…" in texts


def test_the_legend_names_kernels_and_kinds_that_are_drawn(made, drawn):
    root, _, _ = drawn.read(graph_svg(made.GRAPHS["diamond"]))
    texts = {"".join(each.itertext()) for each in root.iter(f"{SVG}text")}
    assert {"load: 1", "left: 1", "right: 1", "join: 1", "RAW", "WAR", "after"} <= texts
    assert "stream" not in texts  # its only edge follows from others
    assert "WAW" not in texts


def luminance(colour):
    """https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("ground", "dark"), [(LIGHT, False), (DARK, True)])
def test_text_and_lines_stand_out_on_both_grounds(ground, dark):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    fills = [kernel_colours(number, dark=dark) for number in range(COLOURS)]
    assert len(set(fills)) == COLOURS
    for behind in (ground["ground"], *(fill for fill, _ in fills)):
        assert contrast(ground["text"], behind) >= 7
        assert contrast(ground["quiet"], behind) >= 4.5
    for line in (*(stroke for _, stroke in fills), *(each[1 if dark else 0] for each in LINES.values())):
        assert contrast(line, ground["ground"]) >= 3


def test_a_small_graph_is_as_written_down(made, request):
    golden, text = GOLDEN / "diamond.svg", graph_svg(made.GRAPHS["diamond"])
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert graph_svg(made.GRAPHS["random"]) == graph_svg(made.GRAPHS["random"])
