"""Draw measured figures: lines in a plane, as SVG that browsers show at any width, light or dark."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10

Line = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 480, 340
LEFT, RIGHT, BOTTOM = 62, 28, 52
KEY_ROW = 18
STYLE = """
  text { font-family: sans-serif; font-size: 12px; fill: #222 }
  .paper { fill: #fff } .grid { stroke: #ddd } .mark { stroke: #777; stroke-dasharray: 8 3 1 3 }
  .line { fill: none; stroke-width: 2 }
  .c0 { stroke: #b35806 } .c1 { stroke: #2166ac } .c2 { stroke: #762a83 } .c3 { stroke: #01665e }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .paper { fill: #181a1b } .grid { stroke: #3a3d40 } .mark { stroke: #999 }
    .c0 { stroke: #fdb863 } .c1 { stroke: #74add1 } .c2 { stroke: #c2a5cf } .c3 { stroke: #5ab4ac }
  }
"""
DASHES = ("6 4", "", "2 3", "10 3")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What is drawn.

    `lines`: up to four, each with positive points from left to right. `marks`: levels with their names, such
    as a promise. An axis goes by powers of ten where `powers` has its letter, else from 0.
    """

    title: str
    across: str
    up: str
    lines: dict[str, Line]
    marks: dict[str, float] = field(default_factory=dict)
    powers: str = "xy"


class Axis:
    """Values to pixels, and the values at which it has a line."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, powers: bool) -> None:
        self._start, self._end, self._powers = start, end, powers
        if powers:
            least, most = floor(log10(min(values))), ceil(log10(max(values)))
            self.ticks = [10.0**power for power in range(least, max(most, least + 1) + 1)]
        else:
            step = _step(max(values))
            self.ticks = [round(step * tick, 6) for tick in range(ceil(max(values) / step) + 1)]

    def at(self, value: float) -> float:
        first, last, here = (
            log10(one) if self._powers else one for one in (self.ticks[0], self.ticks[-1], value)
        )
        return round(self._start + (here - first) / (last - first) * (self._end - self._start), 1)


def _step(most: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are at most eight of them."""
    power: float = 10.0 ** floor(log10(most))
    return next(power * part for part in (0.2, 0.5, 1.0, 2.0) if most / (power * part) <= 8)


def plot(picture: Picture) -> str:
    points = [point for line in picture.lines.values() for point in line]
    top = 46 + KEY_ROW * len(picture.lines)
    x = Axis([one[0] for one in points], LEFT, WIDTH - RIGHT, powers="x" in picture.powers)
    levels = [one[1] for one in points] + list(picture.marks.values())
    y = Axis(levels, HEIGHT - BOTTOM, top, powers="y" in picture.powers)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * 3 // 2}" height="{HEIGHT * 3 // 2}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(picture.title)}</title>',
        f'<desc id="desc">{escape(_told(picture))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(12, 22, picture.title, size=14),
        *_grid(x, y, top),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, picture.across, anchor="middle"),
        _text(LEFT - 8, top - 10, picture.up, anchor="end"),
        *_marks(picture, y),
    ]
    for number, (name, line) in enumerate(picture.lines.items()):
        parts += _line(x, y, number, name, line)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _told(picture: Picture) -> str:
    """The same in words, for whoever hears it."""
    lines = (
        f"{name}: " + ", ".join(f"{b:,g} at {a:,g}" for a, b in line) for name, line in picture.lines.items()
    )
    marks = (f"{name}: {level:,g}" for name, level in picture.marks.items())
    return f"{picture.up} by {picture.across}. " + ". ".join([*lines, *marks]) + "."


def _grid(x: Axis, y: Axis, top: float) -> list[str]:
    drawn = []
    for value in x.ticks:
        at = x.at(value)
        drawn.append(f'<path class="grid" d="M{at} {top}V{HEIGHT - BOTTOM}"/>')
        drawn.append(_text(at, HEIGHT - BOTTOM + 18, f"{value:,g}", anchor="middle"))
    for value in y.ticks:
        at = y.at(value)
        drawn.append(f'<path class="grid" d="M{LEFT} {at}H{WIDTH - RIGHT}"/>')
        drawn.append(_text(LEFT - 8, at + 4, f"{value:,g}", anchor="end"))
    return drawn


def _marks(picture: Picture, y: Axis) -> list[str]:
    drawn = []
    for name, level in picture.marks.items():
        at = y.at(level)
        drawn.append(f'<path class="mark" d="M{LEFT} {at}H{WIDTH - RIGHT}"/>')
        drawn.append(_text(LEFT + 4, at - 5, name))
    return drawn


def _line(x: Axis, y: Axis, number: int, name: str, line: Line) -> list[str]:
    path = "L".join(f"{x.at(a)} {y.at(b)}" for a, b in line)
    style = f'class="line c{number}" stroke-dasharray="{DASHES[number]}"'
    key = 42 + KEY_ROW * number
    return [
        f'<path d="M{path}" {style}/>',
        *(f'<circle class="line c{number}" cx="{x.at(a)}" cy="{y.at(b)}" r="2"/>' for a, b in line),
        f'<path d="M{LEFT + 60} {key}h28" {style}/>',
        _text(LEFT + 96, key + 4, name),
    ]


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    style = "" if size == 12 else f' style="font-size: {size}px"'
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{style}>{escape(words)}</text>'
