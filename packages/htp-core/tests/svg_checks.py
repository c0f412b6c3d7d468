"""What an SVG draws and where: rectangles, texts in the widest font, the points of paths."""

import re
import xml.etree.ElementTree as ElementTree

from htp.views.drawing import columns

SVG = "{http://www.w3.org/2000/svg}"
DEJAVU = 0.602
"""Advance of DejaVu Sans Mono and Menlo, the widest of the fonts that are named, in em."""


def read(text):
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    left, top, width, height = map(float, root.get("viewBox").split())
    assert (left, top) == (0, 0)
    return root, width, height


def rectangle(element):
    x, y = float(element.get("x")), float(element.get("y"))
    return x, y, x + float(element.get("width")), y + float(element.get("height"))


def extent(element):
    """The rectangle a text takes in the widest font."""
    size = float(element.get("font-size", 12))
    width = columns("".join(element.itertext())) * size * DEJAVU
    x, y = float(element.get("x")), float(element.get("y"))
    x -= width / 2 if element.get("text-anchor") == "middle" else 0
    return x, y - 0.76 * size, x + width, y + 0.24 * size


def points(element):
    """The ends of a path's lines, and of its curves, which stay within these and their control points."""
    x = y = 0.0
    found = []
    for letter, rest in re.findall(r"([MCHVLhlz])([^MCHVLhlzZ]*)", element.get("d")):
        values = [float(each) for each in rest.split()]
        if letter in "ML":
            x, y = values
        elif letter == "C":
            found += [(values[0], values[1]), (values[2], values[3])]
            x, y = values[4], values[5]
        elif letter == "H":
            x = values[0]
        elif letter == "V":
            y = values[0]
        elif letter == "h":
            x += values[0]
        elif letter == "l":
            x, y = x + values[0], y + values[1]
        found.append((x, y))
    return found


def overlap(one, other, slack=0.5):
    return (
        min(one[2], other[2]) - max(one[0], other[0]) > slack and min(one[3], other[3]) - max(one[1], other[1]) > slack
    )


def check_within(root, width, height):
    """No element is outside of the drawing, and no text lies on another one."""
    for each in root.iter(f"{SVG}rect"):
        x, y, right, bottom = rectangle(each)
        assert x >= 0
        assert y >= 0
        assert right <= width + 0.1
        assert bottom <= height + 0.1
    for each in root.iter(f"{SVG}path"):
        assert all(0 <= x <= width + 0.1 and 0 <= y <= height + 0.1 for x, y in points(each)), each.get("d")
    texts = [(extent(each), "".join(each.itertext())) for each in root.iter(f"{SVG}text")]
    for x, y, right, bottom in (each for each, _ in texts):
        assert x >= 0
        assert y >= 0
        assert right <= width
        assert bottom <= height
    by_row = sorted(texts, key=lambda each: each[0][1])
    for index, (one, said) in enumerate(by_row):
        for other, also in by_row[index + 1 :]:
            if other[1] > one[3]:
                break
            assert not overlap(one, other), (said, also)
