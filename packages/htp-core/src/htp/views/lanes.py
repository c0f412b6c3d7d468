"""What timelines are made of: a scale of time with its axis, lanes, and counts over time.

Knows where a time stands; does not know what went on in a lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.views.drawing import number, path, shortened, text_at
from htp.views.times import said, ticks

if TYPE_CHECKING:
    from htp.views.times import Steps

MARGIN, WIDTH, LANE, BAR, AREA = 20.0, 880.0, 24.0, 18.0, 40.0


@dataclass(frozen=True)
class Scale:
    """Where a time stands: `left` is 0, and `end` is `width` further right."""

    left: float
    end: int
    width: float = WIDTH

    def __call__(self, time: float) -> float:
        """Where that time stands."""
        return self.left + self.width * min(max(time, 0), self.end) / max(self.end, 1)


def lane(name: str, scale: Scale, top: float, height: float = LANE) -> str:
    """The name of a lane and the rule below it."""
    rule = path(f"M{number(scale.left)} {number(top + height)}h{number(scale.width)}", "v-rule")
    return text_at(MARGIN, top + (height - LANE) / 2 + 16, shortened(name, 24), role="quiet") + rule


def axis(scale: Scale, unit: str, top: float, bottom: float) -> str:
    """A rule for every round time, named below."""
    parts: list[str] = []
    for tick in ticks(scale.end, 6):
        x = scale(tick)
        parts.append(path(f"M{number(x)} {number(top)}V{number(bottom + 4)}", "v-rule"))
        name = said(tick, unit).removesuffix(" cycles") if tick else f"0 {unit}"
        parts.append(text_at(x, bottom + 17, name, role="quiet", anchor="middle", size=11))
    return "".join(parts)


def area(name: str, steps: Steps, scale: Scale, top: float, told: str = "") -> str:
    """A count over time, filled, with its largest value unless something else is told; in each pixel the largest."""
    most = max((level for _, level in steps), default=0)
    columns: dict[int, int] = {}
    for time, level in steps:
        column = int(scale(time) - scale.left)
        columns[column] = max(columns.get(column, 0), level)
    height, base = AREA - 12, top + AREA
    points = [f"M{number(scale.left)} {number(base)}"]
    for column, largest in sorted(columns.items()):
        points.append(f"H{number(scale.left + column)}V{number(base - height * largest / max(most, 1))}")
    points.append(f"H{number(scale.left + scale.width)}V{number(base)}Z")
    label = text_at(MARGIN, base - height / 2 + 2, shortened(name, 24), role="quiet")
    label += text_at(MARGIN, base - height / 2 + 15, told or f"most {most}", role="quiet", size=10)
    return label + path("".join(points), "v-area")
