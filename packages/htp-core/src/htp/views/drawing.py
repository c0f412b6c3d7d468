"""SVG elements, text widths and colours that are readable on light and dark grounds.

Knows how things are drawn; does not know what is drawn.
"""

from __future__ import annotations

import colorsys
import re
import unicodedata
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

COLOURS = 10
"""How many kernels differ in colour; names are written besides."""
_HUES = (210, 28, 140, 0, 275, 55, 180, 325, 90, 240)
FONT_SIZE = 12
CHARACTER = 7.4
"""Width of a character at `FONT_SIZE`: monospaced fonts advance by 0.55 (Consolas) to 0.602 em (DejaVu, Menlo)."""
LIGHT = {"ground": "#ffffff", "text": "#1b2027", "quiet": "#4c555f", "rule": "#d4dae1", "stuck": "#fbdcdc"}
DARK = {"ground": "#14181d", "text": "#e6eaef", "quiet": "#b3bdc8", "rule": "#39424d", "stuck": "#4d1f1f"}
LINES = {
    "RAW": ("#59636e", "#a3adb8", ""),
    "WAR": ("#a85100", "#f0a35e", "6 3"),
    "WAW": ("#7d4cdb", "#b794f6", "2 3"),
    "after": ("#0b7285", "#4fc3d9", "9 3 2 3"),
    "stream": ("#1a7f37", "#5fcf80", "14 4"),
    "channel": ("#59636e", "#a3adb8", ""),
    "full": ("#a85100", "#f0a35e", "6 3"),
    "empty": ("#0b7285", "#4fc3d9", "2 3"),
    "blocked": ("#c92a2a", "#ff8787", ""),
    "other": ("#59636e", "#a3adb8", "1 4"),
}
"""Stroke on a light and on a dark ground, and dashes, of every kind of edge and of channel."""
_SPACE = re.compile(r"[\t\r\n]+")
_NOT_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def kernel_colours(number: int, *, dark: bool) -> tuple[str, str]:
    """Fill and stroke of a kernel's boxes.

    >>> kernel_colours(0, dark=False) == kernel_colours(COLOURS, dark=False)
    True
    """
    hue = _HUES[number % COLOURS] / 360
    fill, stroke = ((0.21, 0.42), (0.60, 0.50)) if dark else ((0.89, 0.75), (0.34, 0.55))
    return _hex(hue, *fill), _hex(hue, *stroke)


def _hex(hue: float, lightness: float, saturation: float) -> str:
    channels = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(255 * each):02x}" for each in channels)


def style() -> str:
    """The style sheet of every drawing; a page that holds several repeats it."""
    return f"{_rules(LIGHT, dark=False)}@media (prefers-color-scheme: dark) {{\n{_rules(DARK, dark=True)}}}\n"


def _rules(colours: dict[str, str], *, dark: bool) -> str:
    lines = [
        f".v-ground {{ fill: {colours['ground']}; }}",
        f".v-text {{ fill: {colours['text']}; }}",
        f".v-quiet {{ fill: {colours['quiet']}; }}",
        f".v-rule {{ stroke: {colours['rule']}; fill: none; }}",
        f".v-idle {{ fill: {colours['rule']}; stroke: none; }}",
        f".v-area {{ fill: {colours['rule']}; stroke: {colours['quiet']}; }}",
        f".v-plain {{ fill: {colours['rule']}; stroke: {colours['quiet']}; }}",
        f".v-stuck {{ fill: {colours['stuck']}; stroke: {LINES['blocked'][dark]}; stroke-width: 2.4; }}",
    ]
    for number in range(COLOURS):
        fill, stroke = kernel_colours(number, dark=dark)
        lines.append(f".v-k{number} {{ fill: {fill}; stroke: {stroke}; }}")
    for kind, (light, on_dark, dashes) in LINES.items():
        stroke = on_dark if dark else light
        dashed = f" stroke-dasharray: {dashes};" if dashes and not dark else ""
        wide = " stroke-width: 2.4;" if kind == "blocked" else ""
        lines.append(f".v-{kind} {{ stroke: {stroke}; fill: none;{dashed}{wide} }}")
        lines.append(f".v-head-{kind} {{ fill: {stroke}; }}")
    return "".join(f"{line}\n" for line in lines)


def kernel_class(number: int | None) -> str:
    """The class of the boxes of a kernel; of none in particular without a number."""
    return "v-plain" if number is None else f"v-k{number % COLOURS}"


def line_class(kind: str) -> str:
    """The class of the arrows of a kind, without the leading `v-`."""
    return kind if kind in LINES else "other"


def clean(text: str) -> str:
    r"""The text on one line, with `?` for what XML cannot hold.

    https://www.w3.org/TR/xml/#charsets

    >>> clean("a\x00b\nc")
    'a?b c'
    """
    return _NOT_XML.sub("?", _SPACE.sub(" ", text))


def escaped(text: str) -> str:
    """The text as it stands in XML, quotes included."""
    return escape(clean(text), quote=True)


def columns(text: str) -> int:
    """How many columns of a monospaced font the text takes.

    >>> columns("gemm"), columns("行列")
    (4, 4)
    """
    wide = sum(1 for each in text if unicodedata.east_asian_width(each) in "WF")
    combining = sum(1 for each in text if unicodedata.combining(each))
    return len(text) + wide - combining


def shortened(text: str, most: int) -> str:
    """The text, or as much of its beginning as fits in `most` columns with an ellipsis.

    >>> shortened("online_softmax", 8)
    'online_…'
    """
    text = clean(text)
    if columns(text) <= most:
        return text
    while text and columns(text) > most - 1:
        text = text[:-1]
    return f"{text}…"


def width_of(text: str, size: float = FONT_SIZE) -> float:
    """Width of the text in pixels."""
    return columns(clean(text)) * CHARACTER * size / FONT_SIZE


def number(value: float) -> str:
    """A coordinate, with at most one decimal.

    >>> number(3.0), number(2.25), number(-0.01)
    ('3', '2.2', '0')
    """
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def text_at(
    x: float, y: float, said: str, *, role: str = "text", anchor: str = "start", size: float = FONT_SIZE
) -> str:
    """A line of text whose baseline is at `y`."""
    anchored = "" if anchor == "start" else f' text-anchor="{anchor}"'
    sized = "" if size == FONT_SIZE else f' font-size="{number(size)}"'
    return f'<text class="v-{role}" x="{number(x)}" y="{number(y)}"{anchored}{sized}>{escaped(said)}</text>\n'


def box(x: float, y: float, width: float, height: float, role: str, *, round_: float = 0, said: str = "") -> str:
    """A rectangle; `said` appears when it is pointed at."""
    rounded = f' rx="{number(round_)}"' if round_ else ""
    where = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{role}" {where}{rounded}{_titled("rect", said)}'


def path(points: str, role: str, *, said: str = "", data: str = "") -> str:
    """A path; `data` says what it stands for."""
    marked = f' data-edge="{data}"' if data else ""
    return f'<path class="{role}"{marked} d="{points}"{_titled("path", said)}'


def _titled(element: str, said: str) -> str:
    return f"><title>{escaped(said)}</title></{element}>\n" if said else "/>\n"


def legend(entries: Iterable[tuple[str, str]], x: float, y: float, width: float) -> tuple[str, float]:
    """Samples with names beside them in rows no wider than `width`; the drawing and the baseline of its last row.

    An entry is the class of a box (`v-k3`), or of a line (`v-RAW`), and a name.
    """
    drawn: list[str] = []
    left = x
    for role, name in entries:
        taken = 28 + width_of(name) + 18
        if left > x and left + taken > x + width:
            left, y = x, y + 20
        if role.removeprefix("v-") in LINES:
            drawn.append(path(f"M{number(left)} {number(y - 4)}h22", role))
        else:
            drawn.append(box(left + 4, y - 10, 14, 12, role, round_=2))
        drawn.append(text_at(left + 28, y, name))
        left += taken
    return "".join(drawn), y


def svg(width: float, height: float, body: str, *, label: str) -> str:
    """A drawing on its own ground that shrinks with the room it is given."""
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    font = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escaped(label)}" '
        f'style="max-width: 100%; height: auto" font-family="{font}" font-size="{FONT_SIZE}" stroke-width="1.2">\n'
        f"<style>\n{style()}</style>\n{box(0, 0, width, height, 'v-ground', round_=4)}{body}</svg>\n"
    )
